"""Outliers without labels: how far a spectrum lies from what is known, in the embedding and in what the model leaves.

Two scores. ``distance`` is that to the k-th nearest spectrum of the training side (Ramaswamy et al. 2000, SIGMOD 29, 427).
``surprise`` is for encoders with evidence beside the embedding: the logarithms of that distance in the one and in the other,
added up, so that a galaxy is odd by what the model says it is or by what the model cannot say. No label enters either.
"""

import numpy as np
import pandas as pd

from galspec_core.errors import SearchError
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.metrics import REDRAWS_AT_ONCE, interval
from galspec_core.search.tables import positions_of, too_few
from galspec_core.search.vote import binary_labels

OUTLIER, LENS = "Outlier", "Lens"
MEASURES = ("roc_auc", "average_precision", "recall_at_n")
COLUMNS = [
    "method",
    *(f"{measure}{end}" for measure in MEASURES for end in ("", "_lo", "_hi")),
    "n_outlier", "n", "n_positions", "note",
]  # fmt: skip
TINY = 1e-12  # a distance of 0 has no logarithm
NOTES = {
    "distance": "distance to the {k}-th nearest spectrum of the training side in the embedding",
    "surprise": "the same in the embedding and in the evidence beside it, logarithms added",
    "baseline": "for comparison",
}


def log_distance(known, queries, known_at, asked_at, k, threads=1):
    """Return the logarithm of the distance [Q] from ``queries`` [Q, D] to the k-th nearest of ``known`` [N, D].

    ``known_at`` and ``asked_at`` are DataFrames with specobjid and position: a galaxy never stands near itself.

    Raises
    ------
    SearchError
        Fewer than ``k`` spectra are known.
    """
    if len(known) < k:
        remedy = "Lower search.outliers.k, or take more spectra into the sample"
        what = "too few spectra of the training side to be far from"
        raise SearchError(what, item="outlier ranking", expected=f"at least {k}", got=len(known), remedy=remedy)
    base = KnowledgeBase.build(known, known_at[["specobjid", "position"]].assign(label=""))
    return log_reach(base, queries, asked_at, k, None, threads)


def log_reach(base, queries, asked_at, k, where=None, threads=1):
    """Return the logarithm of the distance [Q] from ``queries`` to the k-th nearest entry of a knowledge base ``where``."""
    asked = (asked_at[name].to_numpy() for name in ("position", "specobjid"))
    return logarithm(base.search(queries, k, *asked, where, threads).distance[:, k - 1])


def logarithm(distance):
    """Return the logarithm of distances, that of TINY for those of 0."""
    return np.log(np.maximum(distance, TINY))


def score_encoder(paths, known_at, asked_at, k, threads=1):
    """Return {score: values [Q]} of the spectra ``asked_at`` against those ``known_at``, NaN without an embedding.

    Parameters
    ----------
    paths : list of path
        Shards of one encoder's embeddings.
    known_at, asked_at : DataFrame
        specobjid and position.
    """
    found = load_embeddings(paths, np.concatenate([part["specobjid"].to_numpy() for part in (known_at, asked_at)]))
    old, new = (found.rows(part["specobjid"].to_numpy()) for part in (known_at, asked_at))
    known_at, asked, old = known_at[old >= 0], new >= 0, old[old >= 0]
    spaces = [found.embedding, found.evidence] if found.evidence.shape[1] else [found.embedding]
    scores, total = {}, np.zeros(asked.sum())
    for name, space in zip(("distance", "surprise"), spaces, strict=False):
        total = total + log_distance(space[old], space[new[asked]], known_at, asked_at[asked], k, threads)
        scores[name] = np.full(len(asked), np.nan)
        scores[name][asked] = total
    return scores


def candidates(roles, task, target=OUTLIER):
    """Return the test spectra of a task, each once: specobjid and member, without lenses that are no ``target``."""
    tests = roles[(roles["task"] == task) & (roles["role"] == "test")].drop_duplicates("specobjid")
    member = binary_labels(tests["label"], target) == target
    lens = binary_labels(tests["label"], LENS) == LENS
    return tests.assign(member=member)[member | ~lens][["specobjid", "member"]].reset_index(drop=True)


def read_scores(paths, task):
    """Return {method: scores by specobjid} of other systems' votes on a task, the mean of a spectrum's seeds."""
    parts = [pd.read_parquet(path, filters=[("task", "==", task)]) for path in paths]
    return {part["method"].iloc[0]: part.groupby("specobjid")["score"].mean() for part in parts if len(part)}


