"""An ablation goes on where it was stopped, and makes anew what has changed."""

import numpy as np
import pandas as pd
import pytest
import yaml

from galspec_core.baselines import ablation
from galspec_core.baselines.ablation import COLUMNS, REPEATS, Ablation, Variant, keep_columns, read_variants, thin
from galspec_core.errors import ConfigError
from galspec_core.spectra.reject import COLUMNS as REJECTED
from galspec_core.spectra.shard import write_gridded
from tests.baselines.conftest import PIXELS

GRID = dict(frame="rest", spacing="log", wave=[5000.0, 5000.0 * 10 ** (1e-4 * (PIXELS - 1))], pixels=PIXELS)
CONFIG = {
    "encoder": {"torch_threads": 1},
    "encoders": {"pca": {"kind": "pca", "grid": "rest", "components": 3}},
    "spectra": {"grids": {"rest": GRID}},
    "search": {
        **dict(top_k=3, weight="exp", epsilon=1e-6, normalise="sum", scale="median"),
        "learnt": dict(methods=[], trees=10, min_leaf=2, balance=0.5, shown=3),
        "consistency": dict(
            distractors=10, snr=[30.0, 8.0], galaxies=5, least_drop=1.5, max_dz=0.002, test_side=1, seed=0
        ),
    },
    "tasks": {"liner": {"target": "LINER", "source": "bpt", "negatives": {"from": "labels"}}},
    "catalogs": {"files": {"galspecextra": "a", "portsmouth_boss": "b", "portsmouth_legacy": None}},
    "outliers": None,
}


@pytest.fixture
def run(tmp_path, spectra, roles, manifest):
    """Write a run of one shard: two tasks of two seeds, and everything of the knowledge base pre-trains."""
    results = tmp_path / "survey/results"
    (results / "catalogs").mkdir(parents=True)
    (results / "spectra/rest").mkdir(parents=True)
    asked = np.arange(len(roles)) // 2 * 7 % 5 < 2
    roles = roles.assign(role=np.where(asked, "test", "knowledge_base"))
    train = roles[(roles["role"] == "knowledge_base") & (roles["seed"] == 0)]
    parts = [roles, roles.assign(task="classes")]
    parts += [train.assign(task="", seed=-1, role=role) for role in ("pretrain", "validation")]
    pd.concat(parts, ignore_index=True).to_parquet(results / "catalogs/roles.parquet")
    side = np.where(np.isin(manifest["specobjid"], train["specobjid"]), "training", "test")
    manifest.assign(side=side, z=0.1).to_parquet(results / "catalogs/manifest.parquet")
    pd.DataFrame(columns=REJECTED).to_csv(results / "spectra/rejected.csv", index=False)
    write_gridded(results / "spectra/rest/0000.parquet", spectra)
    return tmp_path / "survey"


@pytest.fixture
def fits(monkeypatch):
    """Count the fits."""
    made, fit = [], ablation.FIT["pca"]

    def counted(entry, *rest):
        made.append(entry)
        fit(entry, *rest)

    monkeypatch.setitem(ablation.FIT, "pca", counted)
    return made


VARIANTS = {"pca": Variant("pca", seeds=(0, 1)), "pca, learnt vote": Variant("pca", vote="learnt", seeds=(0, 1))}


def test_every_variant_has_a_row_for_every_metric(run):
    table = Ablation(CONFIG, run).run(VARIANTS)
    assert list(table.columns) == COLUMNS
    assert set(zip(table["variant"], table["metric"], strict=True)) == {
        (name, metric) for name in VARIANTS for metric in ("macro F1", "liner F1", "liner ROC AUC", *REPEATS)
    }
    assert set(table["survey"]) == {"survey"}
    assert (table["n_seeds"] == 2).all()
    by_metric = table.set_index("metric")["mean"]
    assert by_metric.drop(list(REPEATS)).between(0.8, 1).all()
    assert by_metric["repeats, recall at 1"].between(0, 1).all()
    pd.testing.assert_frame_equal(pd.read_csv(run / "results/ablation.csv"), table)


