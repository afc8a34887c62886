"""A short round of damage in every test run; the long one is a command (fuzz_reader)."""

import numpy as np
import pytest

from tests.spectra.fuzz_reader import damage, fuzz, watched
from tests.spectra.spec_lite import whole


def test_whatever_happens_to_a_file_it_is_read_or_refused_with_a_reason():
    counts = fuzz([whole()], seed=1, rounds=1500, seconds=60)
    print(f"seed 1: {dict(counts)}")
    assert counts["read"] > 0
    assert len(counts) > 5


def test_damage_of_a_seed_is_always_the_same():
    once, again = (damage(whole(), np.random.default_rng([7, 3])) for _ in range(2))
    assert once == again


def test_a_giant_allocation_would_be_noticed():
    with pytest.raises(MemoryError, match="were taken"), watched(1000):
        bytes(1_000_000)
