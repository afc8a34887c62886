"""Identifiers seen so far, in 8 bytes each."""

import numpy as np


class Repeats:
    """Remember identifiers and tell which of the next ones are new; ``n`` counts those that were not."""

    def __init__(self):
        self.seen, self.n = np.empty(0, dtype="u8"), 0

    def first(self, ids):
        """Return True where an identifier of ``ids`` (uint64[n]) stands for the first time."""
        new = np.zeros(len(ids), dtype=bool)
        new[np.unique(ids, return_index=True)[1]] = True
        if len(self.seen):
            place = np.minimum(np.searchsorted(self.seen, ids), len(self.seen) - 1)
            new &= self.seen[place] != ids
        added = np.sort(ids[new])
        self.seen = np.insert(self.seen, np.searchsorted(self.seen, added), added)  # no sort of all for each slice
        self.n += int((~new).sum())
        return new
