"""Lines of a spectrum that is asked about: its own, and those of a galaxy behind it."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from galspec_core.search.answer import TOO_COARSE, as_json, as_text
from galspec_core.search.finder import Finder
from galspec_core.search.own_lines import measure_lines
from galspec_core.spectra.own import from_arrays
from tests.finished_run import HEIGHTS
from tests.search.conftest import own_of


def test_line_ratios_are_those_of_the_simulated_lines(finished_run, finder):
    """Heights over the continuum: fluxes over each other, but for the slope of the continuum between two near lines."""
    folder, table = finished_run
    row = next(table[(table["side"] == "test") & (table["label"] == "LINER")].itertuples())
    _, oiii, ha, nii = HEIGHTS["LINER"]
    ratios = measure_lines(own_of(folder, row).spectrum, finder._line_encoder)[0]
    assert ratios[0] == pytest.approx(np.log10(nii / ha), abs=0.25)
    assert ratios[1] == pytest.approx(np.log10(oiii / HEIGHTS["LINER"][0]), abs=0.25)
    normal = next(table[(table["side"] == "test") & (table["label"] == "Normal")].itertuples())
    assert np.isnan(measure_lines(own_of(folder, normal).spectrum, finder._line_encoder)[0]).all()
    assert np.isnan(measure_lines(own_of(folder, row).spectrum, None)[0]).all()


@pytest.fixture
def copy(finished_run, tmp_path):
    """Give a copy of the run that a test may change."""
    return Path(shutil.copytree(finished_run[0], tmp_path / "copy"))


def test_why_no_lines_were_measured_is_told(copy, finder, own):
    assert finder.search([own])[0].unmeasured == ""
    config, said = copy / "results/encoder/galspec/config.json", []
    whole = config.read_text()
    for damaged in ("{", "[]", '{"entry": {}}'):
        config.write_text(damaged)
        answer = Finder.open(copy, method="pca", say=said.append).search([own, own])[0]
        assert answer.unmeasured == "this run measures no lines: " + said[-1].removeprefix("no lines are measured: ")
        assert f"{config}: is damaged: no encoder's configuration" in said[-1]
        assert np.isnan(answer.ratios).all()
    assert len(said) == 3
    config.write_text(whole)
    (copy / "results/encoder/galspec/weights.safetensors").write_bytes(b"")
    answer = Finder.open(copy, method="pca", say=said.append).search([own])[0]
    assert "no encoder weights can be read" in answer.unmeasured
    config.unlink()
    answer = Finder.open(copy, method="pca").search([own])[0]
    assert answer.unmeasured == "this run measures no lines"


def test_lines_are_measured_by_the_encoder_that_answers_where_it_can(copy, own):
    """Another of the same kind that stands before it in the alphabet, and measures nothing of the kind, is not asked."""
    galspec, other = copy / "results/encoder/galspec", copy / "results/encoder/a"
    shutil.copytree(galspec, other)
    (other / "weights.safetensors").write_bytes(b"")
    assert Finder.open(copy, method="galspec").search([own])[0].unmeasured == ""
    assert str(other) in Finder.open(copy, method="pca").search([own])[0].unmeasured


def lens_of(folder, table):
    """Return a normal galaxy with [O II] and [O III] of one at z = 0.35, 2 Angstrom wide in its frame."""
    own = own_of(folder, next(table[(table["side"] == "test") & (table["label"] == "Normal")].itertuples()))
    flux = own.spectrum.flux.copy()
    for wave in (3728.5, 5008.24):
        flux += np.median(flux) * np.exp(-0.5 * ((own.spectrum.wave / 1.35 - wave) / 2.0) ** 2)
    return replace(own, spectrum=replace(own.spectrum, flux=flux))


def test_lines_of_a_galaxy_behind_are_told(finished_run, finder):
    """Without the lines nothing is said."""
    folder, table = finished_run
    told = finder.search([lens_of(folder, table)])[0]
    assert told.behind.startswith("lines at z 0.350")
    assert told.behind in as_text(told)
    assert as_json(told)["behind"] == told.behind
    own = own_of(folder, next(table[(table["side"] == "test") & (table["label"] == "Normal")].itertuples()))
    assert finder.search([own])[0].behind == ""


def test_no_lines_behind_are_looked_for_in_wide_pixels_and_that_is_said(finished_run, finder):
    """The lines above, in pixels as they are and in those of 4 native ones: the threshold was set on native pixels."""
    folder, table = finished_run
    own = lens_of(folder, table)
    spectrum, wide = own.spectrum, len(own.spectrum.flux) // 4
    assert finder.search([own])[0].behind != ""
    wave, flux, ivar = (
        values[: 4 * wide].reshape(wide, 4).mean(axis=1) for values in (spectrum.wave, spectrum.flux, spectrum.ivar)
    )
    found = finder.search([from_arrays("wide", spectrum.z, wave, flux, 4 * ivar)])[0]
    assert (found.behind, found.coarse) == ("", True)
    assert found.predicted == finder.search([own])[0].predicted
    assert TOO_COARSE in as_text(found)
    assert as_json(found)["coarse"]
