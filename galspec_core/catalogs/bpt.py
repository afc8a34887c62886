"""Emission-line diagrams: the published curves, and the class of a galaxy from its line ratios.

x is log10 of [N II] 6583, [S II] 6716 + 6731 or [O I] 6300 over H-alpha, y is log10 of [O III] 5007 over H-beta. Every
function takes and returns numbers or arrays of any shape. A class is a word, "" where a ratio is not a finite number; a
point on a curve counts as below it.
"""

import numpy as np

WHAN_NII = -0.4  # log [N II]/Ha between star formation and AGN (Cid Fernandes et al. 2011, MNRAS 413, 1687)
WHAN_STRONG, WHAN_RETIRED, WHAN_PASSIVE = 6.0, 3.0, 0.5  # Angstrom, equivalent widths (same paper)


def _left_branch(x, numerator, pole, offset):
    """Return ``numerator / (x - pole) + offset`` left of the pole, -inf from there on: all is above."""
    x = np.asarray(x, dtype="f8")
    distance = np.where(x < pole, x - pole, -1.0)
    return np.where(np.isnan(x), np.nan, np.where(x < pole, numerator / distance + offset, -np.inf))


def kauffmann2003(log_nii_ha):
    """Return y of the empirical upper edge of star formation (Kauffmann et al. 2003, MNRAS 346, 1055, eq. 1)."""
    return _left_branch(log_nii_ha, 0.61, 0.05, 1.3)


def kewley2001(log_nii_ha):
    """Return y of the theoretical limit of starbursts (Kewley et al. 2001, ApJ 556, 121, eq. 5)."""
    return _left_branch(log_nii_ha, 0.61, 0.47, 1.19)


def kewley2006_sii(log_sii_ha):
    """Return y of the limit of star formation in the [S II] diagram (Kewley et al. 2006, MNRAS 372, 961, eq. 2)."""
    return _left_branch(log_sii_ha, 0.72, 0.32, 1.30)


def kewley2006_oi(log_oi_ha):
    """Return y of the limit of star formation in the [O I] diagram (Kewley et al. 2006, MNRAS 372, 961, eq. 3)."""
    return _left_branch(log_oi_ha, 0.73, -0.59, 1.33)


def schawinski2007(log_nii_ha):
    """Return y of the line between LINERs, below, and Seyferts (Schawinski et al. 2007, MNRAS 382, 1415)."""
    return 1.05 * np.asarray(log_nii_ha, dtype="f8") + 0.45


def cidfernandes2010(log_nii_ha):
    """Return y of the same line as [S II] and [O I] galaxies draw it (Cid Fernandes et al. 2010, MNRAS 403, 1036)."""
    return 1.01 * np.asarray(log_nii_ha, dtype="f8") + 0.48


def kewley2006_sii_liner(log_sii_ha):
    """Return y of the line between LINERs, below, and Seyferts in [S II] (Kewley et al. 2006, MNRAS 372, 961)."""
    return 1.89 * np.asarray(log_sii_ha, dtype="f8") + 0.76


def kewley2006_oi_liner(log_oi_ha):
    """Return y of the line between LINERs, below, and Seyferts in [O I] (Kewley et al. 2006, MNRAS 372, 961)."""
    return 1.18 * np.asarray(log_oi_ha, dtype="f8") + 1.30


def paper_b1(log_nii_ha):
    """Return y of the Seyfert/LINER line as eq. B1 of the paper prints it, for table B2 and nothing else.

    No published [N II] line has this slope and offset; it lies above the others wherever AGN are, so that most Seyferts
    would turn into LINERs. Never use it for labels.
    """
    return 1.18 * np.asarray(log_nii_ha, dtype="f8") + 0.77


LINER_LINES = {"schawinski2007": schawinski2007, "cidfernandes2010": cidfernandes2010}
DIAGRAMS = {  # Kewley et al. (2006): limit of star formation, Seyfert/LINER line
    "sii": (kewley2006_sii, kewley2006_sii_liner),
    "oi": (kewley2006_oi, kewley2006_oi_liner),
}


def log_ratio(numerator, denominator):
    """Return log10 of a ratio of two fluxes, NaN where either is not positive and finite."""
    above, below = np.asarray(numerator, dtype="f8"), np.asarray(denominator, dtype="f8")
    measured = (above > 0) & (below > 0) & np.isfinite(above) & np.isfinite(below)
    return np.where(measured, np.log10(np.where(measured, above, 1)) - np.log10(np.where(measured, below, 1)), np.nan)


def classify_bpt(log_nii_ha, log_oiii_hb, liner_line="schawinski2007"):
    """Return "SF", "Composite", "Seyfert", "LINER" or "" from the [N II] diagram.

    Below Kauffmann et al. (2003) is SF, above that and Kewley et al. (2001) an AGN, which the line named ``liner_line``
    (one of LINER_LINES) divides. Left of x = -1.28, where the two curves cross, there are no composites.
    """
    x, y = np.broadcast_arrays(np.asarray(log_nii_ha, dtype="f8"), np.asarray(log_oiii_hb, dtype="f8"))
    seyfert = y > LINER_LINES[liner_line](x)
    agn = np.where(seyfert, "Seyfert", "LINER")
    above = np.where(y > kewley2001(x), agn, "Composite")
    return _where_finite(x, y, np.where(y > kauffmann2003(x), above, "SF"))


def classify_kewley2006(log_ratio_ha, log_oiii_hb, diagram):
    """Return "SF", "Seyfert", "LINER" or "" from the diagram "sii" or "oi" (Kewley et al. 2006, MNRAS 372, 961)."""
    x, y = np.broadcast_arrays(np.asarray(log_ratio_ha, dtype="f8"), np.asarray(log_oiii_hb, dtype="f8"))
    limit, line = DIAGRAMS[diagram]
    return _where_finite(x, y, np.where(y > limit(x), np.where(y > line(x), "Seyfert", "LINER"), "SF"))


def classify_whan(log_nii_ha, ew_ha):
    """Return "SF", "sAGN", "wAGN", "retired", "passive" or "" (Cid Fernandes et al. 2011, MNRAS 413, 1687).

    ``ew_ha`` is the equivalent width of H-alpha in Angstrom, rest frame, positive in emission. That of [N II] is taken
    as ``ew_ha`` times the flux ratio: the two lines share their continuum. Passive galaxies have both below 0.5.
    """
    x, width = np.broadcast_arrays(np.asarray(log_nii_ha, dtype="f8"), np.asarray(ew_ha, dtype="f8"))
    active = np.where(width > WHAN_STRONG, "sAGN", "wAGN")
    strong = np.where(x < WHAN_NII, "SF", active)
    log_width = np.log10(np.maximum(width, 1e-30))
    lineless = (width < WHAN_PASSIVE) & (x + log_width < np.log10(WHAN_PASSIVE))
    weak = np.where(lineless, "passive", "retired")
    return _where_finite(x, width, np.where(width < WHAN_RETIRED, weak, strong))


def _where_finite(x, y, words):
    return np.where(np.isfinite(x) & np.isfinite(y), words, "")
