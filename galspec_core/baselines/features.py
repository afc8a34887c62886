"""What a system sees of a spectrum: its flux, or a table of numbers that hold no flux at all."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from galspec_core.encoder.pca import CLIP
from galspec_core.errors import SearchError
from galspec_core.files import write_parquet
from galspec_core.log import Progress
from galspec_core.spectra.shard import Gridded, iterate_native
from galspec_core.spectra.spectrum import good_pixels, mask_value

MISSING = -9.0  # stands for a line ratio that was not measured: trees can tell it from every real one
LINES = ["log_nii_ha", "log_oiii_hb"]


def matrix(spectra):
    """Return an array [n, F] of spectra: clipped flux [n, L] of a ``Gridded``, an array as it is."""
    return np.clip(spectra.flux, *CLIP) if isinstance(spectra, Gridded) else np.asarray(spectra)


def measure_nuisance(native_shards, manifest, bad_mask_bits):
    """Return specobjid and what of each spectrum has nothing to do with what the galaxy is.

    Columns z, snr (per pixel), wave_min, wave_max (Angstrom), bad_share (of its pixels), instrument (a number).

    Parameters
    ----------
    native_shards : list of paths
        Native shards, streamed.
    manifest : DataFrame
        specobjid, snr, instrument.
    bad_mask_bits : list of str
        Names of and_mask bits whose pixels are bad.
    """
    bits, progress, rows = mask_value(tuple(bad_mask_bits)), Progress("baselines: nuisance", len(manifest)), []
    for path in native_shards:
        for row, spectrum in iterate_native(path):
            ends = 10 ** (spectrum.loglam0 + 1e-4 * np.array([0, len(spectrum.flux) - 1]))
            bad = 1 - good_pixels(spectrum, bits).mean()
            rows.append((row["specobjid"], row["z"], *ends, bad))
            progress.add()
    measured = pd.DataFrame(rows, columns=["specobjid", "z", "wave_min", "wave_max", "bad_share"])
    measured["specobjid"] = measured["specobjid"].astype("u8")
    known = manifest[["specobjid", "snr", "instrument"]].copy()
    known["instrument"] = pd.factorize(known["instrument"], sort=True)[0].astype("f8")
    return measured.merge(known, on="specobjid", validate="one_to_one")


def line_ratios(labels):
    """Return specobjid and the two BPT line ratios from the label catalogues; MISSING where not measured."""
    return pd.DataFrame({"specobjid": labels["specobjid"], **{name: labels[name].fillna(MISSING) for name in LINES}})


def write_features(frame, path):
    """Write a table of features as Parquet, sorted by specobjid."""
    write_parquet(frame.sort_values("specobjid", ignore_index=True), path)


class Table:
    """Features [n, F] read once: rows of any spectra by specobjid."""

    def __init__(self, specobjid, values):
        order = np.argsort(specobjid)
        self.specobjid, self.values = np.asarray(specobjid)[order], np.asarray(values)[order]

    def places(self, ids):
        """Return the row of each of ``ids``; raise SearchError if one is missing."""
        return _places(ids, self.specobjid)

    def rows(self, ids):
        """Return the features [n, F] of ``ids``; raise SearchError if one is missing."""
        return self.values[self.places(ids)]


class Spectra(Table):
    """Gridded spectra read once."""

    def __init__(self, gridded):
        order = np.argsort(gridded.specobjid)
        self.gridded = gridded[order]
        self.specobjid = self.gridded.specobjid

    def rows(self, ids):
        """Return the ``Gridded`` of ``ids``; raise SearchError if one is missing."""
        return self.gridded[self.places(ids)]


def _places(ids, known):
    ids = np.asarray(ids, dtype="u8")
    places, found = np.searchsorted(known, ids), np.isin(ids, known)
    if not found.all():
        remedy = "Shards and roles are of different samples: start the run again"
        what = "has no spectrum among the system's inputs"
        raise SearchError(what, item=f"specobjid {ids[~found][0]}", remedy=remedy)
    return places


def read_table(path):
    """Return the features of a Parquet table; line ratios where it has those."""
    frame = pq.read_table(path).to_pandas()
    frame = line_ratios(frame) if LINES[0] in frame else frame
    return Table(frame["specobjid"].to_numpy(), frame.drop(columns="specobjid").to_numpy(dtype="f8"))
