"""Consistency: does a galaxy keep its embedding when only the noise changes?

One spectrum of a galaxy is looked for among strangers with another of the same galaxy. Strangers stand at other sky
positions and are matched to the wanted spectrum in redshift and S/N, so that neither gives it away. No label is used.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from galspec_core.catalogs.controls import UNITS
from galspec_core.encoder.embed import load_encoder
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.metrics import interval
from galspec_core.spectra.shard import read_gridded

COLUMNS = ["method", "test", "snr_from", "snr_to", "n", "n_positions", "n_distractors"]
COLUMNS += ["recall_at_1", "recall_at_1_lo", "recall_at_1_hi", "median_rank", "distance_ratio", "note"]


@dataclass(frozen=True)
class Consistency:
    """Settings: config.yaml's ``search.consistency``."""

    distractors: int
    snr: tuple[float, float]
    galaxies: int
    least_drop: float
    max_dz: float
    test_side: int
    seed: int

    @property
    def name(self):
        """What the test of added noise is called."""
        return f"snr {self.snr[0]:g} to {self.snr[1]:g}"


def repeat_pairs(survey, max_dz):
    """Return (queries, targets), rows of ``survey``: two spectra of one position whose redshifts differ by < ``max_dz``.

    Spectra of a position are grouped by redshift, and each group gives one pair: its first two by specobjid.
    """
    order = survey.reset_index(drop=True).sort_values(["position", "z", "specobjid"])
    new = (order["position"] != order["position"].shift()) | (order["z"].diff().abs() >= max_dz)
    order = order.assign(group=new.cumsum()).sort_values(["group", "specobjid"])
    place = order.groupby("group").cumcount().to_numpy()
    targets = order.index.to_numpy()[place == 1]
    queries = order.index.to_numpy()[np.flatnonzero(place == 1) - 1]
    near = np.abs(survey["z"].to_numpy()[queries] - survey["z"].to_numpy()[targets]) < max_dz
    return queries[near], targets[near]


def bright_rows(survey, least, most):
    """Return at most ``most`` rows of highest S/N of at least ``least``, one a position."""
    order = survey.reset_index(drop=True).sort_values(["snr", "specobjid"], ascending=[False, True])
    return order[order["snr"] >= least].drop_duplicates("position").index.to_numpy()[:most]


def on_test_side(survey, rows, least):
    """Return those ``rows`` on the test side where they are at least ``least``, else all, and which it was."""
    test = survey["side"].to_numpy()[rows] == "test"
    return (test, "test side") if test.sum() >= least else (np.ones(len(rows), dtype=bool), "both sides")


def distractors(survey, targets, n):
    """Return for each target the ``n`` rows nearest to it in redshift and S/N (``controls.UNITS``) at other positions."""
    features = np.column_stack([measure(survey) / unit for unit, measure in UNITS.values()])
    position = survey["position"].to_numpy()
    k = min(n + int(np.unique(position, return_counts=True)[1].max()), len(survey))
    near = cKDTree(features).query(features[targets], k=k)[1].reshape(len(targets), k)
    return [rows[position[rows] != position[target]][:n] for rows, target in zip(near, targets, strict=True)]


def degrade(flux, ivar, snr, level, ids, seed):
    """Return (flux, ivar) [B, L] with noise added until the S/N, now ``snr`` [B], is ``level``; fainter ones stay.

    ``ivar`` falls by (level / snr)² and the variance that this lacks is drawn as noise of its own for each of ``ids``
    and ``level``. Pixels without ivar were filled from the good ones beside them, and get those ones' noise likewise.
    """
    flux, ivar = np.array(flux, dtype="f4"), np.array(ivar, dtype="f4")
    for i in np.flatnonzero(snr > level):
        good = np.flatnonzero(ivar[i] > 0)
        share = (level / snr[i]) ** 2
        rng = np.random.default_rng([seed, int(ids[i]), round(1000 * level)])
        noise = rng.standard_normal(flux.shape[1])[good] * np.sqrt((1 / share - 1) / ivar[i, good])
        flux[i] += np.interp(np.arange(flux.shape[1]), good, noise)
        ivar[i] *= share
    return flux, ivar


def ranks_and_ratios(query, target, embedding, strangers):
    """Return the rank of each target [Q] (ties to the strangers) and its distance over the nearest stranger's [Q].

    ``query`` and ``target`` are embeddings [Q, D], ``strangers`` rows of ``embedding`` [N, D] for each.
    """
    rank, ratio = np.empty(len(query)), np.empty(len(query))
    for i, rows in enumerate(strangers):
        own = np.linalg.norm(query[i] - target[i])
        others = np.linalg.norm(embedding[rows] - query[i], axis=1)
        rank[i], ratio[i] = 1 + (others <= own).sum(), own / max(others.min(), np.finfo("f4").tiny)
    return rank, ratio


