"""Physical parameters from neighbours: what spectra near in the embedding measure, averaged by the search's own weights.

Near is by the distance of the vote, or, where the vote is learnt, by a forest grown on the parameter itself: its answer is the mean
of the entries' values with the weights that its leaves give them (Lin & Jeon 2006, JASA 101, 578).
"""

from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.ensemble import ExtraTreesRegressor

from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.metrics import interval
from galspec_core.search.tables import too_few
from galspec_core.search.weights import weigh

MEASURES = ("bias", "scatter", "outlier_fraction", "r")
COLUMNS = [
    "method", "vote", "parameter", "unit", "n", "n_known", "n_positions",
    *(f"{measure}{end}" for measure in MEASURES for end in ("", "_lo", "_hi")),
    "scatter_of_guess", "tolerance", "note",
]  # fmt: skip
TO_SIGMA = 1.4826  # median absolute deviation to the standard deviation of a Gaussian
REDSHIFT = "z"
BY_FRAME = "not asked of {}: in the rest frame the redshift is known already"
LEAF = 5  # entries of a leaf, at least (our choice)
MOST_GROWN = 50_000  # entries that grow a forest, at most (our choice)
FEWEST_RANKED = 3  # spectra of which a rank correlation makes sense


def scatter(values):
    """Return 1.4826 times the median absolute deviation of ``values`` [n]."""
    return TO_SIGMA * np.median(np.abs(values - np.median(values)))


def judge(error, ranks, tolerance, times):
    """Return bias, scatter, outlier fraction and rank correlation, each spectrum counted ``times`` [n] (int).

    Bias is the median ``error`` [n] of an estimate, an outlier one further off than ``tolerance``. ``ranks`` [2, n] are those of
    estimate and truth among all; the correlation is NaN where one of them does not vary.
    """
    error, pair = np.repeat(error, times), np.repeat(ranks, times, axis=1)
    varies = len(error) >= FEWEST_RANKED and (np.ptp(pair, axis=1) > 0).all()
    r = np.corrcoef(pair)[0, 1] if varies else np.nan
    return np.array([np.median(error), scatter(error), (np.abs(error) > tolerance).mean(), r])


def estimate(base, values, queries, asked, k, search, threads=1):
    """Return the estimates [Q]: weighted means of ``values`` [N] of the ``k`` nearest entries that have one.

    Parameters
    ----------
    base : KnowledgeBase
        Of the N spectra of the training side.
    values : ndarray[N]
        Scaled, NaN where there are none.
    queries : ndarray[Q, D]
    asked : DataFrame
        specobjid and position of the queries; a galaxy is never estimated from its own position.
    search : dict
        weight, normalise, epsilon and scale of the vote.
    """
    known = np.isfinite(values)
    found = base.search(queries, k, *(asked[name].to_numpy() for name in ("position", "specobjid")), known, threads)
    kept = {key: search[key] for key in ("weight", "normalise", "epsilon")}
    weights = weigh(found.distance / base.unit(search["scale"]), **kept)
    return (weights * values[found.row]).sum(axis=1)


def estimate_learnt(vectors, values, queries, trees, threads=1, seed=0):
    """Return the estimates [Q]: means of ``values`` [N] weighted by a forest grown on those that there are.

    Parameters
    ----------
    vectors, queries : ndarray[N, F], ndarray[Q, F]
        Embedding and evidence.
    values : ndarray[N]
        Scaled, NaN where there are none.
    trees, threads, seed : int
        No result depends on ``threads``.
    """
    known = np.flatnonzero(np.isfinite(values))
    if len(known) > MOST_GROWN:
        known = np.random.default_rng(seed).choice(known, MOST_GROWN, replace=False)
    forest = ExtraTreesRegressor(trees, min_samples_leaf=LEAF, random_state=seed, n_jobs=threads)
    forest.fit(vectors[known], values[known])
    return forest.set_params(n_jobs=1).predict(queries)  # several threads would add up trees in any order


