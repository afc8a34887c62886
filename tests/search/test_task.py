"""A task from roles to votes: one saved index serves every seed and method."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from galspec_core.errors import SearchError
from galspec_core.search.indexing import IndexSettings
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.task import VOTES, build_task_kb, vote_task, write_votes
from galspec_core.search.vectors import scratch_beside
from galspec_core.search.weights import weigh

N, D = 240, 6
IDS = np.arange(N, dtype="u8") * np.uint64(3) + np.uint64(2**63)
SEARCH = {"top_k": 3, "weight": "exp", "epsilon": 1e-6, "normalise": "sum", "scale": "median"}


def survey():
    """Return manifest, roles and embeddings: classes are clumps, the last 80 spectra are the test side."""
    rng = np.random.default_rng(0)
    label = rng.choice(["SF", "LINER", "LINER+Lens", "Normal"], N).astype(object)
    centre = {"SF": 0.0, "LINER": 2.0, "LINER+Lens": 3.0, "Normal": 6.0}
    vectors = (np.array([centre[word] for word in label])[:, None] + rng.normal(size=(N, D))).astype("f4")
    manifest = pd.DataFrame({"specobjid": IDS, "position": IDS + np.uint64(1), "z": rng.random(N), "plate": 9000})
    parts = []
    for task in ("liner", "classes"):
        for seed in (0, 1):
            base, test = rng.choice(160, 130, replace=False), 160 + rng.choice(80, 60, replace=False)
            for role, rows in (("knowledge_base", base), ("test", test)):
                columns = {"specobjid": IDS[rows], "task": task, "seed": seed, "role": role}
                parts.append(pd.DataFrame(columns | {"label": label[rows], "subtype": ""}))
    return manifest, pd.concat(parts, ignore_index=True), vectors


def write_shards(folder, vectors, ids=IDS):
    """Write embeddings in two shards and return their paths."""
    paths = []
    for i, rows in enumerate(np.array_split(np.random.default_rng(1).permutation(len(ids)), 2)):
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors[rows].ravel(), pa.float32()), vectors.shape[1])
        paths.append(folder / f"{i}.parquet")
        pq.write_table(pa.table({"specobjid": pa.array(ids[rows], pa.uint64()), "embedding": column}), paths[-1])
    return paths


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Give manifest, roles, vectors, and for each task the votes of two methods that are one."""
    folder = tmp_path_factory.mktemp("search")
    manifest, roles, vectors = survey()
    paths = write_shards(folder, vectors)
    votes = {}
    for task, spec in (("liner", {"target": "LINER", "source": "bpt"}), ("classes", {})):
        build_task_kb(task, roles, manifest, paths, encoder="pca").save(folder / task)
        methods = {"pca": (folder / task, paths), "again": (folder / task, paths)}
        votes[task] = vote_task(task, spec, methods, roles, manifest, SEARCH)
    return folder, manifest, roles, vectors, votes


def test_the_knowledge_base_holds_every_seed(world):
    folder, _, roles, vectors, _ = world
    base = KnowledgeBase.load(folder / "liner")
    rows = roles[(roles["task"] == "liner") & (roles["role"] == "knowledge_base")]
    np.testing.assert_array_equal(base.metadata["specobjid"], np.unique(rows["specobjid"]))
    np.testing.assert_array_equal(base.vectors, vectors[np.searchsorted(IDS, base.metadata["specobjid"].to_numpy())])
    assert base.metadata["specobjid"].dtype == base.metadata["position"].dtype == np.uint64
    for seed in (0, 1):
        mine = [seed in seeds for seeds in base.metadata["seeds"]]
        assert set(base.metadata["specobjid"][mine]) == set(rows["specobjid"][rows["seed"] == seed])
    assert (base.about["task"], base.about["encoder"]) == ("liner", "pca")