def measure(member, score, times):
    """Return ROC AUC, average precision and recall among the first n, the number of members: [R, 3].

    NaN without members or with nothing else. Equal scores count as one step; where they stand at the n-th place, they share
    what is left of n.

    Parameters
    ----------
    member, score : ndarray[n]
    times : ndarray[R, n]
        How often each spectrum counts in each of R redraws.
    """
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(score[order]) != 0)) if len(order) else np.empty(0, int)
    found, size = (np.add.reduceat(counts[:, order], starts, axis=1) for counts in (times * member, times))
    above, named = np.cumsum(found, axis=1), np.cumsum(size, axis=1)
    total, everything = above[:, -1], named[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        area = ((size - found) * (above - found / 2)).sum(axis=1) / (total * (everything - total))
        precision = np.where(named > 0, above / named, 0)
        room = np.clip(total[:, None] - (named - size), 0, size)
        first = (found * np.where(size > 0, room / size, 0)).sum(axis=1) / total
        average = (found * precision).sum(axis=1) / total
    defined = (total > 0) & (total < everything)
    return np.where(defined[:, None], np.stack([area, average, first], axis=1), np.nan)


def outlier_ranking(asked, scores, notes, manifest, n_bootstrap=1000, seed=0):
    """Return results/outlier_ranking.csv: one row a score, all over the spectra that every score knows.

    Parameters
    ----------
    asked : DataFrame
        specobjid, member (bool).
    scores : dict
        {method: values [n], higher is odder, NaN where there is none}.
    notes : dict
        {method: what it is}.
    manifest : DataFrame
        specobjid and position.
    n_bootstrap, seed : int
        Redraws of positions, the same for all methods.

    Raises
    ------
    SearchError
        No spectrum has every score.
    """
    known = np.all([np.isfinite(values) for values in scores.values()], axis=0)
    member, places = asked["member"].to_numpy()[known], positions_of(asked[known], manifest)
    if not len(member):
        remedy = "Look at results/spectra/rejected.csv: every grid may have rejected other spectra"
        raise SearchError("no test spectrum has every score", item="/".join(scores), remedy=remedy)
    n_members = len(np.unique(places[member]))
    _, group = np.unique(places, return_inverse=True)
    rows = []
    for method, values in scores.items():
        centre = measure(member, values[known], np.ones((1, len(member))))[0]
        spread = np.concatenate(
            [measure(member, values[known], times[:, group]) for times in redraws(group.max() + 1, n_bootstrap, seed)]
        )
        ends = [interval(column) for column in spread.T]
        row = {"method": method, "note": "; ".join(word for word in (notes.get(method), too_few(n_members)) if word)}
        for name, value, (low, high) in zip(MEASURES, centre, ends, strict=True):
            row |= {name: value, f"{name}_lo": low, f"{name}_hi": high}
        rows.append(row | {"n_outlier": int(member.sum()), "n": len(member), "n_positions": len(np.unique(places))})
    return pd.DataFrame(rows, columns=COLUMNS)


def redraws(n_places, n, seed):
    """Yield how often each of ``n_places`` positions counts in ``n`` bootstrap redraws, some of them at a time: [r, n_places]."""
    rng = np.random.default_rng(seed)
    for start in range(0, n, REDRAWS_AT_ONCE):
        size = min(REDRAWS_AT_ONCE, n - start)
        yield rng.multinomial(n_places, np.full(n_places, 1 / n_places), size=size).astype("f8")


def rank_outliers(task, roles, manifest, embeddings, others, k, n_bootstrap=1000, threads=1):
    """Return results/outlier_ranking.csv of the test spectra of a task, known = the training side's pre-training spectra.

    Parameters
    ----------
    embeddings : dict
        {encoder: list of its shards}.
    others : dict
        {method: Series of scores by specobjid} of systems that score outliers without labels.
    """
    asked = candidates(roles, task)
    places = manifest[["specobjid", "position"]]
    asked_at = asked[["specobjid"]].merge(places, on="specobjid", how="left", validate="one_to_one")
    known_at = places[places["specobjid"].isin(roles.loc[roles["role"] == "pretrain", "specobjid"])]
    scores, notes = {}, {}
    for encoder, paths in embeddings.items():
        for name, values in score_encoder(paths, known_at, asked_at, k, threads).items():
            scores[f"{encoder} {name}"], notes[f"{encoder} {name}"] = values, NOTES[name].format(k=k)
    for name, series in others.items():
        scores[name], notes[name] = series.reindex(asked["specobjid"]).to_numpy(), NOTES["baseline"]
    return outlier_ranking(asked, scores, notes, manifest, n_bootstrap)
