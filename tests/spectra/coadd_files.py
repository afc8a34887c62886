"""Coadd files as DESI's data model has them, with known spectra."""

import numpy as np
from astropy.io import fits

WAVE = {"B": 3600 + 0.8 * np.arange(2751), "R": 5760 + 0.8 * np.arange(2326), "Z": 7520 + 0.8 * np.arange(2881)}
BASE = 39_627_000_000_000_000  # of a TARGETID: 17 digits, beyond what a float64 holds


def arms(n, seed=0, flux=None, ivar=4.0):
    """Return {arm: dict(WAVELENGTH, FLUX, IVAR, MASK)} of ``n`` targets: ``flux`` of a wavelength, plus noise where seeded."""
    rng, found = np.random.default_rng(seed), {}
    for arm, wave in WAVE.items():
        values = np.tile((flux or np.ones_like)(wave), (n, 1))
        values = values if seed is None else values + rng.normal(size=values.shape) / np.sqrt(ivar)
        found[arm] = dict(
            WAVELENGTH=wave, FLUX=values.astype("f4"), IVAR=np.full(values.shape, ivar, "f4"),
            MASK=np.zeros(values.shape, "u4"),
        )  # fmt: skip
    return found


def write_coadd(path, targetids, images, packed=True):
    """Write a coadd file; masks are ``packed`` as DESI's are, or plain."""
    ids = fits.Column("TARGETID", "K", array=np.asarray(targetids, "i8"))
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU.from_columns([ids], name="FIBERMAP")]
    for arm, kinds in images.items():
        for kind, values in kinds.items():
            made = fits.CompImageHDU if kind == "MASK" and packed else fits.ImageHDU
            hdus.append(made(np.asarray(values), name=f"{arm}_{kind}"))
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path
