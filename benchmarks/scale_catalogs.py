"""Made-up catalogues of any size with the columns that the real stages read; no light, only rows."""

import numpy as np
from astropy.io import fits

from galspec_core.catalogs.layouts import PORTSMOUTH_N

FIBRES, FIRST_PLATE, BOSS_FROM = 1000, 266, 0.6  # spectra of a plate; share of the rows that are SDSS-I/II plates
REPEATED = 0.05  # share of the rows that stand at another row's position
WORDS = np.array(["BLANK", "Star Forming", "Composite", "Seyfert", "LINER"])
CODES = np.array([-1, 1, 3, 4, 5])
SHARES = (0.3, 0.45, 0.12, 0.05, 0.08)
AGREE = 0.85  # share of the rows on which the second catalogue says what the first one says


def make_catalogs(folder, n, seed=0):
    """Write specobj, galspecextra, portsmouth_legacy, portsmouth_boss, silo (FITS) and outliers (CSV) of ``n`` spectra."""
    rng = np.random.default_rng(seed)
    names = _names(n)
    kind = rng.choice(len(WORDS), n, p=SHARES)
    legacy = np.arange(n) < BOSS_FROM * n
    ra, dec = _positions(rng, n)
    _write(folder / "specobj.fits", _specobj(rng, names, legacy, ra, dec))
    _write(folder / "galspecextra.fits", {**_take(names, legacy, PLATEID="PLATE"), "BPTCLASS": CODES[kind][legacy]})
    said = np.where(rng.random(n) < AGREE, kind, rng.choice(len(WORDS), n))
    for name, rows in (("portsmouth_legacy", legacy), ("portsmouth_boss", ~legacy)):
        lines = {key: rng.lognormal(size=(rows.sum(), PORTSMOUTH_N)).astype("f4") for key in ("FLUX", "FLUX_ERR")}
        own = {"Z": np.full(rows.sum(), 0.1, "f4"), "BPT": WORDS[said][rows].astype("S14")}
        _write(folder / f"{name}.fits", {**_take(names, rows), **own, **lines})
    some = rng.random(n) < np.where(np.arange(n) < 3, 1, 5e-4)
    grade = rng.choice(np.array(["A", "B", "C"], "S2"), some.sum())
    place = {"RA": ra[some], "DEC": dec[some], "TOTAL_GRADE": grade}
    lenses = {**_take(names, some, FIBER_INDEX="FIBERID"), **place}
    _write(folder / "silo.fits", lenses)
    odd = rng.choice(n, max(1, n // 10_000), replace=False)
    rows = [f"{names['PLATE'][i]},{names['MJD'][i]},{names['FIBERID'][i]},odd" for i in odd]
    (folder / "outliers.csv").write_text("\n".join(["plate,mjd,fiberid,class", *rows]) + "\n")


def _names(n):
    """Return identifiers and fibres: specobjid as SDSS packs it, plates beyond 8191 where there are enough."""
    row = np.arange(n)
    plate, fibre = FIRST_PLATE + 3 * (row // FIBRES), row % FIBRES + 1
    mjd = 51_600 + row // FIBRES
    packed = (plate.astype("u8") << np.uint64(50)) | (fibre.astype("u8") << np.uint64(38))
    packed |= (mjd - 50_000).astype("u8") << np.uint64(24)
    return {
        "SPECOBJID": packed.astype("S22"),
        "PLATE": plate.astype("i4"),
        "MJD": mjd.astype("i4"),
        "FIBERID": fibre.astype("i4"),
    }


def _positions(rng, n):
    ra, dec = 360 * rng.random(n), np.rad2deg(np.arcsin(2 * rng.random(n) - 1))
    again, whose = rng.random(n) < REPEATED, rng.integers(n, size=n)
    arcsec = 0.3 / 3600
    return np.where(again, ra[whose], ra), np.clip(np.where(again, dec[whose] + arcsec, dec), -90, 90)


def _take(names, rows, **renamed):
    """Return the identifiers of some rows; ``renamed`` gives a column another name."""
    other = {old: new for new, old in renamed.items()}
    return {other.get(key, key): values[rows] for key, values in names.items()}


def _specobj(rng, names, legacy, ra, dec):
    n = len(ra)
    z = (0.7 * rng.random(n)).astype("f4")
    galaxy = rng.random(n) < 0.9
    return names | {
        "RUN2D": np.where(legacy, b"26", b"v5_13_0"),
        "CLASS": np.where(galaxy, b"GALAXY", b"QSO"), "SUBCLASS": np.full(n, b""), "PLATEQUALITY": np.full(n, b"good"),
        "INSTRUMENT": np.where(legacy, b"SDSS", b"BOSS"), "PLUG_RA": ra, "PLUG_DEC": dec,
        "Z": z, "Z_NOQSO": np.where(legacy, 0, z).astype("f4"),
        "ZWARNING": np.zeros(n, "i4"), "ZWARNING_NOQSO": np.zeros(n, "i4"), "SPECPRIMARY": np.ones(n, "u1"),
        "SN_MEDIAN_ALL": rng.lognormal(2, 0.5, n).astype("f4"), "WCOVERAGE": np.full(n, 0.38, "f4"),
        "WAVEMIN": np.full(n, 3800, "f4"), "WAVEMAX": np.full(n, 9200, "f4"),
    }  # fmt: skip


def _write(path, columns):
    """Write columns as the first table of a FITS file."""
    kinds = [(name, values.dtype, values.shape[1:]) for name, values in columns.items()]
    array = np.empty(len(columns["MJD"]), dtype=kinds)
    for name, values in columns.items():
        array[name] = values
    fits.BinTableHDU(array).writeto(path, overwrite=True)
