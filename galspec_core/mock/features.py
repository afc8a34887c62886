"""What is injected into some spectra: lines of a lensed background galaxy, and the oddities of outliers.

Every function returns a change of flux of arbitrary amplitude on the observed wavelengths; :func:`scaled` gives it the
significance that is wanted. Nothing else about the spectrum changes.
"""

import numpy as np

from galspec_core.mock.lines import WAVES, line
from galspec_core.mock.stars import WAVE as REST_WAVE


def significance(change, ivar):
    """Return the matched-filter S/N of a change of flux: sqrt(sum(change**2 * ivar))."""
    return float(np.sqrt(np.sum(change**2 * ivar)))


def scaled(change, ivar, target):
    """Return ``change`` with a matched-filter S/N of ``target``, and the S/N reached (0 if it falls on no pixel)."""
    unit = significance(change, ivar)
    return (change * (target / unit), float(target)) if unit > 0 else (np.zeros_like(change), 0.0)


def background_emitter(wave, z_source, rng):
    """Return the lines of a star-forming galaxy at ``z_source``: [O II], Hb, [O III], and Ha where it is in reach."""
    log_oiii_hb, log_oii_hb = rng.normal(0.35, 0.3), rng.normal(0.45, 0.2)
    split, width = rng.uniform(0.42, 0.58), rng.uniform(40, 110)
    areas = {"hb": 1.0, "hg": 0.47, "oiii": 10**log_oiii_hb, "oiii_a": 10**log_oiii_hb / 2.98, "ha": 2.9, "nii": 0.7}
    areas |= {"oii_a": split * 10**log_oii_hb, "oii_b": (1 - split) * 10**log_oii_hb}
    return sum(line(wave, WAVES[name] * (1 + z_source), width, area) for name, area in areas.items())


def source_redshift(z, wave, rng):
    """Draw a background redshift for a lens at ``z`` whose [O II] or [O III] and Hb fall on the detector."""
    highest = wave[-1] / WAVES["oii_b"] - 1.05
    return float(rng.uniform(z + 0.12, min(highest, 1.35)))


def unusual_line_ratios(wave, z, level, rng):
    areas = dict(nii=rng.uniform(2, 4), nii_a=1.0, ha=1.0, hb=0.35, oiii=rng.uniform(0.02, 0.1))
    return sum(line(wave, WAVES[name] * (1 + z), 130, area) for name, area in areas.items())


def sodium_excess(wave, z, level, rng):
    width = rng.uniform(120, 260)
    return -sum(line(wave, centre * (1 + z), width, area) for centre, area in ((5891.58, 1.0), (5897.56, 0.8)))


def blend_of_two_redshifts(wave, z, level, rng):
    from galspec_core.mock.stars import starlight

    other, _ = starlight("starburst" if rng.random() < 0.5 else "passive", 160.0, 0.15, 1.0, rng)
    shifted = np.interp(wave, REST_WAVE * (1 + z + rng.uniform(0.06, 0.2)), other)
    return shifted / np.median(shifted) * level


def broad_lines(wave, z, level, rng):
    width = rng.uniform(1500, 5000)
    return sum(line(wave, WAVES[name] * (1 + z), width, area) for name, area in (("ha", 3.1), ("hb", 1.0), ("hg", 0.4)))


def extreme_line_emitter(wave, z, level, rng):
    areas = dict(
        ha=2.9,
        hb=1.0,
        hg=0.47,
        hd=0.26,
        oiii=rng.uniform(4, 7),
        oiii_a=1.8,
        oii_a=0.6,
        oii_b=0.7,
        neiii=0.45,
        heii=0.02,
    )
    return sum(line(wave, WAVES[name] * (1 + z), 70, area) for name, area in areas.items())


def strong_balmer_absorption(wave, z, level, rng):
    depths = ((6564.61, 0.6), (4862.68, 1.0), (4341.68, 1.0), (4102.89, 1.0), (3971.2, 0.9), (3890.2, 0.8))
    return -sum(line(wave, centre * (1 + z), 750, depth) for centre, depth in depths)


def calibration_break(wave, z, level, rng):
    step = np.tanh((wave - rng.uniform(5800, 6300)) / 25)
    return level * (step + 0.3 * np.sin(wave / rng.uniform(60, 130)))


def unidentified_line(wave, z, level, rng):
    return line(wave, rng.uniform(4300, 8300), rng.uniform(100, 400))


def leftover_sky(wave, z, level, rng):
    centres = (5578.9, 6302.0, 7343, 7796, 8348, 8402, 8433, 8829, 8888, 8923)
    return sum(rng.normal() * line(wave, centre, 90) for centre in centres)


def nitrogen_without_hydrogen(wave, z, level, rng):
    return line(wave, WAVES["nii"] * (1 + z), 260) + line(wave, WAVES["nii_a"] * (1 + z), 260, 1 / 3.05)


def double_peaked_lines(wave, z, level, rng):
    gap = rng.uniform(250, 500) / 299792.458
    areas = dict(ha=2.9, hb=1.0, oiii=3.0, oiii_a=1.0, nii=1.2, nii_a=0.4)
    pair = ((z - gap / 2, 1.0), (z + gap / 2, rng.uniform(0.5, 1.0)))
    return sum(line(wave, WAVES[n] * (1 + zz), 90, a * share) for zz, share in pair for n, a in areas.items())


def cool_star_in_front(wave, z, level, rng):
    bands = ((6150, 90), (6700, 130), (7080, 120), (7650, 200), (8450, 200))  # TiO and VO heads, Angstrom
    star = np.interp(wave, (3600, 5000, 6500, 7500, 9000, 10400), (0.02, 0.1, 0.5, 1.0, 1.6, 1.8))
    for head, width in bands:
        star = star * (1 - 0.45 * np.exp(-np.clip(wave - head, 0, None) / width) * (wave > head))
    return level * star


OUTLIERS = {  # kind: (share among outliers, its change)
    "unusual line ratios": (0.36, unusual_line_ratios),
    "sodium excess": (0.13, sodium_excess),
    "blend of two redshifts": (0.10, blend_of_two_redshifts),
    "broad lines": (0.08, broad_lines),
    "extreme line emitter": (0.07, extreme_line_emitter),
    "strong Balmer absorption": (0.06, strong_balmer_absorption),
    "calibration break": (0.05, calibration_break),
    "unidentified line": (0.04, unidentified_line),
    "leftover sky": (0.03, leftover_sky),
    "nitrogen without hydrogen": (0.03, nitrogen_without_hydrogen),
    "double-peaked lines": (0.03, double_peaked_lines),
    "cool star in front": (0.02, cool_star_in_front),
}
GRADES = {
    "A+": 0.13,
    "A": 0.24,
    "A-": 0.03,
    "B+": 0.19,
    "B": 0.16,
    "C+": 0.10,
    "C": 0.10,
    "C-": 0.05,
}  # shares of lens grades
FAKE_OF_C = 0.5  # share of C grades with nothing behind them