def score(rank, ratio, position, n_bootstrap, seed):
    """Return recall at 1 with its interval by bootstrap over positions, median rank and median distance ratio."""
    places, group = np.unique(position, return_inverse=True)
    found, total = np.bincount(group, rank == 1), np.bincount(group)
    drawn = np.random.default_rng(seed).integers(len(places), size=(n_bootstrap, len(places)))
    low, high = interval(found[drawn].sum(axis=1) / total[drawn].sum(axis=1))
    values = {"recall_at_1": (rank == 1).mean(), "recall_at_1_lo": low, "recall_at_1_hi": high}
    return {"n_positions": len(places), **values, "median_rank": np.median(rank), "distance_ratio": np.median(ratio)}


def _row(method, test, survey, targets, strangers, pairs, snr, note, n_bootstrap, seed):
    """Return one row of the table from the embeddings ``pairs``: of queries, of targets, of the survey.

    ``snr`` holds the S/N of the targets, looked for, and of the queries; medians are told.
    """
    row = {"method": method, "test": test, "n": len(targets), "note": note}
    if len(targets):
        row |= dict(zip(("snr_from", "snr_to"), map(np.median, snr), strict=True))
    row["n_distractors"] = min(map(len, strangers), default=0)
    if not row["n"] or not row["n_distractors"]:
        return {**row, "n_positions": 0, "note": "no pair with a stranger in this survey"}
    position = survey["position"].to_numpy()[targets]
    return row | score(*ranks_and_ratios(*pairs, strangers), position, n_bootstrap, seed)


def score_repeats(method, survey, embedding, settings, n_bootstrap):
    """Return the row of true repeat observations; ``embedding`` [N, D] belongs to the rows of ``survey``."""
    queries, targets = repeat_pairs(survey, settings.max_dz)
    kept, side = on_test_side(survey, targets, settings.test_side)
    queries, targets = queries[kept], targets[kept]
    strangers = distractors(survey, targets, settings.distractors)
    pairs = embedding[queries], embedding[targets], embedding
    snr = survey["snr"].to_numpy()[targets], survey["snr"].to_numpy()[queries]
    return _row(method, "repeats", survey, targets, strangers, pairs, snr, side, n_bootstrap, settings.seed)


def score_noise(method, survey, embedding, encoder, shards, settings, n_bootstrap):
    """Return the row of added noise: bright spectra at the higher S/N, looked for at the lower.

    Every spectrum brighter than the higher S/N, distractors too, is brought down to it, so that S/N tells nothing.
    """
    high, low = settings.snr
    everything = bright_rows(survey, settings.least_drop * low, len(survey))
    kept, side = on_test_side(survey, everything, settings.test_side)
    targets = np.sort(everything[kept][: settings.galaxies])
    capped = survey.assign(snr=np.minimum(survey["snr"], high))
    strangers = distractors(capped, targets, settings.distractors)
    used = np.unique(np.concatenate([targets, *strangers])) if len(targets) else targets
    at_high = embedding.copy()
    bright = used[survey["snr"].to_numpy()[used] > high]
    at_high[bright] = embed_at(encoder, shards, survey, bright, high, settings.seed, embedding.shape[1])
    query = embed_at(encoder, shards, survey, targets, low, settings.seed, embedding.shape[1])
    pairs, seen = (query, at_high[targets], at_high), capped["snr"].to_numpy()
    others = np.median([np.median(seen[rows]) for rows in strangers]) if len(targets) else np.nan
    note = f"{side}; median S/N of distractors {others:.1f}"
    snr = seen[targets], np.minimum(seen[targets], low)
    return _row(method, settings.name, survey, targets, strangers, pairs, snr, note, n_bootstrap, settings.seed)


def embed_at(encoder, shards, survey, rows, level, seed, size):
    """Return the embedding [n, size] of ``rows`` of the survey at S/N ``level``, read shard by shard."""
    ids = survey["specobjid"].to_numpy()[rows]
    snr = pd.Series(survey["snr"].to_numpy()[rows], index=ids)
    place = pd.Series(np.arange(len(ids)), index=ids)
    found = np.full((len(ids), size), np.nan, dtype="f4")
    for shard in shards if len(ids) else []:
        part = read_gridded(shard, ids)
        if not len(part):
            continue
        here = degrade(part.flux, part.ivar, snr[part.specobjid].to_numpy(), level, part.specobjid, seed)
        found[place[part.specobjid].to_numpy()] = encoder.embed(*here, part.z)
    return found


def measure_consistency(methods, manifest, settings, n_bootstrap, run):
    """Return the table of both tests for each method.

    Parameters
    ----------
    methods : dict
        {name: {"weights": path, "embeddings": paths, "shards": paths of its grid}}.
    manifest : DataFrame
        specobjid, position, z, snr, side.
    settings : Consistency
    n_bootstrap : int
    run : dict
        ``encoder`` of the configuration: device and threads.
    """
    rows = []
    for name, files in methods.items():
        vectors = load_embeddings(files["embeddings"], manifest["specobjid"])
        place = vectors.rows(manifest["specobjid"].to_numpy())
        survey, embedding = manifest[place >= 0].reset_index(drop=True), vectors.embedding[place[place >= 0]]
        rows.append(score_repeats(name, survey, embedding, settings, n_bootstrap))
        encoder = load_encoder(files["weights"], run)
        rows.append(score_noise(name, survey, embedding, encoder, files["shards"], settings, n_bootstrap))
    return pd.DataFrame(rows).reindex(columns=COLUMNS)
