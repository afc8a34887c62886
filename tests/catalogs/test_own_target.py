"""docs/own_target.md: its settings are allowed, its table is read, and marks go back in as the labels it promises."""

import re

import pyarrow as pa
import pytest
import yaml

from galspec_core.catalogs.labels import LabelConfig, make_labels
from galspec_core.catalogs.tasks import active_tasks, targets, user_tables
from galspec_core.catalogs.user_table import read_user_table
from galspec_core.config import check_config, load_config, merge
from tests.catalogs.conftest import specobjid
from tests.conftest import ROOT

DOCS = (ROOT / "docs/own_target.md").read_text()
SETTINGS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", DOCS, re.S)]
MARKS = """specobjid,plate,mjd,fiberid,ra,dec,z,label,note,rank,score,task,target
{0},9001,57000,1,10.0,5.0,0.1,keep,"a ring, faint",1,0.9,ring,Ring
{1},9001,57000,2,11.0,5.0,0.1,drop,,2,0.8,ring,Ring
{2},9001,57000,3,12.0,5.0,0.1,unsure,,3,0.7,ring,Ring
"""


def config(*overlays):
    """Return config.yaml with settings over it."""
    whole = load_config([ROOT / "config.yaml"])
    for overlay in overlays:
        whole = merge(whole, overlay)
    return whole


def test_its_settings_are_allowed_and_name_its_table():
    assert len(SETTINGS) == 2
    for overlays in (SETTINGS[:1], SETTINGS):
        check_config(config(*overlays))
    assert user_tables(active_tasks(config(SETTINGS[0])))["tables/rings"]["file"] == "rings.csv"


def test_its_table_is_read(tmp_path):
    (tmp_path / "rings.csv").write_text(re.search(r"```text\n(.*?)```", DOCS, re.S)[1])
    rows = read_user_table(tmp_path / "rings.csv").to_pylist()
    assert [row["fiberid"] for row in rows] == [661, -1]
    assert rows[1]["ra"] == pytest.approx(157.7043)


def test_marks_become_targets_and_what_counts_against_them(tmp_path):
    ids = specobjid([9001] * 3, [57000] * 3, [1, 2, 3])
    (tmp_path / "ring_marks.csv").write_text(MARKS.format(*ids))
    tasks = active_tasks(config(*SETTINGS))
    own = {name: table for name, table in user_tables(tasks).items() if "marks" in table["file"]}
    tables = {name: read_user_table(tmp_path / t["file"], t["columns"], t["only"]) for name, t in own.items()}
    selected = pa.table({"specobjid": ids, "plate": [9001] * 3, "mjd": [57000] * 3, "fiberid": [1, 2, 3]})
    selected = selected.append_column("ra", pa.array([10.0, 11.0, 12.0])).append_column("dec", pa.array([5.0] * 3))
    settings = {key: config()["catalogs"][key] for key in ("lens_grades", "lens_target", "labels", "strong_liner")}
    labels = make_labels(selected, tables, LabelConfig.from_config(settings), targets(tasks)).table
    assert labels["specobjid"].to_pylist() == ids[:2].tolist()
    assert labels["labels"].to_pylist() == [["Ring"], ["NoRing"]]
    assert labels["subtype"].to_pylist() == ["", ""]
