"""Lens finders that learn no labels: the classical spectroscopic search, and one that is told where to look.

``classical`` takes the model of the galaxy away and searches the residual for lines at one redshift behind it, after Bolton et
al. 2004 (AJ 127, 1860) and Brownstein et al. 2012 (ApJ 744, 41): a candidate shows two lines above 3 σ, or [O II] above 6 σ.
``oracle`` looks at the true redshift of the source only, and for negatives at one drawn from the lenses' own: what a search of
the same residual could reach that never looks in the wrong place.
"""

import numpy as np
import pandas as pd
import pyarrow as pa

from galspec_core.catalogs.draws import uniform
from galspec_core.catalogs.ids import look_up, parse_specobjid
from galspec_core.encoder.evidence import BACKGROUND, BEHIND, search_background
from galspec_core.log import logger
from galspec_core.search.residuals import filtered_lines, joint, lines_behind, residual_of
from galspec_core.search.vote import OTHER
from galspec_core.spectra.shard import read_gridded

SEVERAL = 2, 3.0  # lines, and S/N that each of them has at least (after Bolton et al. 2004)
ALONE = 6.0  # S/N of [O II] where it stands alone (our choice)
DOUBLET = list(BACKGROUND).index("[O II] 3727")
REFUSED = 1000.0  # taken from the score of what fails these cuts, so that it ranks below what passes
ROWS_AT_ONCE = 256  # spectra searched at once
CLASSICAL, ORACLE = "classical", "oracle"
NOTES = {
    CLASSICAL: "no labels: lines in the residual at one redshift",
    ORACLE: "a ceiling: it is told the source's redshift",
}
FINDERS = pa.schema(
    [
        ("task", pa.string()),
        ("specobjid", pa.uint64()),
        ("method", pa.string()),
        ("seed", pa.int32()),
        ("label", pa.string()),
        ("predicted", pa.string()),
        ("share", pa.float64()),
        ("score", pa.float64()),
        ("z_source", pa.float64()),
    ]
)


def read_truth(paths):
    """Return a survey's answer key with specobjid (uint64), z, z_source (NaN where there is none) and injected_sn.

    ``paths`` is a list of one file, or an empty one of a survey without a key: an empty table.
    """
    columns = ["specobjid", "z", "z_source", "injected_sn"]
    if not paths:
        return pd.DataFrame({name: np.empty(0, "u8" if name == "specobjid" else "f8") for name in columns})
    path = paths[0]
    table = pd.read_csv(path, usecols=columns, dtype={"specobjid": str})
    return table.assign(specobjid=parse_specobjid(table["specobjid"].to_numpy(), str(path)))


def find_lenses(votes, task, target, encoder, shards, truth):
    """Return a table with FINDERS: the finders' verdict on every spectrum and seed of ``votes``.

    Parameters
    ----------
    votes : DataFrame
        One task: specobjid, seed, label, method; the test sets are those of its first method.
    task, target : str
        Its name, and the label of a lens.
    encoder : FactorEncoder
    shards : list of path
        Gridded spectra on the encoder's grid.
    truth : DataFrame
        From ``read_truth``; without a source redshift in it there is no oracle.
    """
    tests = votes[votes["method"] == votes["method"].iloc[0]][["specobjid", "seed", "label"]]
    ids = np.unique(tests["specobjid"].to_numpy())
    is_target = np.isin(ids, tests.loc[tests["label"] != OTHER, "specobjid"])
    found = pd.concat(
        [search_shard(encoder, path, ids, ids[is_target], truth) for path in sorted(map(str, shards))],
        ignore_index=True,
    )
    if not (found["method"] == ORACLE).any():
        logger.warning("no answer key with source redshifts: no oracle")
    found["predicted"] = np.where(found.pop("passed"), target, OTHER)
    table = found.merge(tests, on="specobjid").sort_values(["method", "seed", "specobjid"], kind="stable")
    return pa.Table.from_pandas(table.assign(task=task, share=1.0)[FINDERS.names], schema=FINDERS, preserve_index=False)


def search_shard(encoder, path, ids, targets, truth):
    """Return specobjid, method, score, passed and z_source of the spectra of ``ids`` in one shard; ``targets`` are lenses."""
    spectra, parts = read_gridded(path, ids), []
    for start in range(0, len(spectra), ROWS_AT_ONCE):
        part = spectra[start : start + ROWS_AT_ONCE]
        residual, weight = residual_of(encoder, part)
        background = search_background(residual, weight, encoder.loglam, part.z)
        parts.append(_verdict(part.specobjid, CLASSICAL, *classical(background.lines), background.z))
        places = oracle_redshifts(part.specobjid, part.z, targets, truth)
        if np.isfinite(places).any():
            filtered = filtered_lines(residual, weight, encoder.loglam)
            snr = joint(lines_behind(filtered, encoder.loglam, part.z, places[:, None])[:, 0])
            parts.append(_verdict(part.specobjid, ORACLE, snr, snr >= np.hypot(SEVERAL[1], SEVERAL[1]), places))
    columns = ["specobjid", "method", "score", "passed", "z_source"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _verdict(specobjid, method, score, passed, z_source):
    columns = dict(specobjid=specobjid, method=method, score=np.asarray(score, "f8"), passed=passed, z_source=z_source)
    return pd.DataFrame(columns)


def classical(lines):
    """Return the score [B] and whether the cuts are passed [B] of background lines' S/N [B, M] at their best redshift.

    The score is the root of the sum of the squares of the S/N of the lines above the cut. What fails is no candidate and has
    no score of that kind; it ranks below every candidate, by all its lines together.
    """
    number, each = SEVERAL
    passed = ((lines >= each).sum(axis=1) >= number) | (lines[:, DOUBLET] >= ALONE)
    return np.where(passed, joint(np.where(lines >= each, lines, 0)), joint(lines) - REFUSED), passed


def oracle_redshifts(specobjid, z, targets, truth):
    """Return the one source redshift [B] at which to look: the key's for ``targets``, one like theirs for the others.

    Others get that of a lens drawn from those whose source would lie behind them too, the furthest where there is none. NaN for
    targets that the key does not know, and without a key.
    """
    rows = look_up(truth["specobjid"].to_numpy(), np.asarray(targets, dtype="u8"))
    lenses = truth[(rows >= 0) & truth["z_source"].notna().to_numpy()]
    if not len(lenses):
        return np.full(len(specobjid), np.nan)
    theirs = np.sort(lenses["z_source"].to_numpy())
    known = look_up(specobjid, lenses["specobjid"].to_numpy())
    low = np.searchsorted(theirs, z + BEHIND)
    drawn = low + (uniform(specobjid, 0, "oracle") * (len(theirs) - low)).astype(int)
    like_theirs = theirs[np.minimum(drawn, len(theirs) - 1)]
    true = np.where(known >= 0, lenses["z_source"].to_numpy()[known], np.nan)
    return np.where(np.isin(specobjid, targets), true, like_theirs)
