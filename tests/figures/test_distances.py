"""Table A1 and figure A1 tell the moments of distances and weights, and what the paper's rule makes of them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist

from galspec_core.errors import SearchError
from galspec_core.figures.distances import (
    COLUMNS,
    LARGEST_RISE,
    distance_table,
    draw_distances,
    histogram_table,
    paper_rule,
    rise,
)


@pytest.fixture
def distances():
    return pdist(np.random.default_rng(0).normal(size=(120, 6)))


def row(table, weight, epsilon=None, source="measured"):
    """Return the one row of a weight."""
    same = table["epsilon"].isna() if epsilon is None else table["epsilon"] == epsilon
    return table[(table["weight"] == weight) & (table["source"] == source) & same].squeeze()


def test_exponential_distances_have_the_known_moments():
    # Quantiles of an exponential distribution: e^-x is uniform (skewness 0, Pearson kurtosis 9/5), x has 2 and 9.
    share = (np.arange(400_000) + 0.5) / 400_000
    table = distance_table(-np.log(share))
    weights, raw = row(table, "exp"), row(table, "distance")
    assert weights[["skewness", "kurtosis_pearson"]].tolist() == pytest.approx([0, 1.8], abs=1e-6)
    assert raw[["skewness", "kurtosis_pearson"]].tolist() == pytest.approx([2, 9], rel=2e-3)
    assert row(table, "linear")["skewness"] == pytest.approx(-raw["skewness"])


def test_the_two_kurtoses_differ_by_three_and_published_values_stay_as_printed(distances):
    table = distance_table(distances)
    assert list(table.columns) == COLUMNS
    measured, published = (table[table["source"] == source] for source in ("measured", "published"))
    assert np.allclose(measured["kurtosis_pearson"] - measured["kurtosis_excess"], 3)
    assert published.set_index("weight")["skewness"].to_dict() == {"distance": 0.44, "exp": 1.69}
    assert row(table, "exp", source="published")["kurtosis_pearson"] == 3.43
    assert row(table, "distance", source="published")["kurtosis_excess"] == -0.40
    assert published[["kurtosis_pearson", "kurtosis_excess"]].isna().sum().tolist() == [1, 1]


def test_only_inverse_weights_have_a_row_an_epsilon(distances):
    table = distance_table(distances, [1e-6, 0.1, 10])
    counts = table[table["source"] == "measured"]["weight"].value_counts().to_dict()
    assert counts == {"distance": 1, "exp": 1, "inverse": 3, "inverse_square": 3, "linear": 1}


def test_a_unit_rescales_weights_and_leaves_the_distances(distances):
    raw, halved = distance_table(distances), distance_table(distances / 2)
    united = distance_table(distances, unit=2.0)
    assert row(united, "exp")["skewness"] == pytest.approx(row(halved, "exp")["skewness"])
    assert row(united, "distance")["skewness"] == row(raw, "distance")["skewness"]


def test_the_rule_drops_what_is_unstable_then_takes_the_most_symmetric_then_the_kurtosis_nearest_three():
    rows = pd.DataFrame(
        [(0.0, 3.0, np.inf), (-1.701, 9.0, 10.0), (1.699, 3.4, 10.0), (5.0, 3.0, 1.0)],
        columns=["skewness", "kurtosis_pearson", "rise"],
        index=["negative", "broad", "chosen", "skewed"],
    )
    assert paper_rule(rows) == "chosen"
    assert paper_rule(rows.drop("chosen")) == "broad"
    assert paper_rule(rows.loc[["negative"]]) is None


def test_negative_and_diverging_weights_are_unstable():
    assert rise("linear", 1.0, np.nan) == np.inf
    assert rise("inverse", 1.0, 0.0) == np.inf
    assert rise("inverse", 1.0, 1e-6) > LARGEST_RISE
    assert rise("exp", 1.0, np.nan) == pytest.approx(np.e)
    assert rise("inverse", 1.0, 10.0) == pytest.approx(1.1)


def test_at_a_vanishing_epsilon_the_paper_chose_rightly(distances):
    table = distance_table(distances, [1e-6], unit=float(np.median(distances)))
    assert table.loc[table["chosen"], ["weight", "source"]].to_numpy().tolist() == [
        ["exp", "measured"],
        ["exp", "published"],
    ]


def test_the_histograms_hold_all_distances_and_the_figure_draws_every_weight(distances):
    histograms = histogram_table(distances)
    area = histograms.assign(area=histograms["density"] * (histograms["high"] - histograms["low"]))
    area = area.groupby("panel")["area"].sum()
    assert area["distance"] == pytest.approx(1)
    assert (area <= 1 + 1e-9).all()
    figure = draw_distances(distances, distance_table(distances), histograms, "pca")
    assert len([axis for axis in figure.axes if axis.axison]) == len(area)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert f"median {np.median(distances):.2f} (paper 2.71)" in legend
    plt.close(figure)


@pytest.mark.parametrize("few", [[1.0, 2.0], [2.0, 2.0, 2.0]])
def test_distances_without_a_distribution_are_an_error(few):
    with pytest.raises(SearchError, match="no distribution"):
        distance_table(few)
