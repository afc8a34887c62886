"""Labels: two line catalogues that agree, lens grades, tables of targets."""

import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from galspec_core.catalogs import user_table
from galspec_core.catalogs.agreement import label_pairs
from galspec_core.catalogs.labels import LabelConfig, as_lists, as_members, make_labels
from galspec_core.catalogs.layouts import GALSPECEXTRA, PORTSMOUTH, SILO
from galspec_core.catalogs.tables import read_catalog
from galspec_core.catalogs.tasks import active_tasks, targets, user_tables
from galspec_core.errors import CatalogError, ConfigError

SECTION = {
    "lens_grades": {"likely": ["A+", "A"], "probable": ["B"], "possible": ["C"]},
    "lens_target": ["likely", "probable"],
    "labels": [
        {"label": "SF", "bptclass": [1, 2], "portsmouth": ["Star Forming"]},
        {"label": "Composite", "bptclass": [3], "portsmouth": ["Composite"]},
        {"label": "Seyfert", "bptclass": [4], "portsmouth": ["Seyfert"]},
        {"label": "LINER", "bptclass": [5], "portsmouth": ["LINER"]},
        {"label": "Normal", "bptclass": [-1], "portsmouth": ["BLANK"]},
    ],
    "strong_liner": False,
}
CONFIG = LabelConfig.from_config(SECTION)
FIBRE = ["plate", "mjd", "fiberid"]


def numbers(table, names):
    return {name: table[name].to_numpy() for name in names}


def galspecextra(selected, bptclass, ids=True):
    """Return an opinion on the first spectra of ``selected``, by identifier or by fibre only."""
    part = selected.slice(0, len(bptclass))
    own = numbers(part, FIBRE) | {"bptclass": np.array(bptclass)}
    own["specobjid"] = part["specobjid"].to_numpy() if ids else np.zeros(len(bptclass), "u8")
    return pa.Table.from_pydict(own, schema=GALSPECEXTRA.schema)


def portsmouth(selected, bpt, **fluxes):
    n, part = len(bpt), selected.slice(0, len(bpt))
    lines = {name: np.ones(n) for name in ("z", "hb", "oiii", "ha", "nii", "hb_err", "oiii_err", "ha_err", "nii_err")}
    own = numbers(part, FIBRE) | lines | fluxes | {"bpt": bpt, "specobjid": np.zeros(n, "u8")}
    return pa.Table.from_pydict(own, schema=PORTSMOUTH.schema)


def silo(selected, rows, grades, base=None, ids=False, place=True):
    """Return detections at ``rows``: by identifier, by fibre counted from ``base``, or by position alone."""
    part, n = selected.take(rows), len(rows)
    nothing = np.full(n, np.nan)
    fibre = np.full(n, -1) if base is None else part["fiberid"].to_numpy() - 1 + base
    own = numbers(part, ["plate", "mjd"]) | {"fiber_index": fibre, "grade": grades, "z": nothing, "z_source": nothing}
    own |= {name: part[name].to_numpy() + 0.5 / 3600 if place else nothing for name in ("ra", "dec")}
    own["specobjid"] = part["specobjid"].to_numpy() if ids else np.zeros(n, "u8")
    return pa.Table.from_pydict(own, schema=SILO.schema)


def user(selected, rows, by, subtype="odd"):
    """Return a user's table that names ``rows`` by some of its columns."""
    part, n = selected.take(rows), len(rows)
    own = {name: np.full(n, -1) for name in FIBRE} | {name: np.full(n, np.nan) for name in ("ra", "dec")}
    own |= {"specobjid": np.zeros(n, "u8"), "subtype": [subtype] * n} | numbers(part, by)
    return pa.Table.from_pydict(own, schema=user_table.SCHEMA)


def by_id(labels, selected, column="labels"):
    """Return the labels of each selected spectrum, [] where it has none."""
    rows = {row["specobjid"]: row[column] for row in labels.table.to_pylist()}
    return [rows.get(i, []) for i in selected["specobjid"].to_pylist()]


