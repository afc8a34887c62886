"""Continuum factors and lines: noise and gaps blur a galaxy, they do not move it."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.encoder.embed import FIT, load_encoder
from galspec_core.encoder.evidence import BACKGROUND, WIDTHS
from galspec_core.encoder.factors import HEIGHT, measure_excess, regress, solve
from galspec_core.encoder.lines import (
    CURVES,
    LINES,
    PAIRS,
    REACH,
    above_curves,
    continuum_pixels,
    line_templates,
    log_ratios,
)
from galspec_core.errors import ConfigError, TrainingError
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.shard import Gridded, write_gridded

GRID = dict(frame="rest", spacing="log", wave=[4800.0, 6800.0], pixels=1513)
ENTRY = dict(kind="factors", grid="wide", components=2, populations=2, iterations=8, fit_spectra=1000)
WAVE = Grid(**GRID).wavelengths
TEMPLATES = line_templates(GRID)
NAMES = list(LINES)
NOISE = 0.05


def make(n, seed=0, noise=NOISE, heights=True):
    """Return n spectra of two smooth shapes with an absorption at Hβ, a third of them with lines; and their truth."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(0, 1, (n, 2)) * [0.3, 0.1]
    x = np.linspace(-1, 1, GRID["pixels"])
    shapes = np.stack([x, np.cos(4 * x)])
    lines = np.zeros((n, len(LINES)))
    if heights:
        some = rng.random(n) < 0.3
        for name in ("Hα", "[N II] 6583", "[O III] 5007"):
            lines[some, NAMES.index(name)] = rng.uniform(0.2, 2, some.sum())
    absorption = 0.2 * np.exp(-0.5 * ((WAVE - 4862.68) / 3) ** 2)
    flux = 1 + factors @ shapes - absorption + lines @ TEMPLATES + rng.normal(0, noise, (n, GRID["pixels"]))
    ids = np.arange(n, dtype="u8") + np.uint64(2**63)
    ivar = np.full(flux.shape, 1 / noise**2, "f4")
    return Gridded(ids, np.full(n, 0.1, "f4"), flux.astype("f4"), ivar), factors, lines


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("factors")
    return fit(folder, make(400)[0])


def fit(folder, spectra, entry=ENTRY, grid=GRID):
    """Return the encoder fitted to spectra in two shards."""
    half = len(spectra) // 2
    shards = [folder / "0000.parquet", folder / "0001.parquet"]
    for path, part in zip(shards, (spectra[:half], spectra[half:]), strict=True):
        write_gridded(path, part)
    files = folder / "checkpoint", folder / "weights.safetensors", folder / "history.csv"
    FIT["factors"](entry, {}, grid, shards, spectra.specobjid[20:], spectra.specobjid[:20], *files)
    return load_encoder(files[1], {})


def test_line_heights_are_found_within_their_errors(encoder):
    spectra, _, lines = make(60, seed=1)
    _, heights, variance = encoder.coordinates(spectra.flux, spectra.ivar)
    for name in ("Hα", "[N II] 6583", "[O III] 5007"):
        place = NAMES.index(name)
        away = (heights[:, place] - lines[:, place]) / np.sqrt(variance[:, place])
        assert np.abs(away).max() < 5


def test_absorption_that_every_quiet_galaxy_has_is_no_line(encoder):
    spectra, _, _ = make(60, seed=2, heights=False)
    heights = encoder.coordinates(spectra.flux, spectra.ivar)[1]
    assert np.abs(heights[:, NAMES.index("Hβ")].mean()) < 0.01


def test_factors_span_the_shapes_that_made_the_spectra(encoder):
    spectra, factors, _ = make(200, seed=3)
    found = encoder.embed(spectra.flux, spectra.ivar)[:, :2]
    whole = np.hstack([found, np.ones((len(found), 1))])
    left = factors - whole @ np.linalg.lstsq(whole, factors, rcond=None)[0]
    assert (left.std(axis=0) / factors.std(axis=0) < 0.05).all()