def score_estimates(quantity, estimates, truth, known, position, n_bootstrap=1000, seed=0):
    """Return one row of results/parameters.csv, method and parameter aside.

    Parameters
    ----------
    quantity : Quantity
    estimates, truth : ndarray[n]
        Scaled, both finite.
    known : ndarray[m]
        The values that the knowledge base has: their median is the guess of one who does not look.
    position : ndarray[n] uint64
        Intervals are from redraws of these.
    """
    places, group = np.unique(position, return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(places), np.full(len(places), 1 / len(places)), size=n_bootstrap)
    error, ranks = estimates - truth, np.stack([rankdata(estimates), rankdata(truth)])
    centre = judge(error, ranks, quantity.tolerance, np.ones(len(error), dtype=int))
    spread = np.array([judge(error, ranks, quantity.tolerance, times[group]) for times in drawn])
    row = {"n": len(truth), "n_known": len(known), "n_positions": len(places), "note": too_few(len(places))}
    for name, value, column in zip(MEASURES, centre, spread.T, strict=True):
        low, high = interval(column)
        row |= {name: value, f"{name}_lo": low, f"{name}_hi": high}
    return row | {"scatter_of_guess": scatter(truth - np.median(known))}


class Neighbours:
    """One encoder's training side, asked for what the spectra of the test side would measure.

    ``old`` and ``new`` are the manifest's rows of the training and of the test side that have an embedding.
    """

    def __init__(self, paths, manifest, search, k, trees, threads=1):
        self.search, self.k, self.trees, self.threads, self.manifest = search, k, trees, threads, manifest
        self.found = load_embeddings(paths, manifest["specobjid"].to_numpy())
        self.places = self.found.rows(manifest["specobjid"].to_numpy())
        side = manifest["side"].to_numpy()
        self.old, self.new = (np.flatnonzero((self.places >= 0) & (side == name)) for name in ("training", "test"))
        metadata = manifest.iloc[self.old][["specobjid", "position"]].assign(label="")
        self.base = KnowledgeBase.build(self.found.embedding[self.places[self.old]], metadata)

    def fixed(self, values, asked):
        """Return the estimates of the manifest's rows ``asked`` by distance; ``values`` are those of ``old``."""
        queries, at = self.found.embedding[self.places[asked]], self.manifest.iloc[asked]
        return estimate(self.base, values, queries, at, self.k, self.search, self.threads)

    def learnt(self, values, asked):
        """Return the same by a forest."""
        vectors, queries = (self.found.all[self.places[rows]] for rows in (self.old, asked))
        return estimate_learnt(vectors, values, queries, self.trees, self.threads)


VOTES = {"fixed": Neighbours.fixed, "learnt": Neighbours.learnt}


def parameters_table(quantities, values, embeddings, frames, manifest, vote, k, n_bootstrap=1000, threads=1):
    """Return results/parameters.csv: one row for each encoder, vote and quantity.

    Parameters
    ----------
    quantities : dict
        {parameter: Quantity}.
    values : dict
        {parameter: scaled values of the manifest's spectra [n]}.
    embeddings : dict
        {encoder: list of its shards}.
    frames : dict
        {encoder: ``rest`` or ``observed``}: rest-frame encoders are not asked for the redshift.
    manifest : DataFrame
        specobjid, position, side.
    vote : dict
        The fixed vote's settings, and ``learnt``: the methods whose vote is learnt too, and its trees.
    k : int
        Neighbours of the fixed vote.
    """
    rows = []
    for method, paths in embeddings.items():
        neighbours = Neighbours(paths, manifest, vote, k, vote["learnt"]["trees"], threads)
        votes = ["fixed"] + ["learnt"] * (method in vote["learnt"]["methods"])
        for (name, quantity), way in product(quantities.items(), votes):
            known, asked = values[name][neighbours.old], neighbours.new[np.isfinite(values[name][neighbours.new])]
            row = {"method": method, "vote": way, "parameter": name, "unit": quantity.unit, "n": len(asked)}
            row |= {"tolerance": quantity.tolerance, "n_known": int(np.isfinite(known).sum()), "n_positions": 0}
            if name == REDSHIFT and frames[method] == "rest":
                row |= {"n": 0, "note": BY_FRAME.format(method)}
            elif row["n_known"] < k or not len(asked):
                row |= {"note": "no values"}
            else:
                answers = VOTES[way](neighbours, known, asked)
                args = known[np.isfinite(known)], manifest["position"].to_numpy()[asked], n_bootstrap
                row |= score_estimates(quantity, answers, values[name][asked], *args)
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)
