"""Physical parameters from neighbours: what spectra near in the embedding measure, averaged by the search's own weights."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.metrics import interval
from galspec_core.search.tables import too_few
from galspec_core.search.weights import weigh

MEASURES = ("bias", "scatter", "outlier_fraction", "r")
COLUMNS = [
    "method", "parameter", "unit", "n", "n_known", "n_positions",
    *(f"{measure}{end}" for measure in MEASURES for end in ("", "_lo", "_hi")),
    "scatter_of_guess", "tolerance", "note",
]  # fmt: skip
TO_SIGMA = 1.4826  # median absolute deviation to the standard deviation of a Gaussian
REDSHIFT = "z"
BY_FRAME = "not asked of {}: in the rest frame the redshift is known already"
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


def parameters_table(quantities, values, embeddings, frames, manifest, search, k, n_bootstrap=1000, threads=1):
    """Return results/parameters.csv: one row for each encoder and quantity.

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
    search : dict
        The vote's settings.
    k : int
        Neighbours.
    """
    rows = []
    for method, paths in embeddings.items():
        found = load_embeddings(paths, manifest["specobjid"].to_numpy())
        places = found.rows(manifest["specobjid"].to_numpy())
        old, new = (
            np.flatnonzero((places >= 0) & (manifest["side"] == side).to_numpy()) for side in ("training", "test")
        )
        metadata = manifest.iloc[old][["specobjid", "position"]].assign(label="")
        base = KnowledgeBase.build(found.embedding[places[old]], metadata)
        for name, quantity in quantities.items():
            facts = {"method": method, "parameter": name, "unit": quantity.unit, "tolerance": quantity.tolerance}
            known, asked = values[name][old], new[np.isfinite(values[name][new])]
            n_known = int(np.isfinite(known).sum())
            if name == REDSHIFT and frames[method] == "rest":
                rows.append(facts | {"n": 0, "n_known": n_known, "n_positions": 0, "note": BY_FRAME.format(method)})
            elif n_known < k or not len(asked):
                rows.append(facts | {"n": len(asked), "n_known": n_known, "n_positions": 0, "note": "no values"})
            else:
                at, vectors = manifest.iloc[asked], found.embedding[places[asked]]
                answers = estimate(base, known, vectors, at, k, search, threads)
                args = known[np.isfinite(known)], at["position"].to_numpy(), n_bootstrap
                rows.append(facts | score_estimates(quantity, answers, values[name][asked], *args))
    return pd.DataFrame(rows, columns=COLUMNS)
