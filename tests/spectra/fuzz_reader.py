"""Damage spec-lite files at random and see that the reader answers with a spectrum or a SpectrumError, nothing else.

    python -m tests.spectra.fuzz_reader --seconds 600 --seed 1 [FILE …]

Round r of a seed is always the same: ``--first r --rounds 1`` plays one again.
"""

import argparse
import signal
import time
import tracemalloc
import warnings
from collections import Counter
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np

from galspec_core.errors import SpectrumError
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.prepare import PrepareConfig, prepare
from galspec_core.spectra.spectrum import OPTICAL, read_spec_lite
from tests.spectra.spec_lite import IDENTITY, NAME, whole

GRID = Grid("observed", "linear", (3800.0, 4080.0), 60, interpolation="average", min_coverage=0.01)
LOOSE = PrepareConfig((), (3000.0, 4500.0), 0.01, 0.01, 1.0, 0)
BLOCK, CARD = 2880, 80
HANG = 30  # seconds that no read may take
VALUES = (
    "0", "1", "-1", "2", "8", "7", "17", "999", "1000000000", "1000000000000", "9" * 60, "-64", "1E400", "1.5D3", "nan", "inf",
    "T", "F", "''", "'", "'E'", "'2E'", "'J'", "'A'", "'0D'", "'999999999D'", "'1PE(8)'", "'3X'", "'Q'", "'\xff\x00'",
    "'flux'", "'IMAGE'", "'BINTABLE'", "/", "", " " * 70, "(1, 2)",
)  # fmt: skip


def flip(content, rng):
    """Change up to 30 bytes anywhere, or in the headers that are read."""
    out, end = bytearray(content), len(content) if rng.random() < 0.5 else min(len(content), 3 * BLOCK)
    for at in rng.integers(0, end, rng.integers(1, 31)):
        out[at] = rng.integers(256) if rng.random() < 0.5 else out[at] ^ (1 << rng.integers(8))
    return bytes(out)


def cut(content, rng):
    """End the file early, as often as not at a block."""
    at = int(rng.integers(0, len(content) + 1))
    return content[: at - at % BLOCK if rng.random() < 0.5 else at]


def insert(content, rng):
    """Put up to four blocks of zeros, of noise or of the file itself somewhere."""
    at, size = _block(content, rng), BLOCK * int(rng.integers(1, 5))
    start = _block(content, rng)
    more = (bytes(size), rng.bytes(size), content[start : start + size])[rng.integers(3)]
    return content[:at] + more + content[at:]


def delete(content, rng):
    """Take up to four blocks out."""
    at = _block(content, rng)
    return content[:at] + content[at + BLOCK * int(rng.integers(1, 5)) :]


def _block(content, rng):
    return BLOCK * int(rng.integers(0, len(content) // BLOCK + 1))


def change_card(content, rng):
    """Give a card of a header another value, another keyword, another card's place, or none."""
    cards = [at for at in range(0, len(content) - CARD + 1, CARD) if content[at + 8 : at + 10] == b"= "]
    if not cards:
        return content
    at, other = (cards[i] for i in rng.integers(0, len(cards), 2))
    old, value = content[at : at + CARD], VALUES[rng.integers(len(VALUES))].encode("latin-1")
    new = (old[:10] + value, content[other : other + 8] + old[8:], content[other : other + CARD], b"", b"END")[
        rng.integers(5)
    ]
    return content[:at] + new.ljust(CARD)[:CARD] + content[at + CARD :]


DAMAGES = (flip, cut, insert, delete, change_card, change_card)


def damage(content, rng):
    """Return a file damaged one to three times."""
    for i in rng.integers(0, len(DAMAGES), rng.integers(1, 4)):
        content = DAMAGES[i](content, rng) if content else content
    return content


@contextmanager
def watched(limit_bytes):
    """Raise for a warning, for HANG seconds, and for more than ``limit_bytes`` taken within."""

    def alarm(*_):
        raise TimeoutError(f"no answer in {HANG} seconds")

    before = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, HANG)
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
        taken = tracemalloc.get_traced_memory()[1]
        if taken > limit_bytes:
            raise MemoryError(f"{taken:,} bytes were taken, {limit_bytes:,} are allowed")
    finally:
        tracemalloc.stop()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check(spectrum):
    """Raise AssertionError unless a spectrum is what its class says."""
    n = len(spectrum.flux)
    assert n > 0
    for values, kind in ((spectrum.flux, "f4"), (spectrum.ivar, "f4"), (spectrum.and_mask, "i4")):
        assert values.shape == (n,)
        assert values.dtype == np.dtype(kind)
    assert (np.diff(spectrum.wave) > 0).all()
    assert 10 ** OPTICAL[0] <= spectrum.wave[0] < spectrum.wave[-1] * (1 + 1e-12) <= 10 ** OPTICAL[1]


def answer(content):
    """Return what became of a file: "read", or the reason why it or its spectrum is refused."""
    try:
        with watched(20 * len(content) + 1_000_000):
            spectrum = read_spec_lite(content, 0.1, NAME, IDENTITY)
            check(spectrum)
            gridded = prepare(spectrum, LOOSE, GRID)
    except SpectrumError as error:
        return error.reason
    assert all(np.isfinite(values).all() for values in gridded)
    return "read"


def fuzz(files, seed, first=0, rounds=None, seconds=np.inf):
    """Return how often each answer came in rounds of damage, until ``rounds`` or ``seconds`` are over.

    Raises
    ------
    RuntimeError
        An answer that is none; its cause is what came instead.
    """
    counts, end = Counter(), time.monotonic() + seconds
    for number in count(first) if rounds is None else range(first, first + rounds):
        if time.monotonic() > end:
            break
        content = damage(files[number % len(files)], np.random.default_rng([seed, number]))
        try:
            counts[answer(content)] += 1
        except Exception as error:
            raise RuntimeError(f"seed {seed}, round {number}: {type(error).__name__}: {error}") from error
    return counts


def main():
    """Fuzz by command and print what came."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("files", nargs="*", type=Path, help="spec-lite files to damage besides a small made one")
    words.add_argument("--seconds", type=float, default=60)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--first", type=int, default=0)
    words.add_argument("--rounds", type=int)
    given = words.parse_args()
    files = [whole(), *(path.read_bytes() for path in given.files)]
    counts = fuzz(files, given.seed, given.first, given.rounds, given.seconds)
    print(f"seed {given.seed}: {counts.total():,} rounds")
    for reason, n in counts.most_common():
        print(f"{n:10,} {reason}")


if __name__ == "__main__":
    main()
