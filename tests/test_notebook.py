"""KnowledgeBase from Python: what it takes, how it shows itself, and the example notebook."""

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import galspec_core
from galspec_core import KnowledgeBase
from galspec_core.errors import GalspecError, SearchError
from galspec_core.paths import spec_path
from galspec_core.spectra.own import read_own
from tests.conftest import lacking

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs/notebooks/search.ipynb"
HEAVY = ("torch", "faiss", "pandas", "pyarrow", "sklearn", "matplotlib", "astropy", "scipy", "numpy")


@pytest.fixture(scope="module")
def base(finished_run):
    return KnowledgeBase.load(finished_run[0])


@pytest.fixture
def path(finished_run):
    """Give the file of a test spectrum."""
    folder, table = finished_run
    row = table[table["side"] == "test"].iloc[1]
    return folder / "data/mock/sas" / spec_path(row["run2d"], row["plate"], row["mjd"], row["fiberid"])


def test_importing_galspec_imports_nothing_heavy():
    code = f"import sys, galspec_core; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_asking_needs_no_torch_where_the_method_has_no_network(finished_run, path):
    code = "import sys; from galspec_core import KnowledgeBase; KnowledgeBase.load(sys.argv[1]).search(sys.argv[2])"
    code += (
        "; print([name for name in ('torch', 'matplotlib', 'sklearn', 'astropy', 'requests') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, finished_run[0], path], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'KnowledgeBas'"):
        galspec_core.KnowledgeBas  # noqa: B018


def test_a_path_a_name_a_spectrum_and_an_own_are_one_question(base, path):
    own = read_own(path)
    plate, mjd, fiberid = own.fibre
    asked = [path, str(path), own, f"{plate}-{mjd}-{fiberid}"]
    answers = [base.search(each) for each in asked]
    alone = base.search(own.spectrum)  # it does not say who it is, but stands in no knowledge base either
    for answer in (*answers, alone):
        assert answer.shares == answers[0].shares
        assert answer.neighbours["specobjid"].tolist() == answers[0].neighbours["specobjid"].tolist()


@pytest.mark.filterwarnings("ignore")
def test_a_spectrum_of_specutils_is_the_same_question(base, path):
    units = pytest.importorskip("astropy.units")
    try:
        from specutils import Spectrum
    except ModuleNotFoundError:
        lacking("specutils is not installed")
    from astropy.nddata import InverseVariance

    own = read_own(path).spectrum
    unit = units.Unit("1e-17 erg / (s cm2 Angstrom)")
    theirs = Spectrum(
        flux=own.flux * unit, spectral_axis=own.wave * units.AA, uncertainty=InverseVariance(own.ivar / unit**2)
    )
    assert base.search(theirs, z=own.z).predicted == base.search(own).predicted


def test_a_redshift_given_is_the_one_that_counts(base, path):
    assert base.search(path, z=0.15).z == 0.15


@pytest.mark.parametrize("asked", [3, None, object(), "no such file", "1-2-3", ["a"], np.zeros(4), b"x"])
def test_what_is_no_spectrum_is_said(base, asked):
    with pytest.raises(GalspecError, match=r"no spectrum|no such file|is no SDSS name"):
        base.search(asked)


def test_a_name_that_the_archive_does_not_have_is_said(base):
    with pytest.raises(GalspecError, match=r"8200-57000-999: the archive has no such spectrum"):
        base.search("8200-57000-999")


def test_a_wrong_folder_is_said(tmp_path):
    with pytest.raises(SearchError, match="no knowledge base is here"):
        KnowledgeBase.load(tmp_path)


def test_it_says_what_it_is(base):
    assert "galspec on classes (LINER, Normal, SF)" in repr(base)
    assert len(base) == len(base.entries) > 50
    assert set(base.entries["class"]) == {"SF", "LINER", "Normal"}


class Checker(HTMLParser):
    """Reads HTML and keeps the elements that are open and those it has seen."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, name, attributes):
        self.open.append(name)
        self.seen.add(name)

    def handle_startendtag(self, name, attributes):
        self.seen.add(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name


def test_it_shows_itself_as_text_html_and_figure(base, path):
    answer = base.search(path, top=3)
    assert repr(answer).startswith(f"{path.name}: {answer.predicted}")
    checker = Checker()
    checker.feed(answer._repr_html_())
    assert checker.open == []
    assert {"svg", "table", "path"} <= checker.seen
    figure = answer.plot()
    assert len(figure.axes[0].lines) >= 4
    from matplotlib import pyplot

    pyplot.close(figure)


@pytest.mark.parametrize("name", ["star$_$.fits", "_mine.fits", "a$^b.fits", "plain.fits"])
def test_a_figure_shows_any_name_as_it_is(base, path, tmp_path, name):
    (tmp_path / name).symlink_to(path)
    figure = base.search(tmp_path / name, where="run2d != '$^$'").plot()
    figure.savefig(tmp_path / "figure.png")
    assert figure.axes[0].get_legend().get_texts()[0].get_text().strip() == name
    from matplotlib import pyplot

    pyplot.close(figure)


def test_the_notebook_is_small_and_holds_no_results():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert NOTEBOOK.stat().st_size < 10_000
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs(finished_run, tmp_path):
    try:
        import ipykernel  # noqa: F401
        import nbformat
        from nbclient import NotebookClient
    except ModuleNotFoundError as error:
        lacking(f"{error.name} is not installed")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/demo").symlink_to(finished_run[0])
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    os.environ.setdefault("MPLBACKEND", "agg")
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = {kind for output in outputs for kind in output.get("data", {})}
    assert {"text/html", "text/plain"} <= shown
    assert "no SDSS name" in "".join(output.get("text", "") for output in outputs)
