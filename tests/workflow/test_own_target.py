"""docs/own_target.md, done as it says: from a table of a class that nobody thought of to a list, and back with the marks."""

import re
import shlex
import shutil

import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.workflow.conftest import Run

pytestmark = pytest.mark.workflow
DOCS = (ROOT / "docs/own_target.md").read_text()


def blocks(kind):
    """Return the blocks of code of one kind that the page shows."""
    return re.findall(rf"```{kind}\n(.*?)```", DOCS, re.S)


def write_table(path, known):
    """Write the page's table with other objects: some by name, some by place, and one that is nowhere."""
    header = blocks("text")[0].splitlines()[0]
    lines = [f"{row.plate},{row.mjd},{row.fiberid},,,blue" for row in known.iloc[::2].itertuples()]
    lines += [f",,,{row.ra},{row.dec}," for row in known.iloc[1::2].itertuples()]
    path.write_text("\n".join([header, *lines, "1,50000,1,,,"]) + "\n")


def test_a_table_of_thirty_becomes_a_list_that_holds_those_it_never_saw(run, tmp_path):
    own = Run(tmp_path)
    for name in ("sas", "outliers.csv", "truth.csv"):
        source = run / "data/mock" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, _parent(own / "data/mock" / name))
    truth = pd.read_csv(run / "data/mock/truth.csv", dtype={"specobjid": "uint64"})
    selected = pd.read_parquet(run / "results/catalogs/selected.parquet")
    known = selected[selected["specobjid"].isin(truth.loc[truth["kind"] == "SF", "specobjid"])].head(30)
    write_table(own / "rings.csv", known)
    (own.folder / "rings.yaml").write_text(blocks("yaml")[0])
    command = shlex.split(next(line for line in blocks("bash")[0].splitlines() if line.startswith("snakemake")))
    done = own.snakemake(command[1], overlays=("config/tiny.yaml", "rings.yaml"))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    unmatched = pd.read_csv(own / "results/catalogs/unmatched_ring.csv")
    assert unmatched["given"].tolist() == ["plate 1, mjd 50000, fiberid 1"]
    _check_list(own, set(known["specobjid"]))


def _parent(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _check_list(own, rings):
    """Those of the knowledge base are not in the list, others are and are told apart; the page holds all of them."""
    listed = pd.read_csv(own / "results/candidates/ring.csv", dtype={"specobjid": "uint64"})
    base = pd.read_parquet(own / "results/search/ring/knowledge_base/galspec/metadata.parquet")
    learnt = set(base["specobjid"][base["label"].str.contains("Ring")])
    assert learnt
    assert learnt < rings
    assert listed["rank"].tolist() == list(range(1, 21))
    assert not learnt & set(listed["specobjid"])
    told = listed["reason"].str.contains("catalogued as .*Ring, not in the knowledge base")
    assert set(listed.loc[told, "specobjid"]) == (rings - learnt) & set(listed["specobjid"])
    assert listed["probability"].between(0, 1).all()
    page = (own / "results/candidates/ring.html").read_text()
    assert all(str(i) in page for i in listed["specobjid"])
