"""Candidates: a whole survey scored for one target, shard by shard; the best are kept, with what speaks for them.

Every spectrum is scored but those that stand in the knowledge base as the target. No more than one shard and the best so far
are in memory. A probability is that of the learnt vote, carried from the composition of the knowledge base to that of what is
scored (``calibration.recompose``).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from galspec_core.catalogs.ids import look_up
from galspec_core.catalogs.roles import UNLABELLED
from galspec_core.errors import SearchError
from galspec_core.log import Progress, logger
from galspec_core.search.calibration import estimate_rate, recompose
from galspec_core.search.complaints import LOST
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.reasons import reason
from galspec_core.search.vote import OTHER, binary_labels
from galspec_core.spectra.names import spectrum_name

COLUMNS = ["rank", "specobjid", "plate", "mjd", "fiberid", "ra", "dec", "z", "score", "probability", "reason"]
MANIFEST = ["specobjid", "plate", "mjd", "fiberid", "ra", "dec", "z", "snr", "position", "shard"]  # what is read of it
KEPT = ["specobjid", "score", "probability", "known", "neighbour_ids"]  # of the votes on the best
NEAR = 3  # known targets that are looked for near each candidate


@dataclass(frozen=True)
class Scored:
    """The best votes of a survey, highest score first, and the probabilities [n] of all that was scored (NaN: none learnt)."""

    best: pd.DataFrame
    probability: np.ndarray


def read_manifests(paths):
    """Return the manifests of the survey and of its query spectra as one table, columns MANIFEST."""
    found = pd.concat([pd.read_parquet(path, columns=MANIFEST) for path in paths], ignore_index=True)
    return found.astype(dict.fromkeys(("plate", "mjd", "fiberid"), "i4"))


def in_base(voter, seed):
    """Return which entries of a voter's knowledge base are a seed's, and which of these are the target: two bool[N]."""
    where = voter.near(seed).where
    return where, where & (binary_labels(voter.base.metadata["label"], voter.target) != OTHER)


def score_survey(voter, shards, spectra, seed, top):
    """Return the Scored of ``spectra`` (DataFrame: specobjid, position, shard), less the seed's targets in the knowledge base.

    Parameters
    ----------
    voter : Voter or LearntVoter
    shards : list of path
        Of embeddings, those of every shard that ``spectra`` names.
    seed, top : int
        Whose share of the knowledge base votes; how many are kept.

    Raises
    ------
    SearchError
        There is no target in the knowledge base, or nothing to score.
    """
    is_target = in_base(voter, seed)[1]
    if not is_target.any():
        remedy = "Look at results/catalogs/unmatched_TASK.csv and results/table1.csv"
        raise SearchError(f"no {voter.target} in the knowledge base of seed {seed}", item=voter.target, remedy=remedy)
    taken = voter.base.metadata["specobjid"].to_numpy()[is_target]
    spectra = spectra[~np.isin(spectra["specobjid"].to_numpy(), taken)]
    paths = {Path(path).stem: path for path in shards}
    best, probability, progress = None, [], Progress(f"search: candidates {voter.target}", len(spectra))
    for shard, asked in spectra.groupby("shard", sort=True):
        votes = _vote(voter, paths[shard], asked, seed)
        best = highest(votes if best is None else pd.concat([best, votes], ignore_index=True), top)
        probability.append(votes["probability"].to_numpy())
        progress.add(len(asked))
    if not sum(map(len, probability)):
        raise SearchError("no spectrum to score has an embedding", item=voter.target, remedy=LOST)
    logger.info("%s: %d of %d spectra scored", voter.target, sum(map(len, probability)), len(spectra))
    return Scored(best, np.concatenate(probability))


def _vote(voter, shard, asked, seed):
    """Return the votes (KEPT) on those of ``asked`` that one shard has an embedding of."""
    embeddings = load_embeddings([shard], asked["specobjid"].to_numpy())
    rows = embeddings.rows(asked["specobjid"].to_numpy())
    asked = asked.loc[rows >= 0, ["specobjid", "position"]].assign(label="").reset_index(drop=True)
    if not len(asked):
        return pd.DataFrame(columns=KEPT).astype({"specobjid": "u8", "score": "f8", "probability": "f8"})
    return voter.votes(seed, asked, embeddings.all[rows[rows >= 0]])[KEPT]


def highest(votes, top):
    """Return the ``top`` votes of highest score, equal ones by specobjid."""
    return votes.sort_values(["score", "specobjid"], ascending=[False, True]).head(top).reset_index(drop=True)


def at_base_rate(scored, base, rate=None):
    """Return the probabilities of the best where a share ``rate`` of all that is scored are targets, and that rate.

    ``base`` is the targets' share of the knowledge base, where probabilities were learnt. Where no rate is given it is
    estimated from the probabilities of all that was scored; both are NaN where none were learnt.
    """
    if not np.isfinite(scored.probability).any() or not 0 < base < 1:
        return np.full(len(scored.best), np.nan), np.nan
    rate = estimate_rate(scored.probability, base) if rate is None else rate
    return recompose(scored.best["probability"].to_numpy(), base, rate), rate


def nearest_targets(voter, seed, spectra, vectors):
    """Return the nearest known targets of ``spectra`` (specobjid, position) with vectors [Q, F]: ids and distances, two lists.

    NEAR of them, fewer where the knowledge base has no more at other places of the sky.
    """
    is_target, base = in_base(voter, seed)[1], voter.base
    places = base.metadata.loc[is_target, "position"]
    k = min(NEAR, len(places) - int(places.value_counts().iloc[0]))
    if k < 1:
        return [np.empty(0, "u8")] * len(spectra), [np.empty(0)] * len(spectra)
    position, ids = (spectra[name].to_numpy() for name in ("position", "specobjid"))
    found = base.search(vectors[:, : base.index.d], k, position, ids, is_target, voter.threads)
    return list(base.metadata["specobjid"].to_numpy()[found.row]), list(found.distance)


def list_candidates(scored, voter, seed, manifest, catalogued, shards, rate=None):
    """Return the candidates (COLUMNS but ``reason``, and what the reasons are made of), best first, one row each.

    Parameters
    ----------
    scored : Scored
    manifest : DataFrame
        MANIFEST.
    catalogued : dict
        {specobjid: '+'-joined labels} of all labelled spectra of the survey.
    shards : list of path
        Of embeddings.
    rate : float, optional
        Share of targets among what is scored; estimated where none is given.
    """
    best, (where, is_target) = scored.best, in_base(voter, seed)
    found = look_up(best["specobjid"].to_numpy(), manifest["specobjid"].to_numpy())
    table = manifest.iloc[found].reset_index(drop=True).assign(rank=0, score=best["score"].clip(upper=1.0))
    table["probability"], rate = at_base_rate(scored, is_target.sum() / where.sum(), rate)
    logger.info("%s: base rate %.3g, %.1f expected in all", voter.target, rate, rate * len(scored.probability))
    embeddings = load_embeddings(shards, best["specobjid"].to_numpy())
    vectors = embeddings.beside(embeddings.rows(best["specobjid"].to_numpy()))
    table["near_ids"], table["near_distances"] = nearest_targets(voter, seed, table, vectors)
    labels = dict(zip(voter.base.metadata["specobjid"], voter.base.metadata["label"], strict=True))
    table["neighbour_labels"] = [[labels[i] or UNLABELLED for i in ids] for ids in best["neighbour_ids"]]
    table["catalogued"] = [catalogued.get(i, "") for i in table["specobjid"]]
    table["known"] = best["known"].to_numpy(dtype=bool)
    table["repeat_of"] = _repeats(table, manifest, catalogued, voter.target)
    return nearest_first(table)


def nearest_first(table):
    """Return the table with equal scores ordered by the distance of the nearest known target, ranked anew."""
    nearest = [distances[0] if len(distances) else np.inf for distances in table["near_distances"]]
    table = table.iloc[np.lexsort([table["specobjid"], nearest, -table["score"]])].reset_index(drop=True)
    return table.assign(rank=np.arange(1, len(table) + 1))


def _repeats(table, manifest, catalogued, target):
    """Return the name of another spectrum at the same place that is catalogued as the target, "" where there is none."""
    ids = manifest["specobjid"].to_numpy()
    targets = np.array([i for i, words in catalogued.items() if target in words.split("+")], dtype="u8")
    rows = look_up(targets, ids)
    same = manifest.iloc[rows[rows >= 0]].query("position in @table.position")
    there = {place: list(part.itertuples()) for place, part in same.groupby("position")}
    pairs = zip(table["position"], table["specobjid"], strict=True)
    others = ([one for one in there.get(place, []) if one.specobjid != i] for place, i in pairs)
    return [spectrum_name(found[0]) if found else "" for found in others]


def with_reasons(table, target, manifest, learnt, lines=None):
    """Return the table with ``reason``; ``lines`` are the words of a galaxy behind each, where the target asks for them."""
    ids = np.unique(np.concatenate([*table["near_ids"], np.empty(0, "u8")])).astype("u8")
    rows = look_up(ids, manifest["specobjid"].to_numpy())
    names = {i: spectrum_name(one) for i, one in zip(ids, manifest.iloc[rows].itertuples(), strict=True)}
    said = lines or [""] * len(table)
    reasons = [reason(row, target, names, learnt, behind) for row, behind in zip(table.itertuples(), said, strict=True)]
    return table.assign(reason=reasons)