@pytest.mark.parametrize("ids", [True, False])
def test_both_must_agree_whether_matched_by_id_or_by_fibre(make, ids):
    selected = make["selected"](7)
    bpt = ["Star Forming", "Star Forming", "Composite", "LINER", "LINER", "BLANK"]
    catalogs = {
        "galspecextra": galspecextra(selected, [1, 2, 3, 4, 5, -1], ids),
        "portsmouth_boss": portsmouth(selected, bpt),
    }
    labels = make_labels(selected, catalogs, CONFIG)
    assert by_id(labels, selected) == [["SF"], ["SF"], ["Composite"], [], ["LINER"], ["Normal"], []]
    assert labels.table.schema.field("specobjid").type == pa.uint64()
    assert min(labels.table["specobjid"].to_pylist()) > 2**63
    strong = make_labels(selected, catalogs, LabelConfig.from_config(SECTION | {"strong_liner": True}))
    assert by_id(strong, selected)[3] == ["LINER"]


def test_cross_table_counts_everything_once(make):
    selected = make["selected"](10)
    mpa = galspecextra(selected, [1, 4, 4, 5, -1, 3, 1])
    labels = make_labels(
        selected,
        {"galspecextra": mpa, "portsmouth_legacy": portsmouth(selected, ["Star Forming", "LINER", "Seyfert", "LINER"])},
        CONFIG,
    )
    table, drops = labels.agreement, labels.drops.set_index(["catalogue", "reason"])["n"]
    assert len(table) == 7 * 7 - 1
    assert table["n"].sum() == 7
    own = drops["galspecextra x portsmouth"]
    assert own.to_dict() == {"catalogues disagree": 1, "only in galSpecExtra": 3, "only in Portsmouth": 0}
    assert labels.table.num_rows + own.sum() == table["n"].sum()
    assert table.set_index(["bptclass", "portsmouth"])["n"]["3", "absent"] == 1


def test_portsmouth_files_are_joined_and_either_may_be_missing(make):
    selected = make["selected"](4)
    mpa = galspecextra(selected, [5, 5, 5, 5])
    first, second = portsmouth(selected, ["LINER"] * 2), portsmouth(selected, ["Seyfert", "LINER", "LINER", "LINER"])
    both = make_labels(selected, {"galspecextra": mpa, "portsmouth_boss": first, "portsmouth_legacy": second}, CONFIG)
    one = make_labels(selected, {"galspecextra": mpa, "portsmouth_boss": None, "portsmouth_legacy": second}, CONFIG)
    assert [both.table.num_rows, one.table.num_rows] == [4, 3]
    assert make_labels(selected, {"galspecextra": mpa}, CONFIG).table.num_rows == 0


def test_line_ratios_come_from_positive_fluxes_only(make):
    selected = make["selected"](2)
    fluxes = {"nii": [10.0, -1.0], "ha": [100.0, 1.0], "oiii": [5.0, 2.0], "hb": [0.5, 0.0]}
    catalogs = {
        "galspecextra": galspecextra(selected, [5, 5]),
        "portsmouth_boss": portsmouth(selected, ["LINER"] * 2, **fluxes),
    }
    table = make_labels(selected, catalogs, CONFIG).table.to_pandas()
    np.testing.assert_allclose(table["log_nii_ha"], [-1, np.nan], atol=1e-12)
    np.testing.assert_allclose(table["log_oiii_hb"], [1, np.nan], atol=1e-12)


def test_an_empty_intersection_says_why(make):
    selected, other = make["selected"](5, plate=500), make["selected"](3, plate=3700)
    with pytest.raises(CatalogError) as caught:
        make_labels(
            selected,
            {"galspecextra": galspecextra(selected, [5] * 4), "portsmouth_boss": portsmouth(other, ["LINER"] * 3)},
            CONFIG,
        )
    text = str(caught.value)
    for fact in (
        "galSpecExtra: 4 rows, plates 500-500",
        "Portsmouth: 3 rows, plates 3700-3700",
        "0 selected spectra are in Portsmouth",
        "portsmouth_legacy",
    ):
        assert fact in text


@pytest.mark.parametrize(
    "how", [{"ids": True}, {"base": 0}, {"base": 1}, {}], ids=["id", "from 0", "from 1", "position"]
)
def test_lenses_are_found_by_id_fibre_or_position(make, how):
    selected = make["selected"](300)
    rows = [5, 17, 100, 299]
    labels = make_labels(selected, {"silo": silo(selected, rows, ["A+", "B", "C", "A"], **how)}, CONFIG)
    got, held = by_id(labels, selected), by_id(labels, selected, "held_out")
    assert [i for i, own in enumerate(got) if own == ["Lens"]] == [5, 17, 299]
    assert [i for i, own in enumerate(held) if own == ["Lens"]] == [100]
    assert by_id(labels, selected, "subtype")[100] == "possible"
    assert by_id(labels, selected, "subtype")[17] == "probable"
    assert len(labels.unmatched) == 0


