"""Catalogue redshifts that spectra contradict, and what the vote does with them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from galspec_core.encoder.redshift import RedshiftScan, RedshiftSettings
from galspec_core.errors import ConfigError
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.redshifts import check_redshifts
from galspec_core.search.task import Voter
from galspec_core.search.vote import VoteSettings
from galspec_core.search.wrong_redshifts import (
    COLUMNS,
    WrongSettings,
    add_noise,
    draw_spectra,
    give_wrong_redshifts,
    load_native,
    share,
    summarise,
)
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.prepare import PrepareConfig, prepare
from galspec_core.spectra.shard import native_row, native_table, write_native
from tests.encoder.test_redshift import ENCODER, GRID, SCAN, SECTION, SEEN, make_spectrum

CONFIG = PrepareConfig(("NODATA",), (5300.0, 5850.0), 0.5, 0.5, 0.2, 10)
SETTINGS = WrongSettings(
    n=3, seed=0, offsets=(0.02,), lines=(("Hα", "[O III] 5007"),), noise=(1, 2), confident=0.8
)  # Hα as [O III]: z = 0.44 and more, beyond the trials and without a window to normalise in
IDS = np.arange(12, dtype="u8") + np.uint64(2**63)
Z = np.linspace(0.1, 0.2, 12)
ONTO = replace(Grid(**{**GRID, "wave": (4000.0, 7000.0)}), min_coverage=0.5)


def labelled():
    """Return roles and manifest of twelve spectra, six on each side, half of them with Hα."""
    label = np.where(np.arange(12) % 2, "SF", "Normal")
    role = np.where(np.arange(12) < 6, "knowledge_base", "test")
    roles = pd.DataFrame({"specobjid": IDS, "task": "classes", "seed": 0, "role": role, "label": label})
    manifest = pd.DataFrame({"specobjid": IDS, "position": IDS, "z": Z, "snr": np.arange(12.0) + 5})
    return roles, manifest


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Write the spectra in two native shards; the catalogue is wrong about the fifth."""
    folder, rows = tmp_path_factory.mktemp("native"), []
    for i, (name, z) in enumerate(zip(IDS, Z, strict=True)):
        target = dict(specobjid=int(name), plate=1, mjd=2, fiberid=i, run2d="v5", z=z + 0.03 * (i == 4))
        rows.append(native_row(target, make_spectrum(z, seed=i, halpha=2.0 * (i % 2))))
    paths = [folder / "0000.parquet", folder / "0001.parquet"]
    for path, part in zip(paths, (rows[:7], rows[7:]), strict=True):
        write_native(path, [native_table(part)])
    return paths


@pytest.fixture(scope="module")
def study(shards):
    """Give drawn spectra, the rows of the experiment and the voter behind it."""
    roles, manifest = labelled()
    drawn = draw_spectra(roles, manifest, SETTINGS)
    base = roles[roles["role"] == "knowledge_base"]
    spectra = load_native(shards, base["specobjid"])
    vectors = np.vstack([ENCODER.embed(*(v[None] for v in prepare(s, CONFIG, ONTO)), [s.z]) for s in spectra])
    metadata = base[["specobjid", "label"]].assign(position=base["specobjid"], seeds=[[0]] * len(base))
    voter = Voter("classes", None, KnowledgeBase.build(vectors, metadata), VoteSettings(top_k=2))
    native = [replace(s, z=0.0) for s in load_native(shards, drawn["specobjid"])]
    return drawn, give_wrong_redshifts(drawn, native, SCAN, ENCODER, voter, ONTO, CONFIG, SETTINGS), voter


def test_the_wrong_redshift_alone_is_doubted(shards):
    table = check_redshifts(shards, IDS[:10], SCAN, CONFIG).set_index("specobjid")
    assert set(table.index) == set(IDS[:10])
    assert table.index.dtype == np.uint64
    np.testing.assert_array_equal(table["trusted"], np.arange(10) != 4)
    np.testing.assert_allclose(table["z_best"], Z[:10], atol=0.001)
    assert table["z"].iloc[4] == pytest.approx(Z[4] + 0.03)


def test_a_spectrum_that_cannot_be_scanned_is_doubted(tmp_path):
    one = make_spectrum(0.1)
    dark, empty = replace(one, flux=-one.flux), replace(one, ivar=0 * one.ivar)
    target = dict(plate=1, mjd=2, fiberid=3, run2d="v5", z=0.1)
    rows = [native_row(target | {"specobjid": i}, s) for i, s in enumerate((dark, empty))]
    write_native(tmp_path / "0000.parquet", [native_table(rows)])
    table = check_redshifts([tmp_path / "0000.parquet"], [0, 1], SCAN, CONFIG)
    assert table[["z_best", "delta_chi2", "delta_continuum"]].isna().all(axis=None)
    assert not table["trusted"].any()


def test_no_spectrum_no_row(shards):
    assert len(check_redshifts(shards, [], SCAN, CONFIG)) == 0


def test_a_line_taken_for_another_gives_its_redshift():
    wrong = SETTINGS.errors()
    assert list(wrong) == ["none", "+0.02", "Hα as [O III] 5007", "z = 0"]
    observed = 6564.61 * 1.1
    assert wrong["Hα as [O III] 5007"](0.1) == pytest.approx(observed / 5008.24 - 1)
    assert (wrong["none"](0.1), wrong["+0.02"](0.1), wrong["z = 0"](0.1)) == pytest.approx((0.1, 0.12, 0.0))


def test_an_unknown_line_is_named():
    with pytest.raises(ConfigError, match="Lyman"):
        replace(SETTINGS, lines=(("Lyman α", "Hα"),)).errors()