def test_votes_have_the_promised_columns_and_types(world, tmp_path):
    votes = world[4]["liner"]
    assert list(votes.columns) == VOTES.names
    assert votes.groupby(["method", "seed"]).size().tolist() == [60] * 4
    write_votes(votes, tmp_path / "votes.parquet")
    table = pq.read_table(tmp_path / "votes.parquet")
    assert table.schema.equals(VOTES, check_metadata=False)
    np.testing.assert_array_equal(table["specobjid"].to_numpy(), votes["specobjid"])
    assert table["neighbour_ids"].combine_chunks().flatten().to_numpy().min() >= 2**63


@pytest.mark.parametrize("seed", [0, 1])
def test_votes_equal_those_of_plain_numpy(world, seed):
    folder, _, roles, vectors, votes = world
    rows = roles[(roles["task"] == "liner") & (roles["seed"] == seed)].set_index("specobjid")
    base = rows[rows["role"] == "knowledge_base"]
    entries = vectors[np.searchsorted(IDS, base.index.to_numpy())].astype("f8")
    median = KnowledgeBase.load(folder / "liner").about["median_distance"]
    own = votes["liner"]
    own = own[(own["seed"] == seed) & (own["method"] == "pca")]
    for vote in own.itertuples():
        distance = np.linalg.norm(entries - vectors[np.searchsorted(IDS, vote.specobjid)], axis=1)
        nearest = np.argsort(distance)[:3]
        weights = weigh(distance[nearest] / median)
        member = np.array(["LINER" in word.split("+") for word in base["label"]])
        share = weights[member[nearest]].sum()
        np.testing.assert_array_equal(vote.neighbour_ids, base.index.to_numpy()[nearest])
        np.testing.assert_allclose(vote.distances, distance[nearest])
        np.testing.assert_allclose(vote.weights, weights)
        assert vote.predicted == ("LINER" if share > 0.5 else "other")
        assert vote.label == ("LINER" if "LINER" in rows.loc[vote.specobjid, "label"] else "other")
        assert vote.share == pytest.approx(max(share, 1 - share))
        near = distance[~member].min() / (distance[~member].min() + distance[member].min())
        assert vote.score == pytest.approx((1 - 1e-6) * share + 1e-6 * near, abs=1e-12)


def test_methods_do_not_touch_each_other(world):
    votes = world[4]["liner"].drop(columns=["neighbour_ids", "distances", "weights"])
    one, two = (votes[votes["method"] == m].drop(columns="method").reset_index(drop=True) for m in ("pca", "again"))
    pd.testing.assert_frame_equal(one, two)


def test_a_lens_votes_as_a_lens_among_all_classes(world):
    votes = world[4]["classes"]
    assert set(votes["label"]) == {"SF", "LINER", "Lens", "Normal"}
    assert (votes["label"] == votes["predicted"]).mean() > 0.6
    np.testing.assert_array_equal(votes["score"], votes["share"])


def test_a_learnt_vote_stands_beside_the_others_with_probabilities(world):
    folder, manifest, roles, _, _ = world
    paths = [folder / "0.parquet", folder / "1.parquet"]
    learnt = {"methods": ["pca"], "trees": 20, "min_leaf": 2, "balance": 0.5, "shown": 4}
    methods = {"pca": (folder / "liner", paths), "again": (folder / "liner", paths)}
    votes = vote_task("liner", {"target": "LINER"}, methods, roles, manifest, SEARCH, learnt=learnt)
    by = votes.groupby("method")
    assert by["probability"].count().to_dict() == {"again": 0, "pca": 120}
    assert by["weights"].first().map(len).to_dict() == {"again": 3, "pca": 4}
    right = (votes["label"] == votes["predicted"]).groupby(votes["method"]).mean()
    assert (right > 0.6).all()


@pytest.mark.parametrize("methods", [[], ["pca"]], ids=["fixed", "learnt"])
def test_what_lies_far_from_every_entry_is_not_known(world, tmp_path, methods):
    folder, manifest, roles, vectors, votes = world
    assert votes["liner"]["known"].mean() > 0.9
    learnt = {"methods": methods, "trees": 5, "min_leaf": 2, "balance": 0.5, "shown": 4}
    far = write_shards(tmp_path, vectors + np.where(np.arange(N) < 160, 0, 50)[:, None].astype("f4"))
    votes = vote_task(
        "liner", {"target": "LINER"}, {"pca": (folder / "liner", far)}, roles, manifest, SEARCH, learnt=learnt
    )
    assert not votes["known"].any()


