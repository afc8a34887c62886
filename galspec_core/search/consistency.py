"""Consistency: the same galaxy observed again, or more faintly, should be found among others of its redshift and S/N."""

import numpy as np
import pandas as pd

from galspec_core.catalogs.controls import UNITS
from galspec_core.catalogs.draws import uniform
from galspec_core.search.metrics import interval

COLUMNS = [
    "method", "test", "recall_at_1", "recall_at_1_lo", "recall_at_1_hi", "median_rank", "distance_ratio", "n", "n_positions",
    "n_distractors", "snr_from", "snr_to",
]  # fmt: skip


def repeat_pairs(manifest, tolerance):
    """Return (query, partner), rows of the manifest: two spectra of one sky position and one redshift, the fainter asks.

    Parameters
    ----------
    manifest : DataFrame
        specobjid, position, z, snr.
    tolerance : float
        Largest difference in redshift: spectra at one position of different redshifts are different galaxies.
    """
    rows = manifest.reset_index(drop=True).sort_values(["position", "snr", "specobjid"])
    pairs = []
    for _, group in rows.groupby("position"):
        if len(group) > 1:
            query, partner = group.index[0], group.index[-1]
            if abs(manifest["z"].iloc[query] - manifest["z"].iloc[partner]) <= tolerance:
                pairs.append((query, partner))
    return np.array(pairs, dtype="i8").reshape(-1, 2).T


def brightest(manifest, side, n):
    """Return rows of the manifest: at most ``n`` of one side, one of each position, those of highest S/N."""
    rows = manifest.reset_index(drop=True)
    rows = rows[rows["side"] == side].sort_values(["snr", "specobjid"], ascending=[False, True])
    return rows.drop_duplicates("position").index.to_numpy()[:n]


def degrade(flux, ivar, snr, level, ids):
    """Return flux[B, L] with noise added so that a spectrum of S/N ``snr`` [B] has ``level``, and its ivar; fainter ones stay.

    The noise of a spectrum follows from its id and the level.
    """
    factor = np.maximum(np.asarray(snr, dtype="f8") / level, 1.0)
    noisy, weight = flux.astype("f4"), (ivar / factor[:, None] ** 2).astype("f4")
    for row, (name, size) in enumerate(zip(ids, factor, strict=True)):
        good = ivar[row] > 0
        error = np.sqrt((size**2 - 1) / ivar[row, good])
        noisy[row, good] += (error * np.random.default_rng([int(name), int(level)]).normal(size=good.sum())).astype(
            "f4"
        )
    return noisy, weight


def nearest_strangers(manifest, partner, n):
    """Return for each row ``partner`` the ``n`` rows of other positions that are nearest in z and log S/N: [P, n]."""
    features = np.column_stack([UNITS[name][1](manifest) / UNITS[name][0] for name in UNITS if name in manifest])
    position, order = manifest["position"].to_numpy(), uniform(manifest["specobjid"].to_numpy(), 0, "strangers")
    found = []
    for row in partner:
        apart = ((features - features[row]) ** 2).sum(axis=1)
        apart[position == position[row]] = np.inf
        found.append(np.lexsort((order, apart))[:n])
    n_others = min((position != position[row]).sum() for row in partner)
    return np.stack(found)[:, : min(n, n_others)]


def score_consistency(query, partner, strangers):
    """Return rank [P] of the partner among the strangers, and its distance over that of the nearest of them [P].

    Parameters
    ----------
    query, partner : ndarray[P, D]
        Embeddings.
    strangers : ndarray[P, N, D]
    """
    own = np.linalg.norm(query - partner, axis=1)
    others = np.linalg.norm(strangers - query[:, None], axis=2)
    return 1 + (others < own[:, None]).sum(axis=1), own / np.maximum(others.min(axis=1), 1e-12)


def summarise(rank, ratio, position, n_bootstrap=1000):
    """Return recall@1 with its interval over positions, median rank and median distance ratio, as a dict."""
    first, rng = rank == 1, np.random.default_rng(0)
    _, groups = np.unique(position, return_inverse=True)
    sums = np.column_stack([np.bincount(groups, first), np.bincount(groups)])
    redrawn = sums[rng.integers(len(sums), size=(n_bootstrap, len(sums)))].sum(axis=1)
    low, high = interval(redrawn[:, 0] / redrawn[:, 1])
    return {
        "recall_at_1": first.mean(),
        "recall_at_1_lo": low,
        "recall_at_1_hi": high,
        "median_rank": float(np.median(rank)),
        "distance_ratio": float(np.median(ratio)),
        "n": len(rank),
        "n_positions": len(sums),
    }


def measure_repeats(embedding, manifest, settings):
    """Return the row of true repeat observations of one encoder: ``embedding`` [N, D] of the manifest's rows; None without any."""
    query, partner = repeat_pairs(manifest, settings["max_dz"])
    if not len(query):
        return None
    strangers = nearest_strangers(manifest, partner, settings["distractors"])
    rank, ratio = score_consistency(embedding[query], embedding[partner], embedding[strangers])
    snr = manifest["snr"].to_numpy()
    return {
        "test": "repeats",
        **summarise(rank, ratio, manifest["position"].to_numpy()[query]),
        "n_distractors": strangers.shape[1],
        "snr_from": float(np.median(snr[partner])),
        "snr_to": float(np.median(snr[query])),
    }


def measure_noise(embedding, manifest, embed, spectra, settings):
    """Return the row of galaxies at a high and at a low S/N.

    Parameters
    ----------
    embedding : ndarray[N, D]
        Of the manifest's rows as they were observed.
    embed : function
        flux[B, L], ivar[B, L], z[B] -> embedding [B, D].
    spectra : Gridded
        Of rows of ``brightest``, any order.
    settings : dict
        snr (high, low), distractors.
    """
    rows = pd.Index(manifest["specobjid"]).get_indexer(spectra.specobjid)
    snr = manifest["snr"].to_numpy()[rows]
    high, low = settings["snr"]
    versions = [degrade(spectra.flux, spectra.ivar, snr, level, spectra.specobjid) for level in (high, low)]
    partner, query = (embed(*version, spectra.z) for version in versions)
    seen = manifest.assign(snr=np.minimum(manifest["snr"], high))
    strangers = nearest_strangers(seen, rows, settings["distractors"])
    rank, ratio = score_consistency(query, partner, embedding[strangers])
    return {
        "test": f"S/N {high:g} to {low:g}",
        **summarise(rank, ratio, manifest["position"].to_numpy()[rows]),
        "n_distractors": strangers.shape[1],
        "snr_from": float(np.median(np.minimum(snr, high))),
        "snr_to": float(np.median(np.minimum(snr, low))),
    }
