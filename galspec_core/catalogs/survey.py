"""The selected spectra as arrays in the order of their identifiers, with position, side and labels."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from galspec_core.catalogs.ids import look_up
from galspec_core.catalogs.labels import as_lists, as_members
from galspec_core.catalogs.positions import link, on_training_side, position_ids

LABELS = ["specobjid", "labels", "held_out", "subtype", "bpt"]  # what it takes from the labels


@dataclass(frozen=True)
class Survey:
    """n spectra sorted by specobjid; C label names, alphabetical.

    ``row`` [n] is where each stands in the table that it was built from. ``rarest`` [n] is the number of a spectrum's
    rarest label, -1 where it has none; ``member`` and ``held_out`` are bool [n, C]; ``training`` is True on the training
    side. Words are numbers of a dictionary.
    """

    row: np.ndarray
    specobjid: np.ndarray
    position: np.ndarray
    training: np.ndarray
    z: np.ndarray
    snr: np.ndarray
    instrument: pa.DictionaryArray
    names: tuple
    member: np.ndarray
    held_out: np.ndarray
    rarest: np.ndarray
    subtype: pa.DictionaryArray
    bpt: pa.DictionaryArray

    def __len__(self):
        return len(self.specobjid)

    def has(self, label):
        """Return bool[n]: which spectra carry ``label``."""
        return self._column(self.member, label)

    def is_held_out(self, target):
        """Return bool[n]: which spectra are neither target nor negative in a task for ``target``."""
        return self._column(self.held_out, target)

    def _column(self, matrix, name):
        return matrix[:, self.names.index(name)] if name in self.names else np.zeros(len(self), dtype=bool)

    def joined_labels(self, rows):
        """Return the labels of each of ``rows`` as one word, alphabetical, joined by +."""
        return pc.binary_join(as_lists(self.member[rows], self.names), "+")


def build_survey(selected, labels, config):
    """Return the Survey of the selected spectra (pa.Table) and their labels (pa.Table), whatever the order of either.

    Parameters
    ----------
    config : SampleConfig
        Its link_arcsec, test_side and draw_seed are used.
    """
    ids = selected["specobjid"].to_numpy()
    row = np.argsort(ids, kind="stable")
    ids = ids[row]
    ra, dec = (selected[name].to_numpy()[row] for name in ("ra", "dec"))
    position = position_ids(ids, link(ra, dec, config.link_arcsec))
    z, snr = (selected[name].to_numpy()[row] for name in ("z", "snr"))
    names, member, held_out, subtype, bpt = _spread(labels, ids)
    return Survey(
        row, ids, position, on_training_side(position, config.test_side, config.draw_seed), z, snr,
        _words(selected["instrument"], row), names, member, held_out, rarest_label(member), subtype, bpt,
    )  # fmt: skip


def _spread(labels, ids):
    """Return label names and, for every spectrum of ``ids``, its labels, held-out targets, subtype and line class."""
    both = [column.combine_chunks() for column in (labels["labels"], labels["held_out"])]
    names = tuple(sorted(set().union(*(column.flatten().unique().to_pylist() for column in both))))
    rows = look_up(ids, labels["specobjid"].to_numpy())
    member, held_out = (np.vstack([as_members(c, names), np.zeros((1, len(names)), bool)])[rows] for c in both)
    return names, member, held_out, *(_words(labels[name], rows) for name in ("subtype", "bpt"))


def _words(column, rows):
    """Return the words that ``rows`` of a column hold, "" where a row is -1."""
    words = pa.chunked_array([*column.cast(pa.string()).chunks, pa.array([""])])
    words = words.combine_chunks().dictionary_encode(null_encoding="encode")
    return words.take(pa.array(np.where(rows < 0, len(column), rows)))


def rarest_label(member):
    """Return for each row of ``member`` [n, C] the column that fewest rows have, -1 for a row without any."""
    rarest = np.full(len(member), -1, dtype="i4")
    for column in np.argsort(member.sum(axis=0), kind="stable")[::-1]:
        rarest[member[:, column]] = column
    return rarest
