"""The evidence for a background galaxy in one spectrum: model, residual, and S/N at every trial redshift."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from galspec_core.encoder.evidence import BACKGROUND, BEHIND, FURTHEST
from galspec_core.errors import SearchError
from galspec_core.search.residuals import filtered_lines, joint, lines_behind, residual_of
from galspec_core.search.vote import OTHER
from galspec_core.spectra.shard import read_gridded
from galspec_core.spectra.spectrum import DLOGLAM

AUTO = "auto"


@dataclass(frozen=True)
class Evidence:
    """What one spectrum says of a galaxy behind it.

    Attributes
    ----------
    specobjid, z : int, float
    pixels : DataFrame
        wave (observed, Angstrom), flux and model (over the continuum), residual (over its error, NaN where bad) and snr (the
        highest matched-filter S/N of a background line there, NaN on the galaxy's own).
    trials : DataFrame
        z_source, snr (joint), and the S/N of each line of BACKGROUND.
    z_best, z_true : float
        Trial redshift of highest joint S/N; the key's, NaN where there is none.
    """

    specobjid: int
    z: float
    pixels: pd.DataFrame
    trials: pd.DataFrame
    z_best: float
    z_true: float


def choose_case(spectrum, votes, method, seed):
    """Return the specobjid of ``spectrum``: the number itself, or for ``auto`` the target that one method ranks highest.

    Raises
    ------
    SearchError
        There is no target among the votes of that method and seed.
    """
    if str(spectrum) != AUTO:
        return int(spectrum)
    own = votes[(votes["method"] == method) & (votes["seed"] == seed) & (votes["label"] != OTHER)]
    if not len(own):
        remedy = "Name a spectrum in figures.evidence.spectrum, or another method or seed there"
        raise SearchError("there is no target to show", item=f"method {method}, seed {seed}", remedy=remedy)
    return int(own.sort_values(["score", "specobjid"], ascending=[False, True])["specobjid"].iloc[0])


def find_spectrum(specobjid, shards):
    """Return the Gridded of one spectrum; raise SearchError if no shard has it."""
    for path in sorted(map(str, shards)):
        found = read_gridded(path, np.array([specobjid], dtype="u8"))
        if len(found):
            return found
    raise SearchError("no shard has it", item=f"specobjid {specobjid}", remedy="Look at results/spectra/rejected.csv")


def evidence(encoder, spectrum, truth):
    """Return the Evidence of a Gridded of one spectrum; ``truth`` as from lens_finder.read_truth."""
    residual, weight = residual_of(encoder, spectrum)
    filtered, z = filtered_lines(residual, weight, encoder.loglam), float(spectrum.z[0])
    steps = np.arange(
        np.ceil(np.log10(1 + BEHIND / (1 + z)) / DLOGLAM), np.floor(np.log10((1 + FURTHEST) / (1 + z)) / DLOGLAM) + 1
    )
    z_source = (1 + z) * 10 ** (DLOGLAM * steps) - 1
    lines = lines_behind(filtered, encoder.loglam, spectrum.z, z_source[None])[0]
    trials = pd.DataFrame(lines, columns=list(BACKGROUND))
    trials.insert(0, "z_source", z_source)
    trials.insert(1, "snr", joint(lines))
    known = truth.loc[truth["specobjid"] == spectrum.specobjid[0], "z_source"]
    best = z_source[joint(lines).argmax()]
    return Evidence(
        int(spectrum.specobjid[0]), z, _pixels(encoder, spectrum, residual, weight, filtered), trials, float(best),
        float(known.iloc[0]) if len(known) else np.nan,
    )  # fmt: skip


def _pixels(encoder, spectrum, residual, weight, filtered):
    """Return the table ``pixels`` of one spectrum, without the ends where nothing was measured."""
    good = weight[0] > 0
    highest = filtered[:, 0].max(axis=0)
    table = pd.DataFrame(
        {
            "wave": 10**encoder.loglam * (1 + float(spectrum.z[0])),
            "flux": np.where(good, spectrum.flux[0], np.nan),
            "model": encoder.reconstruct(spectrum.flux, spectrum.ivar)[0],
            "residual": np.where(good, residual[0] * np.sqrt(weight[0]), np.nan),
            "snr": np.where(highest != 0, highest, np.nan),
        }
    )
    rows = np.flatnonzero(good)
    return table.iloc[rows[0] : rows[-1] + 1] if len(rows) else table
