"""What the page of candidates holds: spectra come back as they were packed, and no text of it is markup."""

import json
import re
import zlib
from base64 import b64decode

import numpy as np
import pytest

from galspec_core.figures.page import as_json, policy
from galspec_core.figures.vetting import BAD, STEPS, pack, pack_spectrum, run_name
from tests.figures.conftest import EVIL, GRID, gridded, write_ring_page


def unpack(text, n, part, summed):
    """Read back what ``pack`` wrote, as the page does."""
    planes = np.frombuffer(zlib.decompress(b64decode(text)), "u1").reshape(-1, n).astype("i4")
    folded = planes[2 * part] | planes[2 * part + 1] << 8
    values = (folded >> 1) ^ -(folded & 1)
    return np.cumsum(values).astype("i2") if summed else values.astype("i2")


def test_packed_numbers_come_back():
    rng = np.random.default_rng(0)
    rows = rng.integers(-32000, 32000, 500), rng.integers(-5, 5, 500)
    text = pack((rows[0], True), (rows[1], False))
    np.testing.assert_array_equal(unpack(text, 500, 0, True), rows[0])
    np.testing.assert_array_equal(unpack(text, 500, 1, False), rows[1])


def test_a_packed_spectrum_is_itself_within_a_fraction_of_its_error():
    one = gridded([1])
    packed = pack_spectrum(one.flux[0], one.ivar[0], np.full(GRID.pixels, 0.8))
    model, left, error = (
        unpack(packed["data"], packed["n"], i, summed) for i, summed in enumerate((True, False, True))
    )
    flux = model * STEPS["model"] + left * STEPS["residual"] * np.exp(error * STEPS["error"])
    good = one.ivar[0] > 0
    assert (error[~good] == BAD).all()
    assert (error[good] > STEPS["bad"]).all()
    assert np.abs(flux - one.flux[0])[good].max() <= 0.5 * STEPS["residual"] * 0.1 * 1.02
    assert (packed["start"], packed["n"]) == (0, GRID.pixels)


def test_json_in_the_page_holds_no_markup_and_no_nan():
    text = as_json({"reason": EVIL})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"reason": EVIL}
    with pytest.raises(ValueError, match="JSON compliant"):
        as_json({"z": float("nan")})


def test_the_policy_allows_this_script_and_style_alone(page):
    html = page[0].read_text()
    said = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1]
    style, script = (
        re.search(r"<style>(.*?)</style>", html, re.S)[1],
        re.findall(r"<script>(.*?)</script>", html, re.S)[-1],
    )
    assert said == policy(style, script)
    assert said.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in said
    assert "http" not in said


def test_the_page_names_other_hosts_only_in_links(page):
    html = page[0].read_text()
    assert set(re.findall(r"https?://[\w.]+", html)) == {"https://skyserver.sdss.org", "https://www.legacysurvey.org"}
    assert not re.findall(r"<(?:link|img|iframe|object|embed)\b", html.split('<script type="application/json"')[0])


def test_a_page_of_a_simulated_survey_knows_no_spectrum_elsewhere(tmp_path):
    path, data = write_ring_page(tmp_path, "simulated")
    assert "skyserver" not in path.read_text()
    assert data["link"] == ""


def test_identifiers_beyond_2_to_the_53_are_text(page):
    assert page[1]["candidates"][0]["id"] == str(2**63 + 1)
    assert page[1]["targets"][0]["label"] == "Ring"


def test_two_runs_of_one_name_keep_their_marks_apart(tmp_path):
    assert run_name(tmp_path / "a/demo") != run_name(tmp_path / "b/demo")
    assert run_name(tmp_path / "a/demo").startswith("demo-")
