"""Distances within a knowledge base and the weights made of them: table A1 and figure A1 (paper, appendix A.2)."""

import numpy as np
import pandas as pd
from scipy.stats import kurtosis, skew

from galspec_core.errors import SearchError
from galspec_core.figures.style import COLOURS, new_figure
from galspec_core.search.weights import WEIGHTS

EPSILONS = (1e-6, 10.0)  # the configuration's default, and the 10 that the paper prints
WITH_EPSILON = ("inverse", "inverse_square")
LARGEST_RISE = 1e3  # weight at distance 0 over that at the median distance, beyond which a weight is unstable
FORMULAS = {"exp": "$e^{-x}$", "inverse": "$1/(x+ε)$", "inverse_square": "$1/(x^2+ε)$", "linear": "$-x$"}
PUBLISHED = (  # paper, appendix A.2
    dict(weight="distance", epsilon=np.nan, skewness=0.44, kurtosis_excess=-0.40, chosen=False),
    dict(weight="exp", epsilon=np.nan, skewness=1.69, kurtosis_pearson=3.43, chosen=True),
)
PUBLISHED_MIDDLE = dict(mean=2.84, median=2.71, sd=1.18)  # of the distances; paper, appendix A.2
COLUMNS = ["weight", "epsilon", "skewness", "kurtosis_pearson", "kurtosis_excess", "chosen", "source"]
BINS, COMMON = 60, (-4.0, 6.0)  # bins of a histogram; range of the weights' panels in standard deviations
PANELS_ABREAST = 3


def distance_table(distances, epsilons=EPSILONS, unit=1.0):
    """Return table A1: skewness and kurtosis of ``distances`` [P] as they are, and of the weights of distance / unit.

    ``chosen`` marks what ``paper_rule`` chooses at each epsilon: an inverse weight has its own, so that exp or linear
    are chosen at those epsilons of which no row is marked. Published rows hold what the paper prints and no more. It
    does not say which kurtosis the 3.43 of its weights is; it compares it with 3, so the table calls it Pearson's.

    Raises
    ------
    SearchError
        Distances that are too few, or all alike.
    """
    distances = _checked(distances)
    rows = [_moments("distance", np.nan, distances) | {"rise": np.inf}]
    for weight, epsilon, values in weighted(distances, epsilons, unit):
        rows.append(_moments(weight, epsilon, values) | {"rise": rise(weight, np.median(distances) / unit, epsilon)})
    measured = pd.DataFrame(rows).assign(source="measured")
    measured["chosen"] = measured.index.isin(_choices(measured, epsilons))
    published = pd.DataFrame(PUBLISHED).assign(source="published")
    return pd.concat([measured, published], ignore_index=True)[COLUMNS]


def weighted(distances, epsilons, unit):
    """Yield (weight, epsilon, values [P]) of every weight; epsilon is NaN where the weight has none."""
    for weight, function in WEIGHTS.items():
        for epsilon in epsilons if weight in WITH_EPSILON else (np.nan,):
            yield weight, epsilon, function(distances / unit, epsilon)


def rise(weight, middle, epsilon):
    """Return the weight at distance 0 over the weight at distance ``middle``, inf where either is not positive."""
    with np.errstate(divide="ignore"):
        at_zero, at_middle = (float(WEIGHTS[weight](np.float64(x), epsilon)) for x in (0.0, middle))
    return at_zero / at_middle if at_zero > 0 and at_middle > 0 else np.inf


def paper_rule(candidates):
    """Return the index of the candidate that the paper's three criteria choose, None if they leave none.

    How they combine is our choice. Stability comes first: a weight is out if it is not positive (-x has no shares), or
    if a neighbour at distance 0 weighs more than LARGEST_RISE times one at the median distance. Symmetry then decides:
    the smallest absolute skewness. Distinctiveness settles what is equal to two decimals, the paper's precision:
    Pearson kurtosis nearest to the 3 of a normal distribution.

    Parameters
    ----------
    candidates : DataFrame
        Columns skewness, kurtosis_pearson and rise (see ``rise``).
    """
    stable = candidates[candidates["rise"] <= LARGEST_RISE]
    if stable.empty:
        return None
    order = pd.DataFrame(
        {"symmetry": stable["skewness"].abs().round(2), "distinctiveness": (stable["kurtosis_pearson"] - 3).abs()}
    )
    return order.sort_values(["symmetry", "distinctiveness"], kind="stable").index[0]


def _choices(measured, epsilons):
    """Return the index of the weight chosen at each epsilon, None where there is none."""
    weights = measured[measured["weight"] != "distance"]
    return [paper_rule(weights[weights["epsilon"].isna() | (weights["epsilon"] == epsilon)]) for epsilon in epsilons]


def _checked(distances):
    distances = np.asarray(distances, dtype="f8")
    if len(distances) < 3 or np.ptp(distances) == 0:
        got = f"{len(distances)} of them, {len(np.unique(distances))} different"
        item, remedy = "figures.distances.method", "Name a method whose votes have neighbours at different distances"
        what, expected = "the distances have no distribution", "3 or more, not all alike"
        raise SearchError(what, item=item, expected=expected, got=got, remedy=remedy)
    return distances


def _moments(weight, epsilon, values):
    excess = float(kurtosis(values))
    moments = dict(skewness=float(skew(values)), kurtosis_pearson=excess + 3, kurtosis_excess=excess)
    return dict(weight=weight, epsilon=epsilon) | moments