def test_noise_is_raised_by_the_factor():
    one = make_spectrum(0.1)
    more = add_noise(one, 3, np.random.default_rng(0))
    np.testing.assert_allclose(more.ivar, one.ivar / 9)
    assert ((more.flux - one.flux) * np.sqrt(one.ivar)).std() == pytest.approx(np.sqrt(8), rel=0.05)
    np.testing.assert_array_equal(add_noise(one, 1, np.random.default_rng(0)).flux, one.flux)


def test_sides_are_drawn_alike_and_never_mixed():
    roles, manifest = labelled()
    drawn = draw_spectra(roles, manifest, SETTINGS)
    assert drawn.groupby("side").size().to_dict() == {"training": 3, "test": 3}
    assert set(drawn.loc[drawn["side"] == "test", "specobjid"]) <= set(IDS[6:])
    shuffled = draw_spectra(roles.sample(frac=1, random_state=1), manifest, SETTINGS)
    pd.testing.assert_frame_equal(drawn, shuffled)


def test_without_an_error_the_vote_is_that_of_a_run(study, shards):
    drawn, rows, voter = study
    tests = drawn[drawn["side"] == "test"]
    spectra = [replace(s, z=z) for s, z in zip(load_native(shards, tests["specobjid"]), tests["z"], strict=True)]
    flux, ivar = (np.stack(v) for v in zip(*(prepare(s, CONFIG, ONTO) for s in spectra), strict=True))
    votes = voter.votes(0, tests, ENCODER.embed(flux, ivar, tests["z"].to_numpy()))
    own = rows[(rows["error"] == "none") & (rows["noise"] == 1) & (rows["side"] == "test")]
    np.testing.assert_array_equal(own["predicted"], votes["predicted"])
    np.testing.assert_allclose(own["share"], votes["share"])
    np.testing.assert_array_equal(own["near"], votes["known"])


def test_the_check_lets_right_redshifts_through_and_wrong_ones_not(study):
    rows = study[1]
    np.testing.assert_array_equal(rows["trusted"], rows["error"] == "none")
    np.testing.assert_allclose(rows["z_best"], rows["z"], atol=0.001)


def test_what_the_grid_cannot_hold_is_rejected_and_not_voted_on(study):
    rows = study[1]
    far = rows["error"] == "Hα as [O III] 5007"
    assert rows.loc[far, "rejected"].all()
    assert not rows.loc[~far, "rejected"].any()
    assert (rows.loc[rows["rejected"], "predicted"] == "").all()
    assert rows.loc[rows["rejected"], "share"].isna().all()
    assert (rows.loc[rows["side"] == "training", "predicted"] == "").all()


def test_the_table_counts_what_stands_in_the_rows():
    """Five spectra: sure and right, sure and wrong, the same but doubted, the same but far, not sure; a sixth is rejected."""
    rows = pd.DataFrame(
        {
            "side": "test",
            "error": "+0.01",
            "noise": 1,
            "label": "SF",
            "position": np.arange(6),
            "snr": 5.0,
            "z": 0.1,
            "z_best": [0.1, 0.1, 0.3, 0.3, 0.1019, 0.1021],
            "delta_chi2": [50.0, 20, -5, 25, 3, np.nan],
            "delta_continuum": [5.0, 2, -9, 0, 30, np.nan],
            "trusted": [True, True, False, True, True, True],
            "rejected": [False, False, False, False, False, True],
            "near": [True, True, True, False, True, True],
            "predicted": ["SF", "LINER", "LINER", "LINER", "LINER", ""],
            "share": [1.0, 0.8, 0.9, 0.9, 0.79, np.nan],
        }
    )
    checked = pd.DataFrame(
        {
            "specobjid": IDS[:2],
            "z": 0.1,
            "z_best": [0.1, 0.2],
            "delta_chi2": [9.0, -9],
            "delta_continuum": 0.0,
            "trusted": [True, False],
        }
    )
    roles, manifest = labelled()
    table = summarise(rows, checked, roles, manifest, 0.8).set_index(["error", "group"])
    assert [*table.index.names, *table.columns] != COLUMNS
    assert set(table.columns) == set(COLUMNS) - {"error", "group"}
    row = table.loc[("+0.01", "all")]
    expected = dict(rejected=1, far=1, doubted=1, dont_know=3, confident=2, wrong=1, recovered=3)
    expected |= dict(confident_unchecked=4, wrong_unchecked=3, confident_near=3, wrong_near=2)
    assert (6 * row[list(expected)]).to_dict() == pytest.approx(expected)
    assert (row["n"], row["delta_median"]) == (6, 25)
    own = table.loc["catalogue"]
    assert own.loc["all", "dont_know"] == 0.5
    assert (own.loc["Normal", "dont_know"], own.loc["SF", "dont_know"]) == (0, 1)
    assert own["wrong"].isna().all()
    assert table.loc[("+0.01", "faint Normal"), "n"] == 0


def test_a_position_counts_once():
    mask, position = pd.Series([True, True, True, False]), pd.Series([1, 1, 1, 2])
    interval = binomtest(1, 2).proportion_ci(0.95, method="wilson")
    assert share(mask, position) == pytest.approx([0.5, interval.low, interval.high])


def test_the_margin_is_the_configured_one(shards):
    strict = RedshiftScan(ENCODER, RedshiftSettings.from_config({**SECTION, "min_delta_chi2": 1e9}), SEEN)
    assert not check_redshifts(shards, IDS, strict, CONFIG)["trusted"].any()
