"""Spectra for training: streamed from shards, shuffled the same way whenever asked."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from galspec_core.errors import TrainingError
from galspec_core.spectra.shard import gridded_ids, read_gridded, stack

BUFFER = 8192  # spectra shuffled together and held in memory: 240 MB at 3688 pixels
FEW = "Look at results/catalogs/dropped.csv and results/spectra/rejected.csv for where they went"


class Batches:
    """Batches of some spectra of many shards: a function of seed and epoch alone, wherever one starts.

    Each epoch puts the shards in a new order, reads about ``buffer`` spectra of them at a time, shuffles these and
    cuts the sequence into batches; the next part is read while one is used. The last, short batch is left out.

    Parameters
    ----------
    shards : list of paths
        Gridded shards, in any order.
    ids : uint64[n]
        The spectra wanted; those that no shard has are passed over.
    """

    def __init__(self, shards, ids, batch, seed, buffer=BUFFER):
        self.shards = sorted(map(str, shards))
        self.batch, self.seed, self.buffer = batch, seed, buffer
        self.rows = [np.flatnonzero(np.isin(gridded_ids(path), ids)) for path in self.shards]
        self.n = sum(map(len, self.rows))
        self.spectra = [list(map(len, self.rows)), np.sort(ids).tolist()]  # what a checkpoint belongs to
        if self.n < batch:
            raise TrainingError(
                "too few spectra to train on",
                item="training side",
                expected=f"at least one batch of {batch}",
                got=self.n,
                remedy=FEW,
            )
        self.steps = self.n // batch
        self._kept = {}

    def epoch(self, epoch, skip=0):
        """Yield the batches of one epoch, each a ``Gridded`` of B spectra, without the first ``skip``."""
        rng = np.random.default_rng([self.seed, epoch])
        parts = [(shards, rng.permutation(self._size(shards))) for shards in self._groups(rng)]
        ends = np.cumsum([len(order) for _, order in parts])
        first = int(np.searchsorted(ends, skip * self.batch, side="right"))
        drop = skip * self.batch - (int(ends[first - 1]) if first else 0)
        with ThreadPoolExecutor(1) as ahead:
            rest = None
            coming = ahead.submit(self._load, *parts[first]) if first < len(parts) else None
            for i in range(first, len(parts)):
                part = coming.result()[drop if i == first else 0 :]
                coming = ahead.submit(self._load, *parts[i + 1]) if i + 1 < len(parts) else None
                part = part if rest is None else stack([rest, part])
                whole = len(part) // self.batch * self.batch
                for start in range(0, whole, self.batch):
                    yield part[start : start + self.batch]
                rest = part[whole:]

    def _groups(self, rng):
        """Return lists of shard numbers, in a new order, each of at least ``buffer`` spectra but the last."""
        groups, size = [[]], 0
        for shard in rng.permutation(len(self.shards)):
            if size >= self.buffer:
                groups.append([])
                size = 0
            groups[-1].append(int(shard))
            size += len(self.rows[shard])
        return groups

    def _size(self, shards):
        return sum(len(self.rows[shard]) for shard in shards)

    def _load(self, shards, order):
        """Return the wanted rows of some shards, in ``order``."""
        return stack([self._read(shard) for shard in shards])[order]

    def _read(self, shard):
        """Return the wanted rows of one shard; a survey that fits the buffer is read once and kept."""
        if shard not in self._kept:
            part = read_gridded(self.shards[shard])[self.rows[shard]]
            if self.n > self.buffer:
                return part
            self._kept[shard] = part
        return self._kept[shard]


def load_spectra(shards, ids, most=None, seed=0):
    """Return at most ``most`` spectra of ``ids`` as one ``Gridded``, the same ones for one seed."""
    ids = np.unique(np.asarray(ids, dtype="u8"))
    if most is not None and len(ids) > most:
        ids = np.random.default_rng(seed).choice(ids, most, replace=False)
    return stack([read_gridded(path, ids) for path in sorted(map(str, shards))])
