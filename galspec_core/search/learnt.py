"""The learnt vote: a forest grown on the knowledge base's own labels says who is near and how much each neighbour counts.

It sees the embedding and the evidence beside it; the encoder stays as it is. All labels of the entries grow the forest, also
where a task asks for one target against the rest. Trees that never saw a galaxy's position judge it: these shares set the
threshold above which a target is named (best F1), or the factor by which each class's share counts where all labels vote (best
macro F1), and turn shares into probabilities, without a second fit.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from galspec_core.search.calibration import Calibration
from galspec_core.search.forest import NeighbourForest
from galspec_core.search.known import Near
from galspec_core.search.metrics import best_factors, best_threshold
from galspec_core.search.vectors import rows_of
from galspec_core.search.vote import LABELLINGS, OTHER, labels_of, one_class


@dataclass(frozen=True)
class Grown:
    """What the vote of one seed rests on, made once.

    ``rows`` [N] of its entries, the class of each (``codes`` [N] of ``names`` [C]) and the ``forest`` grown on them; ``factors``
    [C] by which shares count, the ``threshold`` at which a target is named, the ``calibration`` that makes shares probabilities.
    """

    rows: np.ndarray
    names: np.ndarray
    codes: np.ndarray
    forest: NeighbourForest
    factors: np.ndarray
    threshold: float
    calibration: Calibration


class LearntVoter:
    """One task's knowledge base with a learnt vote, grown anew for each seed's share of it.

    Parameters
    ----------
    task, target : str, str or None
    base : KnowledgeBase
    vectors : ndarray[N, F]
        Embedding and evidence of its entries.
    settings : ForestSettings
    shown : int
        Neighbours listed with each vote, those of most weight.
    threads : int
    unknown : float
        See ``known``.

    ``among`` is None, or the entries bool[N] that may be neighbours: the weights of the others are left out, those that stay add
    up to 1 again, and no probability is given, because it was learnt from the weights of all.
    """

    among = None

    def __init__(self, task, target, base, vectors, settings, shown=10, threads=1, unknown=0.01):
        self.task, self.target, self.base, self.vectors = task, target, base, vectors
        self.settings, self.shown, self.threads = settings, shown, threads
        self.near = lru_cache(maxsize=1)(lambda seed: Near(base, vectors, seed, unknown, threads))
        self.words = grown_on(task, target, base.metadata["label"])
        self._grown = {}

    def votes(self, seed, spectra, queries):
        """Return votes on ``spectra`` (specobjid, position, label) with vectors [Q, F], method and seed aside.

        ``share`` is that of the label named, ``score`` the target's share (the winner's where all labels vote),
        ``probability`` that the target is there (that the label named is right), ``known`` False where no entry is near,
        ``shares`` [C] those of all ``classes``; weights are those of the forest, of which only the largest are listed.
        """
        grown = self.grown(seed)
        among = None if self.among is None else self.among[grown.rows]
        shares, places, weights = self._shares(grown, queries, spectra["position"].to_numpy(), True, among)
        places = [grown.rows[nearest] for nearest in places]
        decide = self._decide_label if self.task in LABELLINGS else self._decide_target
        decided, weighed = decide(grown, shares), shares.sum(axis=1) > 0
        decided |= {"probability": np.full(len(queries), np.nan)} if self.among is not None else {}
        return pd.DataFrame(
            {
                "specobjid": spectra["specobjid"].to_numpy(),
                "label": labels_of(self.task, self.target, spectra["label"]),
                **decided,
                "known": self.near(seed).known(spectra, queries) & weighed,
                "neighbour_ids": [self.base.metadata["specobjid"].to_numpy()[nearest] for nearest in places],
                "distances": [self._distance(*pair) for pair in zip(queries, places, strict=True)],
                "weights": weights,
            }
        )

    def classes(self, seed):
        """Return the names [C] of the ``shares`` of its votes."""
        return list(self.grown(seed).names) if self.task in LABELLINGS else [OTHER, self.target]

    def grown(self, seed):
        """Return the Grown of a seed."""
        if seed not in self._grown:
            rows = np.flatnonzero(self.near(seed).where)
            names, codes = np.unique(self.words[rows].astype(str), return_inverse=True)
            position = self.base.metadata["position"].to_numpy()[rows]
            forest = NeighbourForest(self.vectors[rows], codes, position, self.settings, int(seed), self.threads)
            bare = Grown(rows, names, codes, forest, np.ones(len(names)), np.inf, Calibration(0.0, 0.0))
            own = self._shares(bare, self.vectors[rows], position)[0]
            learn = self._learn_label if self.task in LABELLINGS else self._learn_target
            self._grown = {seed: replace(bare, **learn(names, codes, own))}
        return self._grown[seed]

    def _distance(self, query, places):
        """Return the distance of a query [F] to entries, by the embedding alone."""
        return np.linalg.norm(rows_of(self.base.vectors, places) - query[: self.base.index.d], axis=1).astype("f8")

    def _shares(self, grown, vectors, position, listed=False, among=None):
        """Return the share of each class [Q, C], and, where wanted, places and weights of the heaviest entries (lists)."""
        member = np.eye(len(grown.names))[grown.codes]
        shares, places, heaviest = np.zeros((len(vectors), len(grown.names))), [], []
        for rows, weights in grown.forest.weights(vectors, position):
            weights = weights if among is None else _only(weights, among)
            shares[rows] = weights @ member
            for row in weights if listed else ():
                first = np.argsort(-row.data, kind="stable")[: self.shown]
                places.append(row.indices[first])
                heaviest.append(row.data[first])
        return shares, places, heaviest

    def _learn_target(self, names, codes, own):
        """Return threshold and calibration from shares [N, C] of entries that their trees have not seen."""
        known, member = own[:, names == self.target].sum(axis=1), (names == self.target)[codes]
        return dict(threshold=best_threshold(known, member), calibration=Calibration.fit(known, member))

    def _learn_label(self, names, codes, own):
        """Return factors and calibration from the same."""
        factors = best_factors(own, codes)
        own = _normalised(own * factors)
        return dict(factors=factors, calibration=Calibration.fit(own.max(axis=1), own.argmax(axis=1) == codes))

    def _decide_target(self, grown, shares):
        score = shares[:, grown.names == self.target].sum(axis=1)
        other = shares.any(axis=1) - score  # shares add up to 1, but where nothing votes
        named = score >= grown.threshold
        return {
            "predicted": np.where(named, self.target, OTHER).astype(object),
            "share": np.where(named, score, other),
            "score": score,
            "probability": grown.calibration.probability(score),
            "shares": list(np.column_stack([other, score])),
        }

    def _decide_label(self, grown, shares):
        shares = _normalised(shares * grown.factors)
        winner, share = shares.argmax(axis=1), shares.max(axis=1)
        return {
            "predicted": grown.names[winner].astype(object),
            "share": share,
            "score": share,
            "probability": grown.calibration.probability(share),
            "shares": list(shares),
        }


def _only(weights, among):
    """Return weights [q, N], sparse, of the entries ``among`` bool[N] alone, adding up to 1 where there are any."""
    weights = weights.multiply(among[None, :]).tocsr()
    weights.eliminate_zeros()
    total = np.asarray(weights.sum(axis=1)).ravel()
    return weights.multiply(1 / np.where(total > 0, total, 1)[:, None]).tocsr()


def _normalised(shares):
    """Return shares [Q, C] that add up to 1, but for those that every tree has seen: they have none."""
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), np.finfo("f8").tiny)


def grown_on(task, target, labels):
    """Return the class of each of the '+'-joined ``labels`` that a forest tells apart: the task's, or target and all others."""
    if task in LABELLINGS:
        return labels_of(task, target, labels)
    words = one_class(labels)
    return np.array([target if target in whole.split("+") else word for whole, word in zip(labels, words, strict=True)])
