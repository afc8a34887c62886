"""Votes worked out by hand."""

import numpy as np
import pytest

from galspec_core.errors import ConfigError
from galspec_core.search.vote import VoteSettings, binary_labels, labels_of, nearness, one_class, score, vote
from galspec_core.search.weights import weigh


def test_a_vote_by_hand():
    # e^-1, e^-2, e^-3 over their sum: .6652, .2447, .0900; the target holds the first and the last
    winner, shares = vote(np.array([[1, 0, 1]]), weigh([[1.0, 2.0, 3.0]]), 2)
    assert winner[0] == 1
    np.testing.assert_allclose(shares, [[0.2447, 0.7553]], atol=1e-4)


def test_one_near_neighbour_outvotes_two_far_ones():
    winner, _ = vote(np.array([[1, 0, 0]]), weigh([[0.1, 3.0, 3.0]]), 2)
    assert winner[0] == 1


def test_among_classes_the_largest_share_wins_without_a_majority():
    winner, shares = vote(np.array([[2, 0, 1, 0]]), np.array([[0.35, 0.3, 0.2, 0.15]]), 3)
    assert winner[0] == 0
    np.testing.assert_allclose(shares, [[0.45, 0.2, 0.35]])


@pytest.mark.parametrize(("codes", "winner"), [([1, 0], 1), ([0, 1], 0)])
def test_a_tie_goes_to_the_nearest(codes, winner):
    assert vote(np.array([codes]), weigh([[2.0, 2.0]]), 2)[0][0] == winner


def test_a_tie_is_one_in_spite_of_rounding():
    weights = np.array([[0.3, 0.1 + 0.2, 0.4 - 1e-17]])  # .3 + .3 against .4, and .1 + .2 > .3 in floating point
    assert vote(np.array([[0, 1, 2]]), np.array([[0.3, 0.1 + 0.2, 0.1]]), 3)[0][0] == 0
    assert vote(np.array([[0, 1, 0]]), weights, 3)[0][0] == 0


def test_all_classes_with_two_members_reduce_to_the_binary_vote():
    rng = np.random.default_rng(0)
    codes, weights = rng.integers(2, size=(200, 3)), weigh(rng.gamma(2, size=(200, 3)))
    winner, shares = vote(codes, weights, 2)
    np.testing.assert_array_equal(winner == 1, shares[:, 1] > shares[:, 0])
    np.testing.assert_allclose(shares[:, 1], (weights * codes).sum(axis=1))


def test_labels_of_a_set():
    words = ["LINER", "LINER+Lens", "Lens+Outlier", "Normal", "", "Dusty+SF", "Dusty+Lens"]
    assert list(binary_labels(words, "Lens")) == ["other", "Lens", "Lens", "other", "other", "other", "Lens"]
    assert list(one_class(words)) == ["LINER", "Lens", "Outlier", "Normal", "unlabelled", "Dusty", "Lens"]
    assert list(labels_of("bpt3", None, ["SF", "Seyfert", "LINER", "Normal", "AGN"])) == [
        "SF",
        "AGN",
        "AGN",
        "Normal",
        "AGN",
    ]
    assert list(labels_of("liner", "LINER", words[:3])) == ["LINER", "LINER", "other"]


def test_nearness():
    got = nearness([1.0, 0.0, 2.0, np.inf, 1.0, 0.0, np.inf], [3.0, 2.0, 0.0, 1.0, np.inf, 0.0, np.inf])
    np.testing.assert_allclose(got, [0.75, 1.0, 0.0, 0.0, 1.0, 0.5, 0.5])


def test_score_breaks_ties_and_nothing_else():
    share = np.array([0.0, 0.0, 0.3, 1.0, 1.0])
    got = score(share, np.array([0.1, 0.4, 0.0, 0.6, 1.0]))
    assert (np.diff(got) > 0).all()
    np.testing.assert_allclose(got, share, atol=1e-6)
    assert got.min() >= 0
    assert got.max() <= 1


def test_settings_come_from_the_configuration_and_the_task():
    section = {"top_k": 3, "weight": "exp", "epsilon": 1e-6, "normalise": "sum", "scale": "median"}
    assert VoteSettings.from_config(section) == VoteSettings()
    assert VoteSettings.from_config(section, {"target": "Lens", "top_k": 7, "weight": "inverse"}).top_k == 7


@pytest.mark.parametrize(
    "wrong", [{"topk": 3}, {"weight": "gauss"}, {"scale": "mean"}, {"weight": "linear"}, {"normalise": "max"}]
)
def test_wrong_settings_are_named(wrong):
    with pytest.raises(ConfigError, match=r"search"):
        VoteSettings.from_config(wrong)
