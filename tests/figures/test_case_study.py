"""Table B2 and figure B1 show a spectrum with the neighbours that labelled it."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from galspec_core.catalogs.bpt import paper_b1, schawinski2007
from galspec_core.errors import SearchError
from galspec_core.figures.case_study import case_curves, draw_case
from galspec_core.search.case import case_table, find_case, side
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.vote import VoteSettings
from galspec_core.spectra.grid import Grid

BASE, N = 2**63, 12
GRID = Grid("rest", "log", (3500.0, 7000.0), 3011)
IDS = np.arange(BASE, BASE + N, dtype="u8")


@pytest.fixture
def manifest():
    numbers = np.arange(N)
    columns = dict(plate=300 + numbers, mjd=52000, fiberid=7, z=0.05 + numbers / 100, snr=30.0 - numbers)
    return pd.DataFrame({"specobjid": IDS, "position": IDS} | columns)


@pytest.fixture
def roles():
    rows = [(BASE + 8, "SF"), (BASE + 10, "Lens+LINER"), (BASE + 9, "LINER"), (BASE + 7, "SF")]
    frame = pd.DataFrame(rows, columns=["specobjid", "label"]).astype({"specobjid": "uint64"})
    return frame.assign(task="classes", role="test")


@pytest.fixture
def labels():
    words = [["LINER"], ["LINER"], ["Seyfert"], *[["SF"]] * (N - 3)]
    ratios = dict(log_nii_ha=[0.1, 0.1, 0.2, *[np.nan] * (N - 3)], log_oiii_hb=[0.3, 0.2, 0.9, *[0.1] * (N - 3)])
    return pd.DataFrame({"specobjid": IDS, "labels": words} | ratios)


@pytest.fixture
def base(manifest, labels):
    """Return a knowledge base of all spectra on a line, at 0, 1, 2 …; the last is in no seed 0."""
    metadata = manifest.assign(label=["+".join(words) for words in labels["labels"]])
    metadata["seeds"] = [[0, 1]] * (N - 1) + [[1]]
    return KnowledgeBase.build(np.arange(N, dtype="f4")[:, None], metadata)


def table_of(base, manifest, labels, at=0.0):
    settings = VoteSettings(scale="paper")
    return case_table(BASE, base, settings, 0, np.array([at], "f4"), manifest, labels)


def test_auto_is_the_papers_spectrum_where_the_manifest_has_it(manifest, roles):
    manifest.loc[3, ["plate", "mjd", "fiberid"]] = (881, 52368, 36)
    assert find_case("auto", manifest, roles) == BASE + 3


def test_auto_is_else_the_best_test_liner_then_the_best_test_spectrum(manifest, roles):
    assert find_case("auto", manifest, roles) == BASE + 9
    assert find_case("auto", manifest, roles[roles["label"] == "SF"]) == BASE + 7
    with pytest.raises(SearchError, match="no test spectrum"):
        find_case("auto", manifest, roles.head(0))


@pytest.mark.parametrize("spec", ["304-52000-7", BASE + 4, str(BASE + 4), "0304-52000-0007"])
def test_a_spectrum_is_named_by_fibre_or_specobjid(spec, manifest, roles):
    assert find_case(spec, manifest, roles) == BASE + 4


@pytest.mark.parametrize("spec", ["881-52368-36", 17, "spec-0881", "1-2", -5, "", 2**70])
def test_a_spectrum_that_is_not_there_is_an_error(spec, manifest, roles):
    with pytest.raises(SearchError):
        find_case(spec, manifest, roles)


def test_the_papers_line_puts_more_galaxies_among_liners_than_schawinskis():
    # The two lines at log [N II]/Ha = 0: 0.77 as eq. B1 prints it, 0.45 of Schawinski et al. (2007).
    assert side(paper_b1, [0.0, 0.0], [0.76, 0.78]).tolist() == ["LINER", "Seyfert"]
    assert side(schawinski2007, [0.0, 0.0], [0.44, 0.46]).tolist() == ["LINER", "Seyfert"]
    assert side(paper_b1, [np.nan, 0.0], [0.0, np.nan]).tolist() == ["", ""]


def test_the_table_holds_the_query_and_its_neighbours_but_never_itself(base, manifest, labels):
    table = table_of(base, manifest, labels)
    assert table["rank"].tolist() == [0, 1, 2, 3]
    assert table["specobjid"].dtype == np.dtype("uint64")
    assert table["specobjid"].tolist() == [BASE, BASE + 1, BASE + 2, BASE + 3]
    assert table["class"].tolist() == ["LINER", "LINER", "Seyfert", "SF"]
    assert table["distance"].tolist()[1:] == [1, 2, 3]
    powers = np.exp([-1.0, -2.0, -3.0])
    assert table["weight"].tolist()[1:] == pytest.approx(powers / powers.sum())
    assert table.loc[0, "winning_share"] == pytest.approx(powers[0] / powers.sum())
    assert table["predicted"].tolist() == ["LINER", "", "", ""]
    assert table["winning_share"].isna().sum() == 3


def test_ratios_and_sides_are_those_of_the_catalogue_and_empty_where_unmeasured(base, manifest, labels):
    table = table_of(base, manifest, labels)
    assert table["schawinski2007"].tolist() == ["LINER", "LINER", "Seyfert", ""]
    assert table["paper_b1"].tolist() == ["LINER", "LINER", "LINER", ""]
    assert np.isnan(table.loc[3, "log_nii_ha"])
    assert table["z"].tolist() == pytest.approx([0.05, 0.06, 0.07, 0.08])


def test_only_the_seeds_entries_vote_and_a_spectrum_without_label_may_ask(base, manifest, labels):
    table = table_of(base, manifest, labels[labels["specobjid"] != BASE], at=N - 1.0)
    assert table["specobjid"].tolist()[1:] == [BASE + N - 2, BASE + N - 3, BASE + N - 4]
    assert table.loc[0, "class"] == "unlabelled"
    assert np.isnan(table.loc[0, "log_nii_ha"])


def test_the_figure_draws_its_csv(base, manifest, labels):
    table = table_of(base, manifest, labels)
    rng = np.random.default_rng(0)
    spectra = {int(i): (1 + 0.1 * rng.normal(size=3011), np.ones(3011)) for i in table["specobjid"]}
    spectra[BASE][1][2700:] = 0  # a spectrum that ends at 6517 Angstrom
    curves = case_curves(table, spectra, GRID)
    assert set(curves.loc[curves["panel"] == "[O I]", "series"]) == set("0123")
    query = curves[(curves["panel"] == "[O I]") & (curves["series"] == "0")]
    inside = np.isin(GRID.wavelengths, query["x"])
    assert np.allclose(query["y"], spectra[BASE][0][inside])
    red = curves[(curves["panel"] == "spectrum") & (curves["series"] == "0") & (curves["x"] > 6520)]
    assert red["y"].isna().all()
    assert set(curves.loc[curves["panel"] == "BPT", "series"]) >= {"0", "1", "2", "eq. B1 of the paper"}
    assert "3" not in set(curves.loc[curves["panel"] == "BPT", "series"])
    figure = draw_case(table, curves, "pca")
    key = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert "lines not measured:\nneighbour 3" in key
    assert any(text.startswith("1: LINER, z 0.0600, distance 1, weight 0.665") for text in key)
    plt.close(figure)