def test_a_lens_that_is_no_selected_spectrum_is_listed_with_its_grade(make):
    selected, elsewhere = make["selected"](5), make["selected"](1, seed=5, plate=9900)
    silos = pa.concat_tables([silo(selected, [1], ["A"], ids=True), silo(elsewhere, [0], ["C"], ids=True)])
    lost = make_labels(selected, {"silo": silos}, CONFIG).unmatched
    assert lost[["catalogue", "row", "subtype"]].values.tolist() == [["silo", 2, "C"]]
    assert lost["specobjid"].tolist() == elsewhere["specobjid"].to_pylist()
    assert make_labels(selected, {}, CONFIG).unmatched.columns.tolist() == lost.columns.tolist()


def test_a_repeat_in_the_next_fibre_does_not_settle_how_fibres_are_counted(make):
    ra, dec = np.arange(30.0), np.zeros(30)
    ra[16] = ra[17]  # read as counted from 1, the lens in row 17 is row 16, at the same place
    selected = make["selected"](30, ra=ra, dec=dec)
    labels = make_labels(selected, {"silo": silo(selected, [5, 17, 22, 25], ["A"] * 4, base=0)}, CONFIG)
    assert [i for i, own in enumerate(by_id(labels, selected)) if own] == [5, 17, 22, 25]


def test_lenses_without_identifier_or_position_are_an_error(make):
    selected = make["selected"](9)
    with pytest.raises(CatalogError, match="neither"):
        make_labels(selected, {"silo": silo(selected, [1], ["A"], base=1, place=False)}, CONFIG)


def test_the_best_of_several_grades_counts_and_an_unknown_grade_is_held_out(make):
    selected = make["selected"](9)
    labels = make_labels(selected, {"silo": silo(selected, [3, 3, 3, 4], ["C", "B", "A+", "X"], ids=True)}, CONFIG)
    assert by_id(labels, selected)[3] == ["Lens"]
    assert by_id(labels, selected, "subtype")[3] == "likely"
    assert by_id(labels, selected, "held_out")[4] == ["Lens"]
    assert by_id(labels, selected)[4] == []
    counts = labels.drops.set_index("reason")["n"]
    assert counts["another detection of a better or equal grade"] == 2
    assert counts["held out: ungraded"] == 1


@pytest.mark.parametrize("by", [["specobjid"], FIBRE, ["ra", "dec"]])
def test_user_tables_match_by_any_name_and_list_what_does_not(make, by):
    selected, elsewhere = make["selected"](50), make["selected"](2, seed=9, plate=12000)
    table = pa.concat_tables([user(selected, [4, 8], by), user(elsewhere, [0, 1], by, "lost")])
    labels = make_labels(selected, {"tables/rings": table}, CONFIG, {"tables/rings": "Ring"})
    assert [i for i, own in enumerate(by_id(labels, selected)) if own == ["Ring"]] == [4, 8]
    assert labels.unmatched["subtype"].tolist() == ["lost"] * 2
    assert labels.unmatched["row"].tolist() == [3, 4]
    assert labels.drops.set_index("catalogue")["n"]["tables/rings"] == 2


def test_a_position_names_every_observation_of_its_galaxy(make):
    place = {"ra": np.array([10, 10 + 1e-4, 10.5]), "dec": np.array([5.0, 5.0, 5.0])}
    selected = make["selected"](3, **place)
    labels = make_labels(selected, {"outliers": user(selected, [0], ["ra", "dec"])}, CONFIG)
    assert by_id(labels, selected) == [["Outlier"], ["Outlier"], []]


