"""Noise as the SDSS spectrographs make it: sky, OH lines, residuals, lost pixels.

The shape of the noise is a hand-made curve through round numbers, the OH lines stand where the night sky has them
(Osterbrock et al. 1996), and how far residuals pass the pipeline's own error is chosen to look like sky fibres.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

DLOGLAM = 1e-4
BITS = {"FULLREJECT": 1 << 18, "BRIGHTSKY": 1 << 23, "NODATA": 1 << 24}  # SPPIXMASK
LEVEL = (  # wavelength in Angstrom, noise in 1e-17 erg/s/cm2/Angstrom for a plate of usual depth
    (3550, 4.5), (3700, 2.6), (3800, 2.1), (3900, 1.62), (4100, 1.20), (4400, 0.86), (4800, 0.70), (5200, 0.60), (5600, 0.64),
    (5900, 0.72), (6050, 0.55), (6250, 0.42), (6600, 0.35), (7000, 0.35), (7400, 0.38), (7800, 0.45), (8200, 0.49), (8600, 0.65),
    (8900, 0.82), (9200, 0.98), (9600, 1.10), (10000, 1.6), (10400, 3.0),
)  # fmt: skip
SKY_LINES = (  # vacuum Angstrom, noise over the continuum's at the line
    (4360, 1.5), (5462.6, 1.6), (5578.9, 4.8), (5891.6, 2.4), (5897.6, 2.0), (6236, 1.4), (6302.0, 2.5), (6365.5, 1.6), (6500, 1.4),
    (6534, 1.4), (6555, 1.4), (6578, 1.4), (6831, 1.8), (6866, 2.2), (6891, 1.4), (6914, 1.5), (6925, 1.8), (6951, 1.9),
    (6980, 1.6), (7243, 2.5), (7279, 3.1), (7306, 1.7), (7318, 2.8), (7332, 1.9), (7343, 3.0), (7361, 1.7), (7372, 2.6),
    (7404, 1.9), (7440, 1.5), (7526, 2.0), (7574, 1.6), (7602, 2.7), (7631, 2.0), (7717, 2.3), (7753, 2.7), (7796, 2.3),
    (7823, 2.6), (7843, 1.5), (7856, 3.0), (7872, 1.8), (7892, 2.2), (7916, 3.4), (7934, 1.8), (7967, 2.9), (7982, 1.8),
    (7996, 3.0), (8017, 1.7), (8028, 2.4), (8065, 1.8), (8291, 2.6), (8314, 1.6), (8348, 4.2), (8385, 2.2), (8402, 4.0),
    (8418, 2.5), (8433, 4.4), (8455, 2.0), (8468, 3.5), (8507, 2.3), (8551, 1.5), (8780, 2.9), (8794, 1.8), (8829, 4.5),
    (8853, 1.5), (8870, 2.1), (8888, 4.1), (8906, 2.5), (8923, 4.5), (8945, 2.1), (8962, 3.7), (8991, 2.0), (9005, 3.0),
    (9053, 1.7), (9105, 1.4), (9378, 3.0), (9421, 3.2), (9442, 2.6), (9462, 2.2), (9479, 3.4), (9505, 3.0), (9522, 2.2),
    (9554, 3.5), (9570, 2.0), (9609, 2.4), (9622, 2.2), (9704, 2.0), (9722, 2.2), (9794, 3.2), (9875, 3.0), (9917, 3.4),
    (9960, 2.8), (10015, 3.2), (10086, 2.6), (10126, 2.2), (10176, 2.2), (10215, 2.2), (10297, 2.4),
)  # fmt: skip
UNREPORTED = (  # vacuum Angstrom, noise that the pipeline's error does not know of, over the level between lines
    (7247, 0.9), (7608, 1.1), (7716, 0.4), (8022, 0.4), (8284, 1.0), (8300, 0.9), (8660, 0.4), (8762, 1.1), (8771, 1.1), (8840, 0.9),
)  # fmt: skip
LINE_SIGMA = 1.6  # Angstrom: width of the night sky's lines in the spectrograph


@dataclass(frozen=True)
class Instrument:
    """One spectrograph: name, run2d, survey, first native pixel and number of pixels."""

    name: str
    run2d: str
    survey: str
    loglam0: float
    pixels: int

    @property
    def wave(self):
        """Vacuum wavelengths in Angstrom: ndarray[pixels]."""
        return 10 ** (self.loglam0 + DLOGLAM * np.arange(self.pixels))


SDSS = Instrument("SDSS", "26", "sdss", 3.5798, 3840)  # 3800-9200 Angstrom (paper, section 3.1)
BOSS = Instrument("BOSS", "v5_13_0", "eboss", 3.5563, 4607)  # 3600-10400 Angstrom


def smooth_level(wave):
    """Return the noise between sky lines in 1e-17 erg/s/cm2/Angstrom, for a plate of usual depth."""
    anchors = np.array(LEVEL)
    return np.exp(np.interp(wave, anchors[:, 0], np.log(anchors[:, 1])))


def sky_lines(wave, rng=None):
    """Return the excess of the noise at sky lines over the level between them; ``rng`` changes each by a tenth."""
    total = np.zeros_like(wave)
    for centre, ratio in SKY_LINES:
        near = np.abs(wave - centre) < 6 * LINE_SIGMA
        change = 10 ** rng.normal(0, 0.05) if rng is not None else 1.0
        total[near] += (ratio - 1) * change * np.exp(-0.5 * ((wave[near] - centre) / LINE_SIGMA) ** 2)
    return total


def noise_of_plate(wave, rng):
    """Return (sigma[L], lines[L], level[L]): the error that the pipeline reports, the sky lines' part, what is between."""
    tilt = rng.normal(0, 0.12)
    level = smooth_level(wave) * 10 ** rng.normal(0, 0.05) * (wave / 6500) ** tilt
    lines = sky_lines(wave, rng)
    grain = gaussian_filter1d(rng.normal(0, 1, len(wave)), 2.0) * 0.08
    return level * (1 + lines) * np.exp(grain), lines, level


