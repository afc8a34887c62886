"""Spectra of candidates: read from the shards that hold them, and searched for the lines of a galaxy behind."""

from pathlib import Path

import numpy as np
import pandas as pd

from galspec_core.encoder.embed import load_encoder
from galspec_core.encoder.evidence import BACKGROUND
from galspec_core.search.reasons import behind_words
from galspec_core.spectra.shard import read_gridded

EVIDENCE = ["z_behind", "snr_behind", "lines_behind"]  # lines_behind: S/N of each line of BACKGROUND


def spectra_of(table, shards):
    """Yield (rows of ``table``, Gridded) of the spectra of each shard that holds some: DataFrame with specobjid and shard."""
    paths = {Path(path).stem: path for path in shards}
    for shard, part in table.groupby("shard", sort=True):
        found = read_gridded(paths[shard], part["specobjid"].to_numpy())
        place = dict(zip(part["specobjid"], part.index, strict=True))
        yield np.array([place[i] for i in found.specobjid]), found


def lines_behind_candidates(table, weights, shards, said):
    """Return the candidates with EVIDENCE of a galaxy behind each, and the words on it where they are to be ``said``.

    ``weights`` is a list of one file, or of none where the method is no encoder that knows lines: EVIDENCE is then empty.
    """
    table = table.reset_index(drop=True)
    behind = np.full((len(table), 2 + len(BACKGROUND)), np.nan)
    words = np.full(len(table), "", dtype=object)
    encoder = load_encoder(weights[0], {}) if weights else None
    for rows, spectra in spectra_of(table, shards) if encoder else ():
        found = encoder.background(spectra)
        behind[rows] = np.column_stack([found.z, found.snr, found.lines])
        words[rows] = behind_words(found)
    columns = dict(zip(EVIDENCE, (behind[:, 0], behind[:, 1], list(behind[:, 2:])), strict=True))
    return pd.concat([table, pd.DataFrame(columns)], axis=1), list(words) if said else None
