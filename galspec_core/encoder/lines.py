"""Emission and absorption lines of galaxies on a rest-frame grid."""

import numpy as np

from galspec_core.catalogs.bpt import kauffmann2003, kewley2001, schawinski2007
from galspec_core.errors import ConfigError
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.spectrum import DLOGLAM

LINES = {  # (vacuum Angstrom, height over that of the first): NIST; fixed ratios of Osterbrock & Ferland 2006
    "[O II] 3727": ((3727.09, 1.0), (3729.88, 1.0)),
    "[Ne III] 3869": ((3869.86, 1.0),),
    "Hδ": ((4102.89, 1.0),),
    "Hγ": ((4341.68, 1.0),),
    "He II 4686": ((4687.02, 1.0),),
    "Hβ": ((4862.68, 1.0),),
    "[O III] 5007": ((5008.24, 1.0), (4960.30, 1 / 2.98)),
    "He I 5876": ((5877.25, 1.0),),
    "Na D": ((5891.58, 1.0), (5897.56, 1.0)),
    "[O I] 6300": ((6302.05, 1.0),),
    "Hα": ((6564.61, 1.0),),
    "[N II] 6583": ((6585.27, 1.0), (6549.86, 1 / 3.05)),
    "[S II] 6717": ((6718.29, 1.0),),
    "[S II] 6731": ((6732.67, 1.0),),
}
PAIRS = (  # lines whose ratio tells what ionises the gas: BPT diagrams (Baldwin et al. 1981; Veilleux & Osterbrock 1987)
    ("[N II] 6583", "Hα"),
    ("[O III] 5007", "Hβ"),
    ("[S II] 6717", "Hα"),
    ("[O I] 6300", "Hα"),
    ("[O II] 3727", "Hβ"),
    ("Hα", "Hβ"),
)
FAINT = 0.01  # of the continuum: a ratio to a line far below this says nothing (our choice)
LEAST = 0.015  # of the continuum: added to both lines of a logarithm, so that no line is a finite ratio (our choice)
CURVES = (kauffmann2003, kewley2001, schawinski2007)  # between the classes of the BPT diagram
REACH = 1.0  # dex from a curve beyond which it says no more (our choice)
C_KMS = 299792.458
WIDTH = 150.0  # km/s, sigma of every line, instrument included (our choice)
APART = 4.0  # of these widths from a line the continuum begins (our choice)


def line_templates(grid):
    """Return the lines [M, L] of ``LINES`` on a rest-frame log grid, each of height 1 at its first wavelength.

    Raises
    ------
    ConfigError
        The grid is not in the rest frame with native logarithmic pixels.
    """
    if grid["frame"] != "rest" or grid["spacing"] != "log":
        expected, got = "frame: rest, spacing: log", f"{grid['frame']}, {grid['spacing']}"
        raise ConfigError("lines need a grid that moves with the galaxy", item="grid", expected=expected, got=got)
    loglam, sigma = np.log10(Grid(**grid).wavelengths), np.log10(1 + WIDTH / C_KMS)
    return np.stack(
        [
            sum(height * np.exp(-0.5 * ((loglam - np.log10(wave)) / sigma) ** 2) for wave, height in doublet)
            for doublet in LINES.values()
        ]
    ).astype("f4")


def ratios(heights):
    """Return the angles [B, R] of PAIRS from line heights [B, M]: arctan of their ratio, finite for lines of no height."""
    names = list(LINES)
    above, below = (heights[:, [names.index(pair[i]) for pair in PAIRS]] for i in (0, 1))
    return np.arctan2(above, np.abs(below) + FAINT)


def log_ratios(heights):
    """Return ln ratios [B, R + 2] of PAIRS from line heights [B, M], absorption as no line.

    The last two run along and across the branches of the BPT diagram: [O III] 5007 over Hβ less, and plus, [N II] 6583 over Hα.
    """
    names = list(LINES)
    strength = np.log(np.maximum(heights, 0) + LEAST)
    above, below = (strength[:, [names.index(pair[i]) for pair in PAIRS]] for i in (0, 1))
    nitrogen, oxygen = (above - below)[:, :2].T
    return np.column_stack([above - below, oxygen - nitrogen, oxygen + nitrogen])


def above_curves(heights):
    """Return how far galaxies lie above each of CURVES in the BPT diagram: [B, 3] dex, within REACH, of line heights [B, M].

    A learnt vote with many labels draws these curves itself; with few it is told where they are.
    """
    nitrogen, oxygen = log_ratios(heights)[:, :2].T / np.log(10)
    return np.clip(np.column_stack([oxygen - curve(nitrogen) for curve in CURVES]), -REACH, REACH)


def continuum_pixels(templates):
    """Return where no line of ``templates`` [M, L] stands: bool[L]."""
    reach = int(np.ceil(APART * np.log10(1 + WIDTH / C_KMS) / DLOGLAM))
    centres = (templates > 0.5 * np.exp(-0.5)).any(axis=0)
    return np.convolve(centres, np.ones(2 * reach + 1), mode="same") < 0.5
