"""Residual light: what an encoder of known lines and factors leaves of a spectrum, and the S/N of a background galaxy in it.

The finders and the evidence figure share it: the model's residual on the rest-frame grid, its inverse variance with the noise
as it really is at each observed wavelength, and matched-filter S/N of the background lines at any redshift behind the galaxy.
"""

import numpy as np

from galspec_core.encoder.evidence import BACKGROUND, filter_background
from galspec_core.encoder.factors import MOST_Z
from galspec_core.spectra.spectrum import DLOGLAM


def residual_of(encoder, spectra):
    """Return what a FactorEncoder leaves of a Gridded of B spectra and its inverse variance: both [B, L] float32."""
    left, weight = encoder.left(spectra.flux, spectra.ivar)
    shifts = np.round(np.log10(1 + np.clip(spectra.z.astype("f8"), 0, MOST_Z)) / DLOGLAM).astype(int)
    excess = encoder.excess[shifts[:, None] + np.arange(encoder.pixels)]
    return left.astype("f4"), (weight / excess**2).astype("f4")


def filtered_lines(residual, weight, loglam):
    """Return the S/N [M, B, L] of each line of BACKGROUND at each pixel, the galaxy's own lines left out."""
    return np.stack(filter_background(residual, weight, loglam))


def lines_behind(filtered, loglam, z, z_source):
    """Return the S/N [B, S, M] of the background lines at trial redshifts z_source[B, S] behind galaxies at z[B].

    ``filtered`` [M, B, L] is on the galaxies' rest frame; 0 where a line is off the grid or not seen.
    """
    step = np.log10((1 + np.asarray(z_source)) / (1 + np.asarray(z)[:, None])) / DLOGLAM
    rows, found = np.arange(len(step))[:, None], []
    for (first, *_), snr in zip(BACKGROUND.values(), filtered, strict=True):
        place = np.round((np.log10(first[0]) - loglam[0]) / DLOGLAM + np.nan_to_num(step, nan=1e6)).astype(int)
        inside = (place >= 0) & (place < snr.shape[1])
        found.append(np.where(inside, snr[rows, np.clip(place, 0, snr.shape[1] - 1)], 0))
    return np.stack(found, axis=-1)


def joint(lines):
    """Return the root of the sum of the squares of positive S/N [..., M]."""
    return np.sqrt((np.maximum(lines, 0) ** 2).sum(axis=-1))
