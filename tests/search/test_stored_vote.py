"""A learnt vote from its file votes as the one that was grown, and only beside its own knowledge base."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.errors import SearchError
from galspec_core.search import stored_vote
from galspec_core.search.forest import ForestSettings
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.learnt import LearntVoter
from galspec_core.search.stored_vote import load_vote, save_vote
from tests.search.test_learnt import D, spectra


@pytest.fixture(scope="module")
def base():
    frame, vectors = spectra(300, 0)
    frame["seeds"] = [[0, 1] if i % 5 else [1] for i in range(300)]
    return KnowledgeBase.build(vectors[:, :D], frame), vectors


@pytest.fixture(params=[("liner", "LINER"), ("classes", None)], ids=["target", "classes"])
def stored(request, base, tmp_path):
    """Give a voter, its file, and what it was asked."""
    voter = LearntVoter(*request.param, *base, ForestSettings(trees=20), shown=5)
    save_vote(voter, 0, tmp_path / "vote.safetensors")
    return voter, tmp_path / "vote.safetensors", request.param


def test_it_votes_as_before(stored, base):
    voter, path, task = stored
    again, seed = load_vote(path, *task, base[0])
    tests, queries = spectra(200, 1, first=10_000)
    pd.testing.assert_frame_equal(again.votes(seed, tests, queries), voter.votes(0, tests, queries))
    own, vectors = base[0].metadata.head(50), base[1][:50]
    pd.testing.assert_frame_equal(again.votes(seed, own, vectors), voter.votes(0, own, vectors))
    assert again.classes(0) == voter.classes(0)


def test_shares_are_those_of_the_classes(stored):
    voter, _, _ = stored
    votes = voter.votes(0, *spectra(50, 2, first=10_000))
    shares = np.stack(votes["shares"])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    named = [voter.classes(0).index(word) for word in votes["predicted"]]
    np.testing.assert_allclose(shares[np.arange(50), named], votes["share"])


def test_only_entries_that_are_allowed_weigh_and_no_probability_is_given(stored, base):
    voter, _, _ = stored
    words = base[0].metadata["label"].to_numpy()
    tests, queries = spectra(50, 3, first=10_000)
    voter.among = words == "Normal"
    votes = voter.votes(0, tests, queries)
    allowed = set(base[0].metadata["specobjid"][voter.among])
    assert all(allowed.issuperset(ids) for ids in votes["neighbour_ids"])
    assert votes["probability"].isna().all()
    weighed = [weights.sum() > 0 for weights in votes["weights"]]
    assert not votes["known"][np.logical_not(weighed)].any()


def test_where_nothing_votes_no_class_has_a_share(stored, base):
    """One entry alone is admitted: a query of another leaf has none that counts, for a target as for all classes."""
    voter, _, _ = stored
    tests, queries = spectra(50, 3, first=10_000)
    free = voter.votes(0, tests, queries)
    voter.among = np.arange(300) == np.flatnonzero(voter.near(0).where)[0]
    votes = voter.votes(0, tests, queries)
    silent = np.array([not weights.any() for weights in votes["weights"]])
    shares = np.stack(votes["shares"])
    assert 0 < silent.sum() < 50
    assert not shares[silent].any()
    assert not votes["share"][silent].any()
    np.testing.assert_allclose(shares[~silent].sum(axis=1), 1)
    np.testing.assert_allclose(np.stack(free["shares"]).sum(axis=1), 1)


def test_beside_another_knowledge_base_it_is_refused(stored, base):
    _, path, task = stored
    frame, vectors = spectra(300, 9)
    for other in (
        KnowledgeBase.build(vectors[:, :D], frame),
        KnowledgeBase.build(base[1][:299, :D], base[0].metadata[:299]),
        KnowledgeBase.build(vectors[:, :D], base[0].metadata),  # the same entries, embedded by another encoder
    ):
        with pytest.raises(SearchError, match="another knowledge base"):
            load_vote(path, *task, other)
    with pytest.raises(SearchError, match="another knowledge base"):
        load_vote(path, "lens", "Lens", base[0])


def test_a_knowledge_base_on_disk_is_known_again_by_a_sample_of_its_vectors(base, tmp_path, monkeypatch):
    monkeypatch.setattr(stored_vote, "HASHED", 100)
    KnowledgeBase.build(base[1][:, :D], base[0].metadata, index="ivf").save(tmp_path / "kb")
    large = KnowledgeBase.load(tmp_path / "kb")
    save_vote(LearntVoter("liner", "LINER", large, base[1], ForestSettings(trees=5)), 0, tmp_path / "vote.safetensors")
    load_vote(tmp_path / "vote.safetensors", "liner", "LINER", KnowledgeBase.load(tmp_path / "kb"))
    KnowledgeBase.build(2 * base[1][:, :D], base[0].metadata, index="ivf").save(tmp_path / "kb")
    with pytest.raises(SearchError, match="another knowledge base"):
        load_vote(tmp_path / "vote.safetensors", "liner", "LINER", KnowledgeBase.load(tmp_path / "kb"))


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-100], lambda data: b"", lambda data: b"\x80\x04" + data, lambda data: data[:200]]
)
def test_a_damaged_file_is_refused(stored, base, spoil):
    _, path, task = stored
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(SearchError, match="no stored vote can be read"):
        load_vote(path, *task, base[0])


def test_a_missing_file_is_refused(base, tmp_path):
    with pytest.raises(SearchError, match="no stored vote"):
        load_vote(tmp_path / "none.safetensors", "liner", "LINER", base[0])
