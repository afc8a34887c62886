"""The sample as a whole: nothing leaks, nothing depends on order, nothing vanishes."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from galspec_core.catalogs.labels import LabelConfig, make_labels
from galspec_core.catalogs.layouts import SILO
from galspec_core.catalogs.manifest import shard_numbers
from galspec_core.catalogs.sample import SampleConfig, draw_sample
from galspec_core.catalogs.settings import amount
from galspec_core.catalogs.tables import read_catalog
from galspec_core.catalogs.tasks import Negatives
from galspec_core.errors import ConfigError

MATCHED = {"from": "unlabelled", "match": ["z", "snr", "instrument"], "per_target": 2}


def ids(frame, **wanted):
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    return set(frame["specobjid"].tolist())


@pytest.mark.parametrize("seed", range(5))
def test_no_position_is_on_both_sides(tasks, make, seed):
    rng = np.random.default_rng(seed)
    where = rng.integers(0, 60, 300)  # 60 crowded fields: chains of any shape
    ra, dec = 6.0 * where + rng.uniform(-2, 2, 300) / 3600, rng.uniform(-2, 2, 300) / 3600
    selected = make["selected"](300, seed=seed, ra=ra, dec=dec)
    got = draw_sample(selected, make["labels"](selected), tasks, make["config"](draw_seed=seed), 3)
    manifest, roles = got.manifest.table().to_pandas(), got.roles.table().to_pandas()
    assert (manifest.groupby("position")["side"].nunique() == 1).all()
    groups = make["groups"](manifest["ra"].to_numpy(), manifest["dec"].to_numpy(), 1.5)
    assert (manifest["side"].groupby(groups).nunique() == 1).all()
    side, position = manifest.set_index("specobjid")["side"], manifest.set_index("specobjid")["position"]
    assert (side.loc[roles.loc[roles["role"] == "test", "specobjid"]] == "test").all()
    assert (side.loc[roles.loc[roles["role"] != "test", "specobjid"]] == "training").all()
    own = {role: set(position.loc[list(ids(roles, role=role))]) for role in ("pretrain", "validation")}
    assert own["validation"]
    assert not own["pretrain"] & own["validation"]


def test_nothing_depends_on_the_order_of_the_files(tasks, make, survey, sample):
    selected, labels = survey
    rng = np.random.default_rng(8)
    shuffled = [table.take(rng.permutation(table.num_rows)) for table in (selected, labels)]
    again = draw_sample(*shuffled, tasks, make["config"](), n_shards=5)
    assert again.manifest.table().equals(sample.manifest.table())
    assert again.roles.table().equals(sample.roles.table())
    pd.testing.assert_frame_equal(again.drops, sample.drops)


def test_matched_controls_do_not_depend_on_order_either(make, tasks, survey):
    selected, labels = survey
    matched = {"lens": tasks["lens"] | {"negatives": MATCHED}}
    rng = np.random.default_rng(9)
    shuffled = [table.take(rng.permutation(table.num_rows)) for table in (selected, labels)]
    assert (
        draw_sample(*shuffled, matched, make["config"](), 5)
        .roles.table()
        .equals(draw_sample(selected, labels, matched, make["config"](), 5).roles.table())
    )


def test_drawn_and_dropped_are_all(survey, sample):
    drops = sample.drops.set_index("reason")["n"]
    assert len(sample.manifest) + drops["selected, but not drawn"] == survey[0].num_rows
    assert set(sample.roles.table()["specobjid"].to_pylist()) <= set(sample.manifest.table()["specobjid"].to_pylist())


def test_manifest_is_sorted_and_cut_into_equal_parts(sample):
    manifest = sample.manifest.table().to_pandas()
    assert manifest.columns.tolist()[:11] == [
        "specobjid",
        "plate",
        "mjd",
        "fiberid",
        "run2d",
        "ra",
        "dec",
        "z",
        "snr",
        "position",
        "shard",
    ]
    assert manifest[["plate", "mjd", "fiberid"]].apply(tuple, axis=1).is_monotonic_increasing
    assert manifest["shard"].is_monotonic_increasing
    assert set(manifest["shard"]) == {f"{i:04d}" for i in range(5)}
    assert np.ptp(manifest["shard"].value_counts()) <= 1


def test_parts_may_be_empty_but_not_too_large():
    assert shard_numbers(0, 3).tolist() == []
    assert len(set(shard_numbers(2, 5))) == 2
    assert np.bincount(shard_numbers(2048 * 3, 3)).tolist() == [2048] * 3
    with pytest.raises(ConfigError, match=r"Set spectra\.n_shards to 4 or more"):
        shard_numbers(2048 * 3 + 1, 3)
    assert np.bincount(shard_numbers(2048 * 3 + 1, 4)).max() <= 2048


def test_a_survey_without_labels_still_pretrains(make):
    selected = make["selected"](50)
    empty = make_labels(selected, {}, LabelConfig({}, (), ())).table
    got = draw_sample(selected, empty, {}, make["config"](), 2)
    assert set(got.roles.table()["role"].to_pylist()) == {"pretrain", "validation"}
    assert set(got.roles.table()["seed"].to_pylist()) == {-1}


def test_ids_above_2_63_survive_from_fits_to_roles(tasks, make, tmp_path):
    rows = make["specobj"](40, plate=16000)
    read_catalog("specobj", make["fits"](tmp_path / "s.fits", rows), tmp_path / "s.parquet")
    lens = {
        "PLATE": rows["PLATE"],
        "MJD": rows["MJD"],
        "FIBER_INDEX": rows["FIBERID"],
        "SPECOBJID": rows["SPECOBJID"],
        "TOTAL_GRADE": np.full(40, "A"),
    }
    read_catalog("silo", make["fits"](tmp_path / "l.fits", lens), tmp_path / "l.parquet")
    selected = make["selected"](40, plate=16000)
    silo = pq.read_table(tmp_path / "l.parquet")
    assert silo.schema == SILO.schema
    labels = make_labels(selected, {"silo": silo}, LabelConfig({"likely": ["A"]}, ("likely",), ())).table
    roles = draw_sample(
        selected, labels, {"lens": tasks["lens"]}, make["config"](knowledge_base=1.0, test={}), 1
    ).roles.table()
    assert roles.schema.field("specobjid").type == pa.uint64()
    got = set(roles.filter(pc.equal(roles["task"], "lens"))["specobjid"].to_pylist())
    assert got == {int(i) for i in rows["SPECOBJID"]}
    assert min(got) > 2**63


@pytest.mark.parametrize(
    ("value", "n"), [("all", 40), (7, 7), (99, 40), (0.25, 10), (1.0, 40), (1, 1), (0, 0), (20.0, 20)]
)
def test_amounts(value, n):
    assert amount(value, 40) == n


@pytest.mark.parametrize("value", ["some", -1, None, True])
def test_what_is_no_amount(value):
    with pytest.raises(ConfigError, match="not an amount"):
        amount(value, 40)


def test_wrong_sample_settings_are_named(make):
    with pytest.raises(ConfigError, match="test_sid'"):
        make["config"](test_sid=0.3)
    with pytest.raises(ConfigError, match="'seeds' is missing"):
        SampleConfig.from_config({"draw_seed": 1})
    with pytest.raises(ConfigError, match=r"labelled\.SF"):
        make["config"](labelled={"SF": "most"})
    with pytest.raises(ConfigError, match="colour"):
        Negatives.from_config({"from": "unlabelled", "match": ["colour"]}, "tasks.x")
