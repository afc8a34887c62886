"""The page of an answer: whole HTML that asks the network for nothing, runs nothing, and escapes what it was given."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from galspec_core.figures.answer_page import page_name, write_page
from galspec_core.figures.links import SIMULATED
from galspec_core.figures.markup import page, tag
from galspec_core.figures.overlay import averaged, weighted_mean
from galspec_core.figures.svg import Axes, ticks
from galspec_core.search.answer import TOO_COARSE, Answer, as_text
from tests.test_notebook import Checker

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
WAVE = np.linspace(4000.0, 7000.0, 3000)


@pytest.fixture
def answer():
    """Give an answer with three neighbours, one of them without weight and lines."""
    near = pd.DataFrame(
        {
            "rank": [1, 2, 3], "specobjid": np.array([2**63, 7, 8], dtype="u8"), "plate": 8200, "mjd": 57000, "fiberid": [1, 2, 3],
            "class": ["LINER", "SF", "SF"], "z": 0.1, "snr": 9.0, "distance": [1.0, 2.0, 3.0], "weight": [0.6, 0.4, 0.0],
            "log_nii_ha": [0.1, -0.5, np.nan], "log_oiii_hb": [0.3, 0.0, np.nan],
        }
    )  # fmt: skip
    flux, ivar = 1 + 0.1 * np.sin(WAVE / 300), np.where((WAVE > 5000) & (WAVE < 5100), 0.0, 4.0)
    shares = {"LINER": 0.6, "SF": 0.4}
    return Answer(
        "mine", 0, False, 0.1, "classes", "galspec", "LINER", 0.6, 0.8, True, shares, near, WAVE, flux, ivar, (0.0, 0.2)
    )  # fmt: skip


@pytest.fixture
def spectra(answer):
    return {int(name): (WAVE, answer.flux + 0.1, answer.ivar) for name in answer.neighbours["specobjid"]}


def written(tmp_path, *arguments):
    write_page(tmp_path / "page.html", *arguments)
    text = (tmp_path / "page.html").read_text()
    checker = Checker()
    checker.feed(text)
    assert [name for name in checker.open if name != "meta"] == []
    return text, checker.seen


def test_lines_behind_are_told_or_why_none_were_looked_for(tmp_path, answer, spectra):
    lines = "lines at z 0.35 behind it"
    assert lines in written(tmp_path, replace(answer, behind=lines), spectra)[0]
    assert TOO_COARSE in written(tmp_path, replace(answer, coarse=True), spectra)[0]
    assert "behind it" not in written(tmp_path, answer, spectra)[0]


def test_it_is_whole_and_needs_no_network(tmp_path, answer, spectra):
    text, seen = written(tmp_path, answer, spectra, "runs/demo")
    assert not {"script", "img", "link", "iframe", "object", "form"} & seen
    assert "default-src &#x27;none&#x27;" in text
    assert not re.search(r"url\(|@import|src=", text)
    assert set(re.findall(r'https?://[^"]*', text)) == {
        f"https://skyserver.sdss.org/dr16/en/tools/explore/summary.aspx?sid={name}" for name in (2**63, 7, 8)
    }
    for words in ("LINER, 60% of the vote, probability 0.80", "runs/demo", "Kewley 2001", "2 of 3 neighbours"):
        assert words in text


def test_simulated_galaxies_lead_nowhere(tmp_path, answer, spectra):
    text, _ = written(tmp_path, answer, spectra, "runs/demo", "simulated")
    assert "skyserver" not in text
    assert SIMULATED in text


def test_a_neighbour_has_one_name_on_the_page_and_in_the_terminal(tmp_path, answer, spectra):
    old = replace(answer, neighbours=answer.neighbours.assign(plate=266, mjd=51630))
    assert all("0266-51630-0002" in text for text in (written(tmp_path, old, spectra)[0], as_text(old)))


def test_desi_s_neighbours_are_named_and_found_by_their_targetid(tmp_path, answer, spectra):
    near = answer.neighbours.assign(plate=266, mjd=0, fiberid=0)
    text, _ = written(tmp_path, replace(answer, neighbours=near), spectra, "runs/demo", "desi")
    assert 'desi-spectrum/dr1/targetid7" rel="noreferrer">7</a>' in text
    assert "skyserver" not in text


def test_whatever_was_given_is_shown_as_text(tmp_path, answer, spectra):
    near = answer.neighbours.assign(**{"class": EVIL})
    evil = replace(answer, name=EVIL, task=EVIL, method=EVIL, predicted=EVIL, shares={EVIL: 1.0}, neighbours=near)
    text, seen = written(tmp_path, evil, spectra, EVIL)
    assert not {"script", "img"} & seen
    assert "<script>" not in text
    assert text.count("&lt;script&gt;") >= 6


def test_nothing_known_of_lines_neighbours_or_pixels_still_gives_a_page(tmp_path, answer):
    bare = replace(answer, ratios=(np.nan, np.nan), probability=np.nan, known=False, ivar=np.zeros(len(WAVE)))
    text, _ = written(tmp_path, bare, {}, "")
    assert "don&#x27;t know" in text
    assert "too faint" in text
    assert "nan" not in re.sub(r"[a-z]+nan[a-z]+", "", text)
    written(tmp_path, replace(answer, neighbours=answer.neighbours.head(0)), {}, "")


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("", "Of this spectrum the lines are too faint. Curves"),
        ("this run measures no lines", "This run measures no lines. Curves"),
        ("its lines were not measured: a: b. Do c.", "Its lines were not measured: a: b. Do c. Curves"),
    ],
)
def test_lines_are_called_faint_only_where_someone_measured_them(tmp_path, answer, why, said):
    text, _ = written(tmp_path, replace(answer, ratios=(np.nan, np.nan), unmeasured=why), {}, "")
    assert said in text
    assert ("too faint" in text) == (not why)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("spec-0266-51630-0012.fits", "galspec-search-spec-0266-51630-0012.html"),
        ("../../etc/passwd", "galspec-search-_.._etc_passwd.html"),
        ("", "galspec-search-spectrum.html"),
        ("..", "galspec-search-spectrum.html"),
        ("a b\n<c>.CSV", "galspec-search-a_b_c_.html"),
        ("x" * 500, f"galspec-search-{'x' * 120}.html"),
    ],
)
def test_a_page_stays_in_its_folder_whatever_the_name(name, expected):
    assert page_name(name) == expected


def test_elements_escape_text_and_attributes():
    assert tag("p", "a<b", tag("b", "&"), title='"x"') == '<p title="&quot;x&quot;">a&lt;b<b>&amp;</b></p>'
    assert "<title>&lt;/title&gt;</title>" in page("</title>", "", "")


def test_means_leave_holes_open():
    flux = np.where(WAVE < 5500, 1.0, 3.0)
    found = averaged(WAVE, flux, (WAVE < 5000) | (WAVE > 6000), np.linspace(4000, 7000, 31))
    np.testing.assert_allclose(found[:10], 1)
    assert np.isnan(found[10:20]).all()
    np.testing.assert_allclose(found[21:30], 3)


def test_a_mean_is_by_weight_of_those_that_see_a_pixel():
    near = [np.array([1.0, 1.0, np.nan]), np.array([3.0, np.nan, np.nan])]
    np.testing.assert_allclose(weighted_mean(near, np.array([3.0, 1.0])), [1.5, 1.0, np.nan])
    np.testing.assert_allclose(weighted_mean(near, np.zeros(2)), [2.0, 1.0, np.nan])


def test_ticks_are_round_and_few():
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(3500, 9100) == [4000, 5000, 6000, 7000, 8000, 9000]
    for low, high in ((0.01, 0.013), (-3e5, 2e6), (-1e-9, 1e-9)):
        assert 2 <= len(ticks(low, high)) <= 7


def test_a_line_is_broken_at_holes_and_stays_inside():
    line = Axes(0, 0, 100, 100, (0, 1), (0, 1)).line([0, 0.5, np.nan, 1], [0, 99, 0.5, 1])
    assert 'd="M0.0 100.0L50.0 0.0M100.0 0.0"' in line