def test_two_votes_on_one_encoder_share_its_fits_and_a_second_run_makes_none(run, fits):
    first = Ablation(CONFIG, run).run(VARIANTS)
    assert len(fits) == 2
    pd.testing.assert_frame_equal(Ablation(CONFIG, run).run(VARIANTS), first)
    assert len(fits) == 2


def test_what_was_stopped_half_way_goes_on(run, fits):
    Ablation(CONFIG, run).run({"pca": Variant("pca", seeds=(0,))})
    Ablation(CONFIG, run).run({"pca": Variant("pca", seeds=(0, 1, 2))})
    assert len(fits) == 3


def test_numbers_of_another_encoder_stand_beside_those_of_the_first(run, fits):
    config = CONFIG | {"encoders": CONFIG["encoders"] | {"wide": {**CONFIG["encoders"]["pca"], "components": 5}}}
    table = Ablation(config, run).run({"both": Variant("pca", vote="learnt", beside="wide", seeds=(0,))})
    assert [entry["components"] for entry in fits] == [3, 5]
    assert table["train_seconds"].iloc[0] >= 0
    assert table.set_index("metric")["mean"]["liner F1"] > 0.8


def test_a_changed_variant_is_made_anew(run, fits):
    Ablation(CONFIG, run).run({"pca": Variant("pca", seeds=(0,))})
    Ablation(CONFIG, run).run({"pca": Variant("pca", over={"components": 2}, seeds=(0,))})
    assert [entry["components"] for entry in fits] == [3, 2]


def test_a_run_without_the_spectra_of_a_grid_is_named(run):
    (run / "results/spectra/rest/0000.parquet").unlink()
    with pytest.raises(ConfigError, match=r"rest.*no spectra on this grid"):
        Ablation(CONFIG, run).run({"pca": Variant("pca", seeds=(0,))})


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        (dict(encoder="pcb"), "pcb"),
        (dict(encoder="pca", vote="learned"), "learned"),
        (dict(encoder="pca", over={"component": 2}), "component"),
        (dict(encoder="pca", without=["line"]), "line"),
        (dict(encoder="pca", votes="fixed"), "votes"),
        (dict(encoder="pca", beside="galspek"), "galspek"),
        (dict(vote="fixed"), "encoder"),
    ],
)
def test_a_misspelt_variant_is_named(tmp_path, entry, word):
    (tmp_path / "variants.yaml").write_text(yaml.safe_dump({"mine": entry}))
    with pytest.raises(ConfigError, match=f"mine.*{word}"):
        read_variants(tmp_path / "variants.yaml", CONFIG)


def test_a_tenth_of_the_labels_leaves_one_of_each_at_least_and_all_tests(roles):
    many = pd.concat([roles, roles.assign(specobjid=roles["specobjid"] + np.uint64(10_000))], ignore_index=True)
    few = thin(many, 0.1)
    before, after = (frame.groupby(["seed", "role", "label"]).size() for frame in (many, few))
    kept = after.xs("knowledge_base", level="role")
    assert (kept == before.xs("knowledge_base", level="role").mul(0.1).round().clip(lower=1)).all()
    assert (after.xs("test", level="role") == before.xs("test", level="role")).all()
    assert len(thin(roles, 1e-9)) == (roles["role"] == "test").sum() + 4


def test_numbers_are_left_out_by_what_they_say():
    embedding, evidence = np.arange(25.0)[None], np.arange(46.0)[None]
    kept, beside = keep_columns(embedding, evidence, ["background"])
    assert kept.tolist() == [list(range(24))]
    assert beside.tolist() == [[*range(22), *range(28, 46)]]
    kept, beside = keep_columns(embedding, evidence, ["lines"])
    assert kept.tolist() == [[*range(10), 24]]
    assert beside.tolist() == [list(range(14, 29))]
    assert keep_columns(embedding, evidence, ["evidence"])[1].shape == (1, 0)
    with pytest.raises(ConfigError, match="kind factors"):
        keep_columns(embedding, evidence[:, :0], ["lines"])