def test_a_spectrum_has_a_set_of_labels_and_no_lens_or_outlier_becomes_normal(make):
    selected = make["selected"](5)
    catalogs = {
        "galspecextra": galspecextra(selected, [5, -1]),
        "portsmouth_boss": portsmouth(selected, ["LINER", "BLANK"]),
        "silo": silo(selected, [0, 3], ["A", "A"], ids=True),
        "outliers": user(selected, [3, 4], FIBRE),
    }
    labels = make_labels(selected, catalogs, CONFIG)
    assert by_id(labels, selected) == [["LINER", "Lens"], ["Normal"], [], ["Lens", "Outlier"], ["Outlier"]]
    assert labels.table["bpt"].to_pylist() == ["LINER", "Normal", "", ""]
    assert labels.table["specobjid"].to_pylist() == sorted(labels.table["specobjid"].to_pylist())


def test_real_survey_has_the_labels_that_a_plain_join_gives(sdss_sample, tmp_path):
    places = {
        "specobj": "dr16/sdss/spectro/redux/specObj-dr16.fits",
        "galspecextra": "dr8/common/sdss-spectro/redux/galSpecExtra-dr8.fits",
        "portsmouth_boss": "dr12/boss/spectro/redux/galaxy/v1_1/portsmouth_emlinekin_full-DR12-boss.fits",
    }
    for name, place in places.items():
        assert read_catalog(name, sdss_sample / place, tmp_path / name) == 641
    tables = {name: pq.read_table(tmp_path / name) for name in places}
    selected = tables.pop("specobj")
    labels = make_labels(selected, tables, CONFIG)
    mpa = {
        str(row["SPECOBJID"]).strip(): int(row["BPTCLASS"]) for row in Table.read(sdss_sample / places["galspecextra"])
    }
    rows = Table.read(sdss_sample / places["portsmouth_boss"])
    bpt = {(int(row["PLATE"]), int(row["MJD"]), int(row["FIBERID"])): str(row["BPT"]).strip() for row in rows}
    pairs = label_pairs(SECTION["labels"])
    expected = []
    for row in selected.select(["specobjid", *FIBRE]).to_pylist():
        label = pairs.get((mpa[str(row["specobjid"])], bpt[tuple(row[key] for key in FIBRE)]))
        expected.append([label] if label else [])
    assert by_id(labels, selected) == expected
    assert labels.agreement["n"].sum() == 641
    assert {label for own in expected for label in own} == {"SF", "Composite", "Seyfert", "LINER", "Normal"}


def test_lists_and_members_are_inverse():
    member = np.random.default_rng(3).random((40, 5)) < 0.3
    names = list("abcde")
    np.testing.assert_array_equal(as_members(as_lists(member, names), names), member)
    np.testing.assert_array_equal(
        as_members(pa.chunked_array([as_lists(member, names)]).slice(7, 11), names), member[7:18]
    )


def test_wrong_label_settings_are_named():
    with pytest.raises(ConfigError, match="lens_grade'"):
        LabelConfig.from_config(SECTION | {"lens_grade": {}})
    with pytest.raises(ConfigError, match="maybe"):
        LabelConfig.from_config(SECTION | {"lens_target": ["maybe"]})
    with pytest.raises(ConfigError, match="twice"):
        label_pairs([*SECTION["labels"], SECTION["labels"][0]])


def test_a_task_without_its_catalogue_is_left_out_by_name(caplog):
    caplog.set_level(logging.INFO, "galspec")
    files = {"specobj": "s", "galspecextra": "g", "portsmouth_boss": None, "portsmouth_legacy": "p", "silo": None}
    tasks = {
        "liner": {"target": "LINER", "source": "bpt"},
        "lens": {"target": "Lens", "source": "silo"},
        "outlier": {"target": "Outlier", "source": "outliers"},
        "ring": {"target": "Ring", "source": "tables/rings", "file": "r.csv", "columns": {"ra": "RA", "dec": "DE"}},
        "blob": {"target": "Blob", "source": "tables/blobs", "file": None},
        "gone": None,
    }
    active = active_tasks({"tasks": tasks, "outliers": None, "catalogs": {"files": files}})
    assert list(active) == ["liner", "ring"]
    for key in ("catalogs.files.silo", "outliers is null", "tasks.blob.file", "tasks.gone"):
        assert key in caplog.text
    assert targets(active) == {"tables/rings": "Ring"}
    assert user_tables(active) == {
        "tables/rings": {"file": "r.csv", "columns": {"ra": "RA", "dec": "DE"}, "only": None}
    }
    with pytest.raises(ConfigError, match="no such source"):
        active_tasks({"tasks": {"x": {"target": "X", "source": "sky"}}})