def test_flux_where_ivar_is_zero_does_not_matter(encoder):
    spectra, _, _ = make(5, seed=4)
    ivar = spectra.ivar.copy()
    ivar[:, 300:700] = 0
    other = spectra.flux.copy()
    other[:, 300:700] = 7.0
    assert np.array_equal(encoder.embed(spectra.flux, ivar), encoder.embed(other, ivar))


def test_a_gap_hides_and_does_not_move(encoder):
    """With a third of the pixels gone the same galaxy is found where it was, within little of its spread."""
    spectra, _, _ = make(50, seed=5, noise=1e-3)
    ivar = spectra.ivar.copy()
    ivar[:, 200:700] = 0
    moved = encoder.embed(spectra.flux, spectra.ivar) - encoder.embed(spectra.flux, ivar)
    assert np.abs(moved[:, :2]).max() < 0.1
    assert np.abs(moved[:, 2 + NAMES.index("Hα")]).max() < 0.1


def test_the_fainter_a_spectrum_the_nearer_it_is_to_the_average_galaxy(encoder):
    spectra, _, _ = make(50, seed=6)
    embedded = [encoder.embed(spectra.flux, spectra.ivar * share)[:, :-1] for share in (1, 1e-2, 1e-4, 1e-9)]
    spread = [values.std(axis=0).mean() for values in embedded]
    assert spread == sorted(spread, reverse=True)
    assert spread[-1] < 1e-2
    average = encoder.population.share @ encoder.population.centre
    assert embedded[-1].mean(axis=0)[2:] == pytest.approx(average[2:], rel=0.02)


def test_a_line_that_noise_hides_is_believed_from_the_others(encoder):
    """Errors a thousand times as large at [N II]: galaxies with strong [O III] are known to have it."""
    spectra, _, lines = make(200, seed=16, noise=0.02)
    place = NAMES.index("[N II] 6583")
    ivar = np.where(TEMPLATES[place] > 1e-3, spectra.ivar * 1e-6, spectra.ivar)
    believed = encoder.embed(spectra.flux, ivar)[:, 2 + place]
    strong = lines[:, NAMES.index("[O III] 5007")] > 0.2
    assert believed[strong].min() > believed[~strong].max()


def test_two_noises_of_one_galaxy_are_nearer_than_two_galaxies(encoder):
    clean, _, _ = make(100, seed=7, noise=1e-4)
    rng = np.random.default_rng(8)
    first, second = (
        encoder.embed(clean.flux + rng.normal(0, s, clean.flux.shape).astype("f4"), np.full_like(clean.ivar, s**-2))
        for s in (0.04, 0.08)
    )
    distance = np.linalg.norm(first[:, None] - second[None], axis=-1)
    assert (np.diag(distance) < np.median(distance, axis=1)).mean() > 0.95
    assert np.median(np.diag(distance)) < 0.5 * np.median(distance)


def test_the_reconstruction_leaves_noise_alone(encoder):
    spectra, _, _ = make(100, seed=9)
    assert encoder.chi2(spectra.flux, spectra.ivar) == pytest.approx(1, rel=0.1)


def test_the_embedding_of_a_spectrum_does_not_depend_on_its_company(encoder):
    spectra, _, _ = make(30, seed=10)
    alone = encoder.embed(spectra.flux[7:8], spectra.ivar[7:8])
    assert np.allclose(encoder.embed(spectra.flux, spectra.ivar)[7:8], alone, atol=1e-4)


def test_a_galaxy_behind_shows_in_one_number_alone(encoder):
    """Three lines at z 0.5 behind z 0.1, of S/N 15 together."""
    spectra, _, _ = make(40, seed=11, heights=False)
    lines = sum(
        np.exp(-0.5 * ((np.log10(WAVE) - np.log10(wave * 1.5 / 1.1)) / 1.7e-4) ** 2) * height
        for wave, height in ((3728.5, 1.0), (4862.68, 0.5), (4960.30, 1 / 2.98), (5008.24, 1.0))
    )
    lines *= 15 * NOISE / np.sqrt((lines**2).sum())
    plain = encoder.embed(spectra.flux, spectra.ivar, spectra.z)
    lensed = encoder.embed(spectra.flux + lines.astype("f4"), spectra.ivar, spectra.z)
    moved = np.abs(lensed - plain).mean(axis=0)
    assert (moved[-1] > 3 * moved[:-1]).all()
    assert lensed[:, -1].min() > np.median(plain[:, -1])