def test_without_a_target_in_the_knowledge_base_nothing_is_one(world, tmp_path):
    folder, manifest, roles, _, _ = world
    paths = [folder / "0.parquet", folder / "1.parquet"]
    bare = roles[(roles["role"] == "test") | ~roles["label"].str.contains("LINER")]
    build_task_kb("liner", bare, manifest, paths).save(tmp_path / "kb")
    votes = vote_task("liner", {"target": "LINER"}, {"pca": (tmp_path / "kb", paths)}, bare, manifest, SEARCH)
    assert set(votes["predicted"]) == {"other"}
    assert (votes["score"] == 0).all()


def test_a_missing_embedding_is_an_error_unless_it_was_rejected(world, tmp_path):
    _, manifest, roles, vectors, _ = world
    lost = [
        roles[(roles["task"] == "liner") & (roles["role"] == role)]["specobjid"].iloc[0]
        for role in ("knowledge_base", "test")
    ]
    keep = ~np.isin(IDS, lost)
    paths = write_shards(tmp_path, vectors[keep], IDS[keep])
    with pytest.raises(SearchError, match=f"without an embedding.*{lost[0]}"):
        build_task_kb("liner", roles, manifest, paths)
    base = build_task_kb("liner", roles, manifest, paths, rejected=np.array(lost, "u8"))
    assert lost[0] not in set(base.metadata["specobjid"])
    base.save(tmp_path / "kb")
    methods = {"pca": (tmp_path / "kb", paths)}
    with pytest.raises(SearchError, match=str(lost[1])):
        vote_task("liner", {"target": "LINER"}, methods, roles, manifest, SEARCH)
    votes = vote_task("liner", {"target": "LINER"}, methods, roles, manifest, SEARCH, rejected=np.array(lost, "u8"))
    assert lost[1] not in set(votes["specobjid"])


def test_a_task_without_entries_is_an_error(world):
    _, manifest, roles, _, _ = world
    with pytest.raises(SearchError):
        build_task_kb("lens", roles, manifest, [world[0] / "0.parquet"])


def test_a_collapsed_encoder_fills_no_knowledge_base(world, tmp_path):
    _, manifest, roles, vectors, _ = world
    paths = write_shards(tmp_path, np.ones_like(vectors))
    with pytest.raises(SearchError, match="paper, knowledge base of liner: the encoder has collapsed"):
        build_task_kb("liner", roles, manifest, paths, encoder="paper")


def test_the_knowledge_base_says_how_far_from_collapse_it_is(world):
    measured = KnowledgeBase.load(world[0] / "liner").about["collapse"]
    assert measured["spread"] > 0.1
    assert set(measured) == {"spread", "first_direction", "nearest", "hubness", "effective_rank"}


def test_a_knowledge_base_on_disk_votes_as_one_in_memory(world, tmp_path, caplog):
    folder, manifest, roles, _, votes = world
    paths = [folder / "0.parquet", folder / "1.parquet"]
    settings = IndexSettings("auto", memory_gb=1e-6)
    with scratch_beside(tmp_path / "kb") as scratch, caplog.at_level("INFO", "galspec"):
        base = build_task_kb("liner", roles, manifest, paths, index=settings, scratch=scratch)
        assert isinstance(base.vectors, np.memmap)
        base.save(tmp_path / "kb")
    assert "index ivf for" in caplog.text
    assert "recall" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["kb"]
    found = vote_task("liner", {"target": "LINER"}, {"pca": (tmp_path / "kb", paths)}, roles, manifest, SEARCH)
    same = votes["liner"][votes["liner"]["method"] == "pca"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, same)  # so small that every entry is compared
