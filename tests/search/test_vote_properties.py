"""What holds for every vote: weights add up to 1, nearer counts more, the order of neighbours does not matter."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from galspec_core.search.vote import nearness, score, vote
from galspec_core.search.weights import WEIGHTS, weigh

K, C = 6, 4
DISTANCES = arrays("f8", (3, K), elements=st.floats(0, 1e4))
CHOICES = st.sampled_from([(w, n) for w in sorted(WEIGHTS) for n in ("sum", "softmax") if (w, n) != ("linear", "sum")])
CODES = arrays("i8", (3, K), elements=st.integers(0, C - 1))


@given(DISTANCES, CHOICES, st.floats(1e-9, 10))
def test_weights_add_up_to_one_and_fall_with_distance(distance, choice, epsilon):
    weights = weigh(distance, *choice, epsilon)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    assert ((weights >= 0) & (weights <= 1)).all()
    order = np.argsort(distance, axis=1)
    assert (np.diff(np.take_along_axis(weights, order, axis=1), axis=1) <= 1e-15).all()


@given(DISTANCES, CHOICES, st.permutations(range(K)))
def test_the_order_of_neighbours_changes_no_weight(distance, choice, order):
    np.testing.assert_allclose(weigh(distance[:, order], *choice), weigh(distance, *choice)[:, order], rtol=1e-12)


@given(DISTANCES, st.floats(-50, 50))
def test_e_to_the_minus_x_knows_differences_alone(distance, shift):
    moved = np.maximum(distance + shift, 0) if shift < 0 else distance + shift
    if (distance + shift >= 0).all():
        np.testing.assert_allclose(weigh(moved), weigh(distance), rtol=1e-6, atol=1e-12)


@given(CODES, DISTANCES, CHOICES)
def test_shares_add_up_to_one_and_the_winner_has_the_largest(codes, distance, choice):
    winner, shares = vote(codes, weigh(np.sort(distance, axis=1), *choice), C)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    assert (shares[np.arange(3), winner] >= shares.max(axis=1) - 1e-9).all()
    assert all(w in row for w, row in zip(winner, codes, strict=True))


@given(CODES, DISTANCES, CHOICES, st.permutations(range(K)))
def test_the_order_of_neighbours_changes_no_share(codes, distance, choice, order):
    weights = weigh(distance, *choice)
    np.testing.assert_allclose(vote(codes[:, order], weights[:, order], C)[1], vote(codes, weights, C)[1], atol=1e-12)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1e6) | st.just(np.inf), st.floats(0, 1e6) | st.just(np.inf))
def test_scores_stay_between_0_and_1_and_nearness_decides_only_ties(share, more, target, rest):
    near = nearness(target, rest)
    assert 0 <= near <= 1
    assert 0 <= score(share, near) <= 1
    if more > share + 1e-5:
        assert score(more, 0.0) > score(share, 1.0)