def test_evidence_stands_beside_the_embedding(encoder):
    spectra, _, _ = make(30, seed=13)
    embedding, evidence = encoder.describe(spectra.flux, spectra.ivar, spectra.z)
    assert np.array_equal(embedding, encoder.embed(spectra.flux, spectra.ivar, spectra.z))
    assert evidence.shape == (
        30,
        len(NAMES) + 2 * len(WIDTHS) + 2 + len(BACKGROUND) + 1 + 2 * len(PAIRS) + 2 + len(CURVES),
    )
    assert np.isfinite(evidence).all()
    assert evidence.dtype == np.float32


def test_evidence_says_how_sure_a_line_is_and_not_how_strong(encoder):
    """Ten times the error, a tenth of the S/N of every line."""
    spectra, _, _ = make(50, seed=14)
    sure, unsure = (encoder.describe(spectra.flux, spectra.ivar * share)[1][:, : len(NAMES)] for share in (1, 1e-2))
    strong = np.abs(sure) > 4
    assert strong.any()
    assert np.median(np.sinh(sure[strong]) / np.sinh(unsure[strong])) == pytest.approx(10, rel=0.2)


def test_ratios_of_strong_lines_are_theirs_and_those_of_no_lines_are_one():
    heights = np.zeros((3, len(NAMES)))
    heights[0, NAMES.index("Hα")], heights[0, NAMES.index("[N II] 6583")] = 40.0, 10.0
    heights[0, NAMES.index("Hβ")], heights[0, NAMES.index("[O III] 5007")] = 10.0, 80.0
    heights[1] = -0.3
    found = log_ratios(heights)
    assert found.shape == (3, len(PAIRS) + 2)
    nitrogen, oxygen = found[0, :2]
    assert np.allclose([nitrogen, oxygen], np.log([1 / 4, 8]), atol=0.01)
    assert np.allclose(found[0, -2:], [oxygen - nitrogen, oxygen + nitrogen])
    assert np.allclose(found[1:], 0)


def test_a_liner_lies_above_the_curves_of_star_formation_and_below_that_of_seyferts():
    """[N II] = Hα, [O III] = 2 Hβ; then a Seyfert and a star-forming galaxy, ten thousand times brighter than the floor."""
    heights = np.zeros((3, len(NAMES)))
    for name, values in {"Hα": 1, "[N II] 6583": [1, 1, 0.3], "Hβ": 1, "[O III] 5007": [2, 10, 0.5]}.items():
        heights[:, NAMES.index(name)] = 150 * np.array(values)
    liner, seyfert, forming = above_curves(heights)
    assert liner[2] == pytest.approx(np.log10(2) - 0.45, abs=0.001)
    assert (liner > 0).tolist() == [True, True, False]
    assert (seyfert > 0).all()
    assert (forming[:2] < 0).all()
    assert (np.abs(above_curves(heights * [[0], [1], [1]])) <= REACH).all()


def test_ratios_in_the_evidence_are_those_of_the_lines_in_the_embedding(encoder):
    spectra, _, _ = make(30, seed=16)
    embedding, evidence = encoder.describe(spectra.flux, spectra.ivar, spectra.z)
    lines = HEIGHT * np.sinh(embedding[:, encoder.k : encoder.k + len(NAMES)])
    assert np.allclose(evidence[:, -len(PAIRS) - 5 : -3], log_ratios(lines), atol=1e-3)
    assert np.allclose(evidence[:, -3:], above_curves(lines), atol=1e-3)


