"""The selected spectra as arrays in the order of their identifiers, with position, side and labels."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from galspec_core.catalogs.ids import look_up
from galspec_core.catalogs.labels import as_members
from galspec_core.catalogs.positions import link, on_training_side, position_ids


@dataclass(frozen=True)
class Survey:
    """n spectra sorted by specobjid; C label names, alphabetical.

    ``rarest`` [n] is the number of a spectrum's rarest label, -1 where it has none; ``member`` and ``held_out`` are
    bool [n, C]; ``training`` is True on the training side.
    """

    specobjid: np.ndarray
    position: np.ndarray
    training: np.ndarray
    z: np.ndarray
    snr: np.ndarray
    instrument: np.ndarray
    names: tuple
    member: np.ndarray
    held_out: np.ndarray
    rarest: np.ndarray
    subtype: np.ndarray
    bpt: np.ndarray

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
        words = {}
        keys = [row.tobytes() for row in self.member[rows]]
        for key in set(keys):
            words[key] = "+".join(
                name for name, there in zip(self.names, np.frombuffer(key, dtype=bool), strict=True) if there
            )
        return np.array([words[key] for key in keys], dtype=object)


def build_survey(selected, labels, config):
    """Return the Survey of the selected spectra (pa.Table) and their labels (pa.Table), whatever the order of either.

    Parameters
    ----------
    config : SampleConfig
        Its link_arcsec, test_side and draw_seed are used.
    """
    ids = selected["specobjid"].to_numpy()
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    ra, dec, z, snr = (selected[name].to_numpy()[order] for name in ("ra", "dec", "z", "snr"))
    position = position_ids(ids, link(ra, dec, config.link_arcsec))
    names, member, held_out, subtype, bpt = _spread(labels, ids)
    return Survey(
        ids, position, on_training_side(position, config.test_side, config.draw_seed), z, snr,
        selected["instrument"].to_numpy(zero_copy_only=False).astype(str)[order],
        names, member, held_out, rarest_label(member), subtype, bpt,
    )  # fmt: skip


def _spread(labels, ids):
    """Return label names and, for every spectrum of ``ids``, its labels, held-out targets, subtype and line class."""
    both = [column.combine_chunks() for column in (labels["labels"], labels["held_out"])]
    names = tuple(sorted(set(pa.concat_arrays([column.flatten() for column in both]).to_pylist())))
    rows = look_up(ids, labels["specobjid"].to_numpy())
    member, held_out = (np.vstack([as_members(c, names), np.zeros((1, len(names)), bool)])[rows] for c in both)
    words = [np.append(labels[c].to_numpy(zero_copy_only=False).astype(object), "")[rows] for c in ("subtype", "bpt")]
    return names, member, held_out, *words


def rarest_label(member):
    """Return for each row of ``member`` [n, C] the column that fewest rows have, -1 for a row without any."""
    if not member.shape[1]:
        return np.full(len(member), -1, dtype="i8")
    counts = np.where(member, member.sum(axis=0), len(member) + 1)
    return np.where(member.any(axis=1), counts.argmin(axis=1), -1)
