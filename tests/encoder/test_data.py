"""Batches of spectra from shards."""

import numpy as np
import pytest

from galspec_core.encoder.data import Batches, load_spectra
from galspec_core.errors import TrainingError
from tests.encoder.conftest import make_spectra

IDS = make_spectra(100).specobjid


def order(batches, epoch, skip=0):
    return [batch.specobjid.tolist() for batch in batches.epoch(epoch, skip)]


@pytest.mark.parametrize("buffer", [10, 45, 8192])
def test_an_epoch_sees_every_spectrum_once_but_the_short_last_batch(shards, buffer):
    batches = Batches(shards, IDS, 8, seed=1, buffer=buffer)
    seen = [i for batch in order(batches, 0) for i in batch]
    assert batches.steps == 12
    assert len(seen) == len(set(seen)) == 96
    assert set(seen) <= set(IDS.tolist())


@pytest.mark.parametrize("buffer", [10, 45, 8192])
def test_an_epoch_is_the_same_from_wherever_one_starts(shards, buffer):
    whole = order(Batches(shards, IDS, 8, seed=1, buffer=buffer), 3)
    for skip in range(13):
        assert order(Batches(shards, IDS, 8, seed=1, buffer=buffer), 3, skip) == whole[skip:]


def test_the_order_of_files_does_not_matter_and_epochs_differ(shards):
    first, second = (Batches(paths, IDS, 8, seed=1) for paths in (shards, shards[::-1]))
    assert order(first, 0) == order(second, 0)
    assert order(first, 0) != order(first, 1)
    assert order(first, 0) != order(Batches(shards, IDS, 8, seed=2), 0)


def test_only_the_spectra_asked_for_come_with_their_own_flux(shards):
    wanted = IDS[::3]
    truth = dict(zip(IDS.tolist(), make_spectra(100).flux, strict=True))
    for batch in Batches(shards, wanted, 4, seed=1).epoch(0):
        ids = batch.specobjid.tolist()
        assert set(ids) <= set(wanted.tolist())
        assert all(np.array_equal(f, truth[i]) for f, i in zip(batch.flux, ids, strict=True))


def test_too_few_spectra_are_an_error(shards):
    with pytest.raises(TrainingError, match="too few spectra"):
        Batches(shards, IDS[:7], 8, seed=1)


def test_validation_takes_at_most_what_it_may(shards):
    some = load_spectra(shards, IDS, 20, seed=1)
    assert some.flux.shape == some.ivar.shape == (20, 120)
    assert len(set(some.specobjid.tolist())) == 20
    assert np.array_equal(some.flux, make_spectra(100).flux[np.searchsorted(IDS, some.specobjid)])
    assert np.array_equal(some.specobjid, load_spectra(shards[::-1], IDS[::-1], 20, seed=1).specobjid)