def test_a_broad_hump_that_no_galaxy_has_is_the_strongest_feature_of_its_width(encoder):
    spectra, _, _ = make(20, seed=15, heights=False)
    hump = 0.1 * np.exp(-0.5 * ((np.log10(WAVE) - np.log10(5500)) / np.log10(1 + 1000 / 299792.458)) ** 2)
    plain, odd = (encoder.describe(flux, spectra.ivar)[1] for flux in (spectra.flux, spectra.flux + hump.astype("f4")))
    start = len(NAMES)
    highest = [start + 2 * i for i in range(len(WIDTHS))]
    gain = (np.sinh(odd[:, highest]) - np.sinh(plain[:, highest])).mean(axis=0)
    assert gain.argmax() == WIDTHS.index(1000.0)


def test_noise_that_the_errors_do_not_know_is_found_where_it_stands():
    """Galaxies at many redshifts, one bad observed stretch: neither the rest frame nor good pixels are doubted."""
    rng = np.random.default_rng(0)
    z, weight = rng.uniform(0, 0.05, 400), np.ones((400, 600), "f4")
    shifts = np.round(np.log10(1 + z) * 1e4).astype(int)
    residual = rng.normal(size=weight.shape)
    for row, shift in zip(residual, shifts, strict=True):
        row[300 - shift : 320 - shift] *= 4
    excess = measure_excess(residual, weight, z)
    assert excess[302:318].mean() == pytest.approx(4, rel=0.1)
    assert np.delete(excess[:600], np.arange(300, 320)).max() < 1.6


def test_without_a_redshift_a_spectrum_is_embedded_as_at_zero(encoder):
    spectra, _, _ = make(3, seed=12)
    assert np.array_equal(
        encoder.embed(spectra.flux, spectra.ivar), encoder.embed(spectra.flux, spectra.ivar, np.zeros(3))
    )


def test_solving_and_regressing_are_two_halves_of_one_product():
    """From exact coordinates the components come back, and from exact components the coordinates."""
    rng = np.random.default_rng(0)
    coordinates, components = rng.normal(size=(200, 3)), rng.normal(size=(3, 80)).astype("f4")
    x, weight = (coordinates @ components).astype("f4"), rng.uniform(0.5, 2, (200, 80)).astype("f4")
    assert np.allclose(solve(x, weight, components, 1e-9 * np.eye(3))[0], coordinates, atol=1e-3)
    assert np.allclose(regress(x, weight, coordinates, 1.0), components, atol=1e-2)


def test_the_covariance_is_that_of_many_noises():
    rng = np.random.default_rng(1)
    components, weight = rng.normal(size=(2, 50)).astype("f4"), rng.uniform(0.5, 5, 50).astype("f4")
    x = (rng.normal(size=(4000, 50)) / np.sqrt(weight)).astype("f4")
    found, covariance = solve(x, np.broadcast_to(weight, x.shape), components, np.zeros((2, 2)))
    assert np.allclose(np.cov(found.T), covariance[0], atol=4e-3)


def test_the_history_says_how_well_unseen_spectra_are_rebuilt(tmp_path):
    fit(tmp_path, make(100)[0])
    history = pd.read_csv(tmp_path / "history.csv")
    assert len(history) == 1
    assert history["validation_loss"].iloc[0] == pytest.approx(history["train_loss"].iloc[0], rel=0.2)


def test_lines_stand_apart_from_the_continuum():
    away = continuum_pixels(TEMPLATES)
    assert 0.7 < away.mean() < 0.95
    assert TEMPLATES[:, away].max() < 1e-3
    oiii = TEMPLATES[NAMES.index("[O III] 5007")]
    assert oiii[np.abs(WAVE - 4960.30).argmin()] == pytest.approx(1 / 2.98, rel=0.05)
    assert HEIGHT < 1


@pytest.mark.parametrize("change", [dict(frame="observed"), dict(spacing="linear")])
def test_a_grid_on_which_lines_move_is_refused(change):
    with pytest.raises(ConfigError, match="moves with the galaxy"):
        line_templates({**GRID, **change})


def test_too_few_spectra_are_named(tmp_path):
    with pytest.raises(TrainingError, match="too few spectra"):
        fit(tmp_path, make(22)[0])
