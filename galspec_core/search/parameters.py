"""Physical parameters by weighted neighbours: what is known of the nearest galaxies says what a galaxy is like.

The estimate is the mean of the neighbours' values, weighted as the vote weighs labels. Redshift is among the parameters: in the
observed frame it is a check of the catalogue's, in the rest frame the encoder was told it, and the row says so.
"""

import numpy as np
import pandas as pd
from astropy.table import Table
from scipy.stats import rankdata

from galspec_core.catalogs.ids import look_up
from galspec_core.errors import SearchError
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.metrics import interval
from galspec_core.search.weights import weigh

COLUMNS = [
    "parameter", "method", "bias", "bias_lo", "bias_hi", "scatter", "scatter_lo", "scatter_hi", "outlier_fraction",
    "outlier_fraction_lo", "outlier_fraction_hi", "rank_correlation", "rank_correlation_lo", "rank_correlation_hi",
    "guess_scatter", "n", "n_known", "n_positions", "note",
]  # fmt: skip
FAR = 3.0  # errors beyond this many times the scatter of always answering the median are outliers (our choice)
TOLD = "the encoder was told the redshift by its frame"
REDSHIFT = "z"


def read_values(path, columns):
    """Return a table with specobjid and ``columns`` from a CSV, FITS or Parquet file, without a row where there is no file.

    Raises
    ------
    SearchError
        A column is missing.
    """
    if not path:
        return pd.DataFrame({"specobjid": np.empty(0, "u8")})
    path = str(path)
    if path.endswith(".parquet"):
        frame = pd.read_parquet(path)
    elif path.endswith(".csv"):
        frame = pd.read_csv(path, dtype={"specobjid": "u8"})
    else:
        frame = Table.read(path).to_pandas()
    missing = [name for name in ("specobjid", *columns) if name not in frame]
    if missing:
        raise SearchError("columns are missing", item=path, expected=missing, got=sorted(frame.columns))
    return frame[["specobjid", *columns]].drop_duplicates("specobjid").astype({"specobjid": "u8"})


def estimate(base, values, queries, position, k, settings):
    """Return the weighted mean [Q] of ``values`` [N] of the ``k`` nearest entries whose value is finite.

    Raises
    ------
    SearchError
        Fewer than ``k`` entries have a value.
    """
    found = base.search(queries, k, position, where=np.isfinite(values))
    weights = weigh(found.distance / base.unit(settings.scale), settings.weight, settings.normalise, settings.epsilon)
    return (weights * values[found.row]).sum(axis=1)


def score_parameters(embeddings, manifest, values, k, settings, told, n_bootstrap=1000):
    """Return a table with COLUMNS: test-side galaxies asked of training-side ones.

    Parameters
    ----------
    embeddings : dict
        {method: Embeddings of the survey}.
    manifest : DataFrame
        specobjid, position, side, z.
    values : DataFrame
        specobjid and one column a parameter, NaN where not known.
    k : int
        Neighbours.
    settings : VoteSettings
        scale, weight, normalise and epsilon are used.
    told : set of str
        Methods whose frame holds the redshift.
    n_bootstrap : int
        Redraws of sky positions behind each interval.
    """
    known = manifest.merge(values.drop(columns=REDSHIFT, errors="ignore"), on="specobjid", how="left")
    names = [name for name in values if name not in ("specobjid", REDSHIFT)] + [REDSHIFT]
    rows = []
    for method, found in embeddings.items():
        own = known.iloc[look_up(found.specobjid, known["specobjid"].to_numpy())].reset_index(drop=True)
        train = (own["side"] == "training").to_numpy()
        base = KnowledgeBase.build(found.embedding[train], own[train].assign(label=""), task="parameters")
        for name in names:
            asked = ~train & np.isfinite(own[name].to_numpy(dtype="f8"))
            truth, entries = own.loc[asked, name].to_numpy("f8"), own.loc[train, name].to_numpy("f8")
            if asked.sum() < 2 or np.isfinite(entries).sum() < k:
                continue
            position = own.loc[asked, "position"].to_numpy()
            guess = estimate(base, entries, found.embedding[asked], position, k, settings)
            note = TOLD if name == REDSHIFT and method in told else ""
            row = _measures(guess, truth, position, float(np.nanmedian(entries)), n_bootstrap)
            rows.append(
                {"parameter": name, "method": method, **row, "n_known": np.isfinite(entries).sum(), "note": note}
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _measures(guess, truth, position, middle, n_bootstrap):
    """Return bias, scatter, outlier fraction and rank correlation with their intervals over positions."""
    places, groups = np.unique(position, return_inverse=True)
    members = [np.flatnonzero(groups == g) for g in range(len(places))]
    floor = scatter(middle - truth)
    functions = {
        "bias": lambda rows: np.median(guess[rows] - truth[rows]),
        "scatter": lambda rows: scatter(guess[rows] - truth[rows]),
        "outlier_fraction": lambda rows: (np.abs(guess[rows] - truth[rows]) > FAR * floor).mean(),
        "rank_correlation": lambda rows: np.corrcoef(rankdata(guess[rows]), rankdata(truth[rows]))[0, 1],
    }
    rng, everything = np.random.default_rng(0), np.arange(len(truth))
    draws = [
        np.concatenate([members[g] for g in rng.integers(len(places), size=len(places))]) for _ in range(n_bootstrap)
    ]
    row = {"guess_scatter": floor, "n": len(truth), "n_positions": len(places)}
    for name, function in functions.items():
        with np.errstate(invalid="ignore"):
            low, high = interval(np.array([function(rows) for rows in draws]))
            row |= {name: function(everything), f"{name}_lo": low, f"{name}_hi": high}
    return row


def scatter(error):
    """Return 1.4826 times the median absolute deviation of ``error`` [n]: the sd of a Gaussian."""
    return 1.4826 * np.median(np.abs(error - np.median(error)))