def histogram_table(distances, epsilons=EPSILONS, unit=1.0):
    """Return panel, low, high, density: what figure A1 draws.

    The panel ``distance`` is in units of the embedding. The weights' panels are in standard deviations from their mean,
    which changes neither skewness nor kurtosis; values beyond COMMON count in the density and are not drawn.
    """
    distances = _checked(distances)
    parts = [_histogram("distance", distances, (0.0, float(distances.max())))]
    for weight, epsilon, values in weighted(distances, epsilons, unit):
        parts.append(_histogram(panel_name(weight, epsilon), (values - values.mean()) / values.std(), COMMON))
    return pd.concat(parts, ignore_index=True)


def panel_name(weight, epsilon):
    """Return the name of a weight's panel, its epsilon in it where it has one."""
    return weight if np.isnan(epsilon) else f"{weight} epsilon={epsilon:g}"


def _histogram(panel, values, limits):
    counts, edges = np.histogram(values, BINS, limits)
    density = counts / (len(values) * np.diff(edges))
    return pd.DataFrame({"panel": panel, "low": edges[:-1], "high": edges[1:], "density": density})


def draw_distances(distances, table, histograms, method, unit=1.0, published=PUBLISHED_MIDDLE):
    """Return figure A1: the distances [P] above, the distribution of every weight below, those chosen hatched.

    Parameters
    ----------
    distances : ndarray[P]
    table, histograms : DataFrame
        From ``distance_table`` and ``histogram_table``, with the same epsilons and unit.
    method : str
    unit : float
        Distance that counts as x = 1.
    published : dict
        mean, median and sd of the paper, printed for comparison.
    """
    weights = table[(table["source"] == "measured") & (table["weight"] != "distance")]
    rows = 1 + -(-len(weights) // PANELS_ABREAST)
    figure, axes = new_figure(
        rows, PANELS_ABREAST, size=(7.0, 2.6 + 1.8 * (rows - 1)), height_ratios=[1.5, *[1] * (rows - 1)]
    )
    for axis in axes[0, 1:]:
        axis.remove()
    axes[0, 0].set_subplotspec(axes[0, 0].get_gridspec()[0, :])
    _draw_distances(axes[0, 0], distances, histograms[histograms["panel"] == "distance"], method, published)
    for axis, row in zip(axes[1:].flat, weights.itertuples(), strict=False):
        part = histograms[histograms["panel"] == panel_name(row.weight, row.epsilon)]
        _draw_weight(axis, row, part, _chosen_at(row, weights))
    for axis in axes[1:].flat[len(weights) :]:
        axis.axis("off")
    figure.supxlabel(f"(weight − mean) / standard deviation, of weights of x = distance / {unit:.3g}", fontsize=9)
    return figure


def _draw_distances(axis, distances, histogram, method, published):
    mean, median, sd = np.mean(distances), np.median(distances), np.std(distances)
    _stairs(axis, histogram, fill=True, color="#C6DDEC", edgecolor=COLOURS[0])
    axis.axvline(mean, color=COLOURS[6], ls="-", lw=1.2, label=f"mean {mean:.2f} (paper {published['mean']})")
    label = f"median {median:.2f} (paper {published['median']})"
    axis.axvline(median, color=COLOURS[1], ls="--", lw=1.2, label=label)
    level = 1.06 * histogram["density"].max()
    label = f"mean ± sd, sd {sd:.2f} (paper {published['sd']})"
    axis.errorbar(mean, level, xerr=sd, fmt="none", color="0.3", capsize=3, lw=1.2, label=label)
    axis.set(xlim=(0, histogram["high"].max()), ylim=(0, 1.15 * histogram["density"].max()))
    axis.set(xlabel="L2 distance between two entries (units of the embedding)", ylabel="density")
    axis.set_title(f"Distances within the knowledge base, method “{method}”", fontsize=9)
    axis.legend(loc="upper right", fontsize=8, frameon=False)


def _draw_weight(axis, row, histogram, chosen_at):
    style = (
        dict(color="#F6CDB4", edgecolor=COLOURS[1], hatch="////") if chosen_at else dict(color="0.88", edgecolor="0.4")
    )
    _stairs(axis, histogram, fill=True, **style)
    formula = FORMULAS[row.weight] + ("" if np.isnan(row.epsilon) else f", ε = {row.epsilon:g}")
    axis.set_title(f"{formula}  chosen{chosen_at}" if chosen_at else formula, fontsize=8)
    text = f"skewness {row.skewness:.2f}\nPearson kurtosis {row.kurtosis_pearson:.2f}"
    axis.text(0.98, 0.95, text, transform=axis.transAxes, fontsize=7, ha="right", va="top")
    axis.set(xlim=COMMON, ylim=(0, 1.4 * histogram["density"].max()), ylabel="density")
    axis.tick_params(labelsize=7)
    axis.yaxis.label.set_size(8)


def _chosen_at(row, weights):
    """Return where a weight is chosen as words for its title, "" where it is not."""
    if not row.chosen or not np.isnan(row.epsilon):
        return " here" if row.chosen else ""
    taken = set(weights.loc[weights["chosen"], "epsilon"].dropna())
    left = [f"{e:g}" for e in dict.fromkeys(weights["epsilon"].dropna()) if e not in taken]
    return f" at ε = {', '.join(left)}"


def _stairs(axis, histogram, **options):
    edges = [*histogram["low"], histogram["high"].iloc[-1]]
    axis.stairs(histogram["density"], edges, lw=0.8, **options)
