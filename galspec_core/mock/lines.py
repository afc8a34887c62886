"""Emission lines: where they stand, and ratios that fall where each class falls."""

import numpy as np

C_KMS = 299792.458
INSTRUMENT = 69.0  # km/s, sigma of one SDSS resolution element (SDSS, spectrographs)
WAVES = {  # vacuum Angstrom (NIST)
    "oii_a": 3727.09, "oii_b": 3729.88, "neiii": 3869.86, "hd": 4102.89, "hg": 4341.68, "heii": 4687.02, "hb": 4862.68,
    "oiii_a": 4960.30, "oiii": 5008.24, "hei": 5877.25, "oi": 6302.05, "nii_a": 6549.86, "ha": 6564.61, "nii": 6585.27,
    "sii_a": 6718.29, "sii_b": 6732.67,
}  # fmt: skip
BALMER = {"ha": 2.86, "hb": 1.0, "hg": 0.468, "hd": 0.259}  # case B, 1e4 K (Osterbrock & Ferland 2006)
BALMER_AGN = 3.1  # Ha / Hb in AGN (Osterbrock & Ferland 2006)
LINE_RV = {"ha": 3.33 - 4.60}  # k(Ha) - k(Hb), Calzetti et al. 2000


def line(wave, centre, sigma_kms, area=1.0):
    """Return a Gaussian line of integrated flux ``area`` at ``centre`` Angstrom, as wide as the instrument at least."""
    sigma = centre * np.hypot(sigma_kms, INSTRUMENT) / C_KMS
    return area * np.exp(-0.5 * ((wave - centre) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def ratios_star_forming(rng):
    """Return (log [N II]/Ha, log [O III]/Hb) on the local star-forming sequence (Kewley et al. 2013), with scatter."""
    x = rng.triangular(-0.8, -0.38, -0.32)
    return x + rng.normal(0, 0.03), 0.61 / (x + 0.08) + 1.02 + rng.normal(0, 0.10)


def ratios_composite(rng):
    """Return ratios between the lines of Kauffmann et al. (2003) and Kewley et al. (2001)."""
    x = rng.uniform(-0.35, 0.02)
    low = 0.61 / (x - 0.05) + 1.3 if x < 0.04 else -2.0
    high = 0.61 / (x - 0.47) + 1.19
    return x, rng.uniform(max(low, -0.9) + 0.03, high - 0.03)


def ratios_seyfert(rng):
    """Return ratios of Seyfert galaxies: above Kewley et al. (2001) and Schawinski et al. (2007)."""
    x = rng.normal(0.0, 0.12)
    return x, max(1.05 * x + 0.45, _kewley(x)) + abs(rng.normal(0.15, 0.18)) + 0.02


def ratios_liner(rng):
    """Return ratios of LINERs: above Kewley et al. (2001), below Schawinski et al. (2007)."""
    x = rng.normal(0.10, 0.12)
    x = float(np.clip(x, -0.12, 0.42))
    low, high = max(_kewley(x), -0.3), 1.05 * x + 0.45
    return x, rng.uniform(low + 0.02, max(high - 0.02, low + 0.04))


def _kewley(x):
    return 0.61 / (x - 0.47) + 1.19 if x < 0.46 else -2.0


RATIOS = {"SF": ratios_star_forming, "Composite": ratios_composite, "Seyfert": ratios_seyfert, "LINER": ratios_liner}
LOG_EW = {  # log10 of the Ha equivalent width in Angstrom: mean and scatter
    "SF": (1.6, 0.28),
    "Composite": (1.03, 0.30),
    "Seyfert": (0.85, 0.35),
    "LINER": (0.44, 0.30),
}
EXTRA = {  # over Ha: [O II], [S II], [O I], [Ne III] over [O III], He II over Hb
    "SF": (0.8, 0.35, 0.03, 0.06, 0.0),
    "Composite": (0.6, 0.38, 0.07, 0.06, 0.0),
    "Seyfert": (0.9, 0.5, 0.13, 0.10, 0.2),
    "LINER": (1.6, 0.65, 0.22, 0.08, 0.05),
}


def line_areas(kind, e_bv, rng):
    """Return the flux of every line over that of Ha, for a class of RATIOS, with scatter and reddening."""
    log_nii_ha, log_oiii_hb = RATIOS[kind](rng)
    e_gas = e_bv / 0.44 + abs(rng.normal(0.1, 0.12))  # gas sits behind more dust than stars (Calzetti et al. 2000)
    ha_hb = (BALMER["ha"] if kind == "SF" else BALMER_AGN) * 10 ** (-0.4 * e_gas * LINE_RV["ha"])
    oii, sii, oi, neiii, heii = (share * 10 ** rng.normal(0, 0.12) for share in EXTRA[kind])
    red = (ha_hb / BALMER["ha"]) ** -1.2  # bluer lines suffer more from dust than Hb
    hb = 1 / ha_hb
    oiii, nii = hb * 10**log_oiii_hb, 10**log_nii_ha
    split = rng.uniform(0.42, 0.58)
    return {
        "ha": 1.0, "hb": hb, "hg": hb * BALMER["hg"] * red**0.3, "hd": hb * BALMER["hd"] * red**0.5,
        "oiii": oiii, "oiii_a": oiii / 2.98, "nii": nii, "nii_a": nii / 3.05,
        "sii_a": sii * 0.55, "sii_b": sii * 0.45, "oi": oi, "neiii": oiii * neiii, "hei": 0.04 * (kind == "SF"),
        "oii_a": oii * red * split, "oii_b": oii * red * (1 - split), "heii": hb * heii,
    }  # fmt: skip


def spectrum_of_lines(wave, areas, z, sigma_kms):
    """Return the summed lines on observed wavelengths, each of the area given for it."""
    total = np.zeros_like(wave)
    for name, area in areas.items():
        if area > 0:
            total += line(wave, WAVES[name] * (1 + z), sigma_kms, area)
    return total