def draw_noise(wave, sigma, lines, level, rng):
    """Return one noise realisation[L]: a little below the reported error between lines, above it on them.

    Real pipelines report somewhat too much between sky lines (their pixels are correlated) and too little on strong
    ones, where what is left of the line has one sign over several pixels.
    """
    white = rng.normal(0, 1, len(sigma))
    correlated = 0.935 * white + 0.12 * np.roll(white, 1)
    left = gaussian_filter1d(rng.normal(0, 1, len(sigma)), 1.2) * 2.0
    common = rng.normal(0, 0.10)
    strength = np.clip(lines / 3.0, 0, 1.2)
    unknown = sum(ratio * rng.normal() * np.exp(-0.5 * ((wave - at) / 4.0) ** 2) for at, ratio in UNREPORTED)
    return (
        sigma * (0.93 * correlated * (1 - 0.15 * strength) + strength * (0.6 * left + 1.6 * common)) + level * unknown
    )


def bad_pixels(wave, rng):
    """Return (bad[L], and_mask[L]): lost pixels and the bits that say why."""
    and_mask = np.where(np.abs(wave - 5578.9) < 6, BITS["BRIGHTSKY"], 0).astype("i4")
    bad = rng.random(len(wave)) < 0.002
    and_mask[bad] |= BITS["FULLREJECT"]
    if rng.random() < 0.15:  # a lost stretch of detector
        start = rng.integers(0, len(wave) - 130)
        lost = slice(start, start + rng.integers(10, 120))
        bad[lost] = True
        and_mask[lost] |= BITS["NODATA"]
    if rng.random() < 0.05:  # the join of the two arms
        lost = np.abs(wave - rng.uniform(5900, 6100)) < rng.uniform(5, 40)
        bad |= lost
        and_mask[lost] |= BITS["NODATA"]
    return bad, and_mask


def calibration(wave, rng):
    """Return the slow error of the flux calibration[L], some percent around 1, growing to the blue end."""
    x = np.log(wave / 6500)
    tilt, bend = rng.normal(0, 0.03), rng.normal(0, 0.08)
    wiggle = 0.008 * np.sin(wave / rng.uniform(80, 250) + rng.uniform(0, 6.3))
    return 1 + tilt * x + bend * x**2 + wiggle * rng.normal() + rng.normal(0, 0.03) * np.exp(-(wave - 3600) / 250)
