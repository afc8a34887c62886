"""One simulated spectrum: starlight, gas, what is injected, noise."""

from dataclasses import dataclass, field

import numpy as np

from galspec_core.mock.features import (
    FAKE_OF_C,
    GRADES,
    OUTLIERS,
    background_emitter,
    scaled,
    significance,
    source_redshift,
)
from galspec_core.mock.lines import LOG_EW, WAVES, line, line_areas, spectrum_of_lines
from galspec_core.mock.noise import BOSS, SDSS, bad_pixels, calibration, draw_noise, noise_of_plate
from galspec_core.mock.stars import WAVE, attenuation, d4000, starlight

HOSTS = {  # share of star-formation histories behind each class
    "Normal": {"passive": 0.93, "mixed": 0.07},
    "LRG": {"passive": 1.0},
    "Lens": {"passive": 1.0},
    "LINER": {"passive": 0.85, "mixed": 0.15},
    "Seyfert": {"passive": 0.5, "mixed": 0.4, "starburst": 0.1},
    "Composite": {"passive": 0.2, "mixed": 0.6, "starburst": 0.2},
    "SF": {"mixed": 0.35, "starburst": 0.65},
}
FAINT = {"Normal": 0.55, "LRG": 0.40, "Lens": 0.40}  # share of passive galaxies with a trace of LINER-like lines
CATALOG_LINES = ("hb", "oiii", "ha", "nii")
DEPTH = 5.0  # the line catalogues' errors are those of data this much deeper, as labels of bright parents are
LENS_SN = (5.0, 35.0)  # matched-filter S/N of injected background lines, log-uniform
UNSEEN = 1e-6  # S/N per unit of flux below which a line is off the detector: flux and error are 0
OUTLIER_SN = (8.0, 120.0)  # of injected oddities, log-uniform


@dataclass(frozen=True)
class Galaxy:
    """A galaxy without noise on its instrument's pixels, in units of its own level, and what is true of it."""

    flux: np.ndarray
    lines: dict
    sigma: float
    truth: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Observation:
    """What one spectrum shows: flux, ivar, and_mask, its S/N, measured line fluxes {name: (flux, error)}, the truth."""

    flux: np.ndarray
    ivar: np.ndarray
    and_mask: np.ndarray
    snr: float
    measured: dict
    truth: dict


def instrument_of(plan):
    """Return the spectrograph of a plan."""
    return SDSS if plan.instrument == "SDSS" else BOSS


def make_galaxy(plan):
    """Return the noise-free galaxy of a plan: the same for its repeats."""
    rng = np.random.default_rng(plan.seed)
    kind = _kind_of_host(plan.kind, rng)
    history = _history(kind, rng)
    vdisp = float(np.clip(rng.normal(190 if history == "passive" else 110, 45), 50, 330))
    e_bv = abs(rng.normal(0.04, 0.04)) if history == "passive" else abs(rng.normal(0.22, 0.12))
    metallicity = 10 ** rng.uniform(0.05, 0.40) if history == "passive" else 10 ** rng.uniform(-0.4, 0.3)
    stars, age = starlight(history, vdisp, e_bv, metallicity, rng)
    wave = instrument_of(plan).wave
    flux = np.interp(wave, WAVE * (1 + plan.z), stars)
    areas = _gas(kind, stars, plan.z, e_bv, rng)
    sigma = float(np.clip(rng.normal(0.75 * vdisp, 25), 50, 280))
    flux = flux + spectrum_of_lines(wave, areas, plan.z, sigma)
    ew = areas.get("ha", 0.0) / max(float(np.interp(WAVES["ha"], WAVE, stars)) * (1 + plan.z), 1e-9)
    facts = dict(vdisp=vdisp, age=age, d4000=d4000(stars), ha_ew=ew, metallicity=metallicity, e_bv=e_bv, host=kind)
    return Galaxy(flux, areas, sigma, facts)


def _history(kind, rng):
    """Draw a star-formation history: active nuclei sit in every kind of host, in some more often than in others."""
    names, shares = zip(*HOSTS[kind].items(), strict=True)
    return str(rng.choice(names, p=shares))


def _kind_of_host(kind, rng):
    """Return the class of the galaxy in which an oddity sits; other kinds are their own."""
    return kind if kind != "Outlier" else ("Normal" if rng.random() < 0.6 else "SF")


