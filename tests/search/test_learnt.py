"""The learnt vote: labels teach the metric, thresholds and probabilities come from galaxies a tree has not seen."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.forest import ForestSettings
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.learnt import LearntVoter, grown_on

D = 4
CENTRE = {"SF": 0, "LINER": 1, "Normal": 2, "Lens+LINER": 3}


def spectra(n, seed, first=0):
    """Return a table of labelled spectra and their vectors: four numbers that tell the class and twenty that do not."""
    rng = np.random.default_rng(seed)
    label = rng.choice(list(CENTRE), n, p=[0.4, 0.1, 0.45, 0.05])
    vectors = rng.normal(size=(n, D + 20))
    vectors[np.arange(n), [CENTRE[word] for word in label]] += 5.0
    ids = np.arange(first, first + n, dtype="u8")
    frame = pd.DataFrame({"specobjid": ids, "position": ids, "label": label, "seeds": [[0, 1]] * n})
    return frame, vectors.astype("f4")


@pytest.fixture(scope="module")
def base():
    frame, vectors = spectra(600, 0)
    return KnowledgeBase.build(vectors[:, :D], frame), vectors


def voter(base, task="liner", target="LINER", trees=60):
    return LearntVoter(task, target, *base, ForestSettings(trees=trees), shown=5)


def test_a_rare_target_is_found_and_named_above_a_threshold_learnt_without_the_test_set(base):
    tests, queries = spectra(400, 1, first=10_000)
    votes = voter(base).votes(0, tests, queries)
    true, named = votes["label"] == "LINER", votes["predicted"] == "LINER"
    assert true.sum() > 40
    assert (true & named).sum() / true.sum() > 0.85
    assert (true & named).sum() / named.sum() > 0.85
    assert set(votes["label"]) == {"LINER", "other"}


def test_probabilities_say_how_many_targets_there_are(base):
    tests, queries = spectra(2000, 2, first=10_000)
    votes = voter(base).votes(0, tests, queries)
    true = (votes["label"] == "LINER").to_numpy()
    assert votes["probability"].mean() == pytest.approx(true.mean(), abs=0.03)
    assert ((votes["probability"] - true) ** 2).mean() < 0.5 * true.mean() * (1 - true.mean())


def test_neighbours_are_those_of_most_weight_with_their_distance_in_the_embedding(base):
    tests, queries = spectra(20, 3, first=10_000)
    votes = voter(base).votes(0, tests, queries)
    for query, ids, distances, weights in zip(
        queries, votes["neighbour_ids"], votes["distances"], votes["weights"], strict=True
    ):
        assert len(ids) == len(distances) == len(weights) == 5
        assert (np.diff(weights) <= 0).all()
        assert 0 < weights.sum() <= 1
        assert np.allclose(distances, np.linalg.norm(base[0].vectors[ids.astype(int)] - query[:D], axis=1), rtol=1e-5)


def test_all_labels_vote_where_the_task_has_no_target(base):
    tests, queries = spectra(200, 4, first=10_000)
    votes = voter(base, "classes", None).votes(0, tests, queries)
    assert set(votes["label"]) == {"SF", "LINER", "Normal", "Lens"}
    assert (votes["label"] == votes["predicted"]).mean() > 0.9
    assert votes["probability"].mean() == pytest.approx((votes["label"] == votes["predicted"]).mean(), abs=0.05)


def test_an_entry_that_is_asked_for_is_not_its_own_witness(base):
    frame, vectors = base[0].metadata, base[1]
    votes = voter(base).votes(0, frame, vectors)
    assert all(own not in ids for own, ids in zip(frame["specobjid"], votes["neighbour_ids"], strict=True))


def test_only_the_entries_of_a_seed_vote():
    frame, vectors = spectra(300, 0)
    frame["seeds"] = [[i % 2] for i in range(len(frame))]
    both = KnowledgeBase.build(vectors[:, :D], frame), vectors
    votes = voter(both).votes(1, *spectra(20, 5, first=10_000))
    assert all((ids.astype(int) % 2 == 1).all() for ids in votes["neighbour_ids"])


def test_a_knowledge_base_without_the_target_names_none():
    frame, vectors = spectra(200, 0)
    kept = (frame["label"] != "LINER").to_numpy() & (frame["label"] != "Lens+LINER").to_numpy()
    alone = KnowledgeBase.build(vectors[kept][:, :D], frame[kept]), vectors[kept]
    votes = voter(alone).votes(0, *spectra(50, 6, first=10_000))
    assert (votes["predicted"] == "other").all()
    assert (votes["score"] == 0).all()
    assert votes["probability"].max() < 0.01


def test_a_lens_that_is_a_liner_counts_for_both():
    labels = ["LINER", "Lens+LINER", "SF"]
    assert grown_on("liner", "LINER", labels).tolist() == ["LINER", "LINER", "SF"]
    assert grown_on("lens", "Lens", labels).tolist() == ["LINER", "Lens", "SF"]
    assert grown_on("classes", None, labels).tolist() == ["LINER", "Lens", "SF"]
