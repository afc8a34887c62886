"""A forest is a weighted vote of neighbours, and never judges a galaxy by itself."""

import numpy as np
import pytest

from galspec_core.errors import SearchError
from galspec_core.search.forest import ForestSettings, NeighbourForest

SETTINGS = ForestSettings(trees=40)


def clumps(n=120, features=6, seed=0):
    """Return vectors of three classes, of which only the first two numbers tell them apart, and pairs of one position."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(3, size=n)
    x = rng.normal(size=(n, features))
    x[:, 0] += 4.0 * (codes == 1)
    x[:, 1] += 4.0 * (codes == 2)
    return x.astype("f4"), codes, np.arange(n, dtype="u8") // np.uint64(2)


def dense(forest, x, position=None):
    return np.vstack([weights.toarray() for _, weights in forest.weights(x, position)])


def test_the_weights_of_all_entries_add_up_to_one_and_vote_as_the_trees_do():
    x, codes, position = clumps()
    forest = NeighbourForest(x, codes, position, SETTINGS)
    queries = clumps(seed=1)[0]
    weights = dense(forest, queries)
    assert np.allclose(weights.sum(axis=1), 1)
    assert (weights >= 0).all()
    trees = np.mean([tree.predict_proba(queries) for tree in forest.trees], axis=0)
    assert np.allclose(weights @ np.eye(3)[codes], trees, atol=1e-6)


def test_a_metric_learnt_from_labels_ignores_numbers_that_say_nothing():
    x, codes, position = clumps(300, 40)
    forest = NeighbourForest(x, codes, position, SETTINGS)
    queries, truth, _ = clumps(300, 40, seed=1)
    named = (dense(forest, queries) @ np.eye(3)[codes]).argmax(axis=1)
    distance = ((queries[:, None] - x[None]) ** 2).sum(axis=2)
    nearest = codes[distance.argmin(axis=1)]
    assert (named == truth).mean() > 0.9 > (nearest == truth).mean()


def test_no_entry_of_a_galaxy_judges_that_galaxy():
    x, codes, position = clumps()
    forest = NeighbourForest(x, codes, position, SETTINGS)
    weights = dense(forest, x, position)
    assert (weights[position[:, None] == position[None]] == 0).all()
    assert np.allclose(weights.sum(axis=1), 1)


def test_a_position_that_every_tree_saw_has_no_neighbours_at_all():
    x, codes, _ = clumps(20)
    forest = NeighbourForest(x, codes, np.zeros(20, "u8"), SETTINGS)
    assert (dense(forest, x, np.zeros(20, "u8")) == 0).all()
    assert np.allclose(dense(forest, x, np.ones(20, "u8")).sum(axis=1), 1)


def test_each_tree_leaves_out_a_fifth_of_the_positions_or_one_at_least():
    x, codes, position = clumps()
    for entries, size in ((120, 48), (6, 2), (4, 1), (2, 1)):
        forest = NeighbourForest(x[:entries], codes[:entries], position[:entries], SETTINGS)
        assert (forest.drawn.sum(axis=1) == size).all()


def test_a_rare_class_weighs_more_the_more_the_classes_are_balanced():
    rng = np.random.default_rng(0)
    x, codes = rng.normal(size=(400, 2)).astype("f4"), (np.arange(400) < 40).astype(int)
    position = np.arange(400, dtype="u8")
    shares = [
        (
            dense(NeighbourForest(x, codes, position, ForestSettings(30, min_leaf=5, balance=power)), x, position)
            @ codes
        ).mean()
        for power in (0.0, 0.5, 1.0)
    ]
    assert shares[0] < shares[1] < shares[2]
    assert shares[0] == pytest.approx(0.1, abs=0.03)


def test_threads_and_batches_change_nothing():
    x, codes, position = clumps(600)
    one, two = (NeighbourForest(x, codes, position, SETTINGS, seed=3, threads=n) for n in (1, 2))
    assert np.array_equal(dense(one, x), dense(two, x))
    assert np.allclose(dense(one, x[:1]), dense(one, x)[:1])


def test_an_empty_knowledge_base_is_an_error():
    with pytest.raises(SearchError, match="no entry; expected one labelled spectrum or more"):
        NeighbourForest(np.empty((0, 3)), np.empty(0, int), np.empty(0, "u8"), SETTINGS)