def _gas(kind, stars, z, e_bv, rng):
    """Return observed line areas in units of the galaxy's level times Angstrom."""
    gas = kind if kind in LOG_EW else ("LINER" if rng.random() < FAINT[kind] else None)
    if gas is None:
        return {}
    mean, scatter = LOG_EW[gas] if kind in LOG_EW else (-0.10, 0.30)
    ew = 10 ** rng.normal(mean, scatter)
    ha = ew * float(np.interp(WAVES["ha"], WAVE, stars)) * (1 + z)  # observed width grows by 1 + z
    dust = float(attenuation(np.array([WAVES["hb"]]), 0.3 * e_bv)[0])
    areas = line_areas(gas, e_bv, rng)
    if kind not in LOG_EW:  # a trace: too faint in Hb and [O III] for either catalogue to class it
        areas |= {name: 0.2 * areas[name] for name in ("hb", "hg", "hd", "oiii", "oiii_a")}
    return {name: area * ha * (dust if WAVES[name] < 4500 else 1.0) for name, area in areas.items()}


def observe(plan, galaxy):
    """Return one observation of a galaxy, with what its kind has injected."""
    rng = np.random.default_rng(plan.noise_seed)
    wave = instrument_of(plan).wave
    sigma, sky, between = noise_of_plate(wave, rng)
    window = (wave > 5600) & (wave < 7000)
    level = plan.snr / np.median(galaxy.flux[window] / sigma[window])
    flux = galaxy.flux * level * calibration(wave, rng)
    photons = 0.6 + 0.4 * np.clip(galaxy.flux / np.median(galaxy.flux), 0.2, 6)  # the object's own light
    sigma = sigma * np.sqrt(photons)
    bad, and_mask = bad_pixels(wave, rng)
    ivar = np.where(bad, 0.0, 1 / sigma**2)
    change, truth = inject(plan, wave, flux, ivar, rng)
    clean = flux + change
    observed = np.where(bad, 0.0, clean + draw_noise(wave, sigma, sky, between, rng))
    snr = float(np.median((np.abs(clean) * np.sqrt(ivar))[~bad]))
    measured, line_sn = measure_lines(wave, galaxy, plan.z, level, ivar, rng)
    facts = galaxy.truth | truth | line_sn | dict(snr=snr)
    return Observation(observed.astype("f4"), ivar.astype("f4"), and_mask, snr, measured, facts)


def inject(plan, wave, flux, ivar, rng):
    """Return the change of flux of a lens or outlier, and the truth about it; nothing for other kinds."""
    truth = dict(subtype="", z_source=np.nan, injected_sn=0.0, grade="")
    if plan.kind == "Lens":
        truth["grade"] = str(rng.choice(list(GRADES), p=list(GRADES.values())))
        truth["z_source"] = source_redshift(plan.z, wave, rng)
        change = background_emitter(wave, truth["z_source"], rng)
        fake = truth["grade"].startswith("C") and rng.random() < FAKE_OF_C
        target = 0.0 if fake else log_uniform(LENS_SN, rng)
    elif plan.kind == "Outlier":
        truth["subtype"] = str(rng.choice(list(OUTLIERS), p=[share for share, _ in OUTLIERS.values()]))
        change = OUTLIERS[truth["subtype"]][1](wave, plan.z, float(np.median(flux)), rng)
        target = log_uniform(OUTLIER_SN, rng)
    else:
        return np.zeros_like(flux), truth
    change, truth["injected_sn"] = scaled(change, ivar, target)
    return change, truth


def log_uniform(span, rng):
    """Draw a number between the ends of ``span``, uniform in its logarithm."""
    return float(10 ** rng.uniform(*np.log10(span)))


def measure_lines(wave, galaxy, z, level, ivar, rng):
    """Return the line fluxes that a catalogue would list, {name: (flux, error)}, and the S/N of each in this spectrum."""
    measured, line_sn = {}, {}
    for name in CATALOG_LINES:
        shape = line(wave, WAVES[name] * (1 + z), galaxy.sigma)
        unit = significance(shape, ivar)
        area = galaxy.lines.get(name, 0.0) * level
        line_sn[f"{name}_sn"] = area * unit
        error = 1 / (unit * DEPTH) if unit > UNSEEN else 0.0
        measured[name] = (area + rng.normal(0, error), error) if error else (0.0, 0.0)
    return measured, line_sn
