"""Spectra of one's own: a file of any kind that astronomers keep spectra in, read as a Spectrum on native pixels."""

import math
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from galspec_core.errors import SpectrumError
from galspec_core.spectra.fits_bytes import read_columns, split_hdus
from galspec_core.spectra.resample import inverse_variance, is_coarse, to_comb
from galspec_core.spectra.spectrum import IDENTITY, OPTICAL, Spectrum, read_spec_lite

MOST_BYTES = 200_000_000  # of a file (our choice); a full spec file of many exposures has 10 MB
TABLES = (".csv", ".ecsv", ".txt", ".dat")
NAMES = {  # of a table's columns, in small letters
    "wave": ("wave", "wavelength", "lambda", "lam"),
    "loglam": ("loglam",),
    "flux": ("flux", "flam"),
    "ivar": ("ivar", "inverse_variance"),
    "error": ("error", "err", "sigma", "uncertainty", "flux_error"),
    "mask": ("mask",),
    "and_mask": ("and_mask",),
}
Z_NAMES = ("z", "redshift")
NOT_OURS = ("missing column", "wrong type", "damaged", "irregular wavelengths")  # another kind of FITS may say so
INSTALL = "Install it with: pip install -c constraints.txt -e '.[spectra]'"


@dataclass(frozen=True)
class Own:
    """A spectrum and who it is: ``fibre`` (plate, mjd, fiberid) or None, ``ra`` and ``dec`` in degrees or NaN.

    The redshift of ``spectrum`` is NaN where nobody said one. ``coarse`` says that it came from pixels too wide for narrow lines.
    """

    name: str
    spectrum: Spectrum
    fibre: tuple | None = None
    ra: float = math.nan
    dec: float = math.nan
    coarse: bool = False

    def at(self, z):
        """Return it at another redshift; as it is where ``z`` is None."""
        return self if z is None else replace(self, spectrum=replace(self.spectrum, z=float(z)))


def read_own(path):
    """Return the Own of a spec-lite or full SDSS file, a CSV or ECSV table, or anything else that specutils reads.

    Raises
    ------
    SpectrumError
        The file cannot be read, or holds no spectrum; the sentence says why.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            got = f"{size:,} bytes"
            raise SpectrumError(
                "the file is too large for a spectrum", item=path.name, expected=f"{MOST_BYTES:,}", got=got
            )
        with open(path, "rb") as file:
            head = file.read(64)
    except OSError as error:
        raise SpectrumError("the file cannot be read", item=path.name, got=error.strerror or str(error)) from None
    if not size:
        raise SpectrumError("the file is empty", reason="cut short", item=path.name)
    if head.startswith(b"SIMPLE  ="):
        return _read_fits(path)
    if path.suffix.lower() in TABLES or head.startswith(b"# %ECSV"):
        return _read_table(path, head)
    return read_specutils(path)


def read_sdss(content, name, identity=None):
    """Return the Own of an SDSS spec file's bytes, at the redshift of its HDU 2 where there is one."""
    found = _facts(content, name)
    spectrum = read_spec_lite(content, found.pop("z"), name, identity)
    return Own(name, spectrum, **found)


def _read_fits(path):
    content = path.read_bytes()
    try:
        return read_sdss(content, path.name)
    except SpectrumError as error:
        if error.reason not in NOT_OURS or b"loglam" in content[: 1 << 16].lower():
            raise
        return read_specutils(path)


def _facts(content, name):
    """Return z, fibre, ra and dec as the headers and HDU 2 of an SDSS file say them."""
    hdus = split_hdus(content, name, read=3)
    numbers = [hdus[0].number(key) for key in IDENTITY]
    row = {}
    for wanted in (("z",), ("z_noqso",), ("plug_ra", "plug_dec"), ("ra", "dec")):
        row |= _row(content, hdus, wanted)
    z = row.get("z_noqso") or row.get("z", math.nan)  # SDSS-I/II files have 0 for the first
    place = (row.get(f"plug_{key}", row.get(key, math.nan)) for key in ("ra", "dec"))
    return dict(
        z=z, fibre=tuple(numbers) if None not in numbers else None, **dict(zip(("ra", "dec"), place, strict=True))
    )


def _row(content, hdus, wanted):
    """Return some numbers of the one row of HDU 2, nothing where it does not have them."""
    try:
        columns = read_columns(content, hdus[2], wanted)
        return {key: float(column.values(raw)[0]) for key, (column, raw) in columns.items()}
    except (SpectrumError, IndexError, ValueError):
        return {}


def _read_table(path, head):
    ecsv = head.startswith(b"# %ECSV")
    try:
        columns, meta = (_read_ecsv if ecsv else _read_csv)(path)
    except (ValueError, LookupError, TypeError, OSError, UnicodeError) as error:
        got = " ".join(str(error).split())[:150]
        raise SpectrumError("the table cannot be read", reason="damaged", item=path.name, got=got) from None
    found = {key: columns[name] for key, names in NAMES.items() for name in names[::-1] if name in columns}
    missing = [
        " or ".join(keys) for keys in (("wave", "loglam"), ("flux",), ("ivar", "error")) if not {*keys} & {*found}
    ]
    if missing:
        expected, got = "columns wave, flux, ivar", ", ".join(columns)[:150] or "none"
        what = f"the table lacks {', '.join(missing)}"
        raise SpectrumError(what, reason="missing column", item=path.name, expected=expected, got=got)
    with _naming(path.name, "a column cannot be used", "Give numbers, one a row"):
        return _from_columns(found, _redshift(meta), path.name)


@contextmanager
def _naming(name, what, remedy):
    """Name the spectrum in any error on its values."""
    try:
        yield
    except SpectrumError as error:
        error.item = name
        raise
    except (ValueError, TypeError) as error:
        got = " ".join(str(error).split())[:150]
        raise SpectrumError(what, reason="wrong type", item=name, got=got, remedy=remedy) from None


def from_arrays(name, z, wave, flux, ivar, and_mask=None):
    """Return the Own of flux[L] and ivar[L] at any vacuum wavelengths wave[L] in Angstrom."""
    return Own(name, to_comb(wave, flux, ivar, z, name, and_mask), coarse=is_coarse(wave))


def _read_csv(path):
    import pandas as pd

    how = dict(engine="c") if path.suffix.lower() == ".csv" else dict(sep=None, engine="python")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows longer than the header
        try:
            table = pd.read_csv(path, comment="#", skipinitialspace=True, index_col=False, **how)
        except pd.errors.ParserWarning as error:
            raise ValueError(str(error)) from None
    return {str(name).strip().lower(): table[name].to_numpy() for name in table}, {}


def _read_ecsv(path):
    from astropy.table import Table

    table = Table.read(path, format="ascii.ecsv")
    return {name.strip().lower(): table[name] for name in table.colnames}, dict(table.meta)


def _from_columns(found, z, name):
    """Return the Own of columns by the names of NAMES, with or without units."""
    if "wave" not in found:
        found["wave"] = _power_of_ten(_filled(found.pop("loglam")))
    if not any(getattr(column, "unit", None) for column in found.values()):
        wave, flux = (_filled(found[key]) for key in ("wave", "flux"))
        ivar = _filled(found["ivar"]) if "ivar" in found else inverse_variance(_filled(found["error"]))
    else:
        from galspec_core.spectra.units import to_plain

        wave, flux, ivar = to_plain(found)
    ivar = np.where(_filled(found["mask"]) != 0, 0.0, ivar) if "mask" in found else ivar
    bits = _filled(found["and_mask"]) if "and_mask" in found else np.zeros(len(wave))
    bits = np.nan_to_num(np.clip(bits, -(2**31), 2**32 - 1)).astype("i8")  # 32 bits, with or without a sign
    return from_arrays(name, z, wave, flux, ivar, bits)


def _power_of_ten(loglam):
    low, high = OPTICAL
    if (loglam < low).any() or (loglam > high).any():
        got = f"{np.nanmin(loglam):.5g} to {np.nanmax(loglam):.5g}"
        facts = dict(reason="irregular wavelengths", expected=f"loglam from {low} to {high}", got=got)
        remedy = "Call a column of wavelengths wave"
        raise SpectrumError("loglam is not log10 of a wavelength in Angstrom", **facts, remedy=remedy)
    return 10**loglam


def _filled(column):
    """Return a column as float64[L], NaN where it is masked."""
    values = np.ma.asarray(column)
    return np.ma.filled(values.astype("f8"), np.nan)


def _redshift(meta):
    """Return the redshift among some facts, NaN where there is none."""
    small = {str(key).lower(): value for key, value in meta.items()}
    for name in Z_NAMES:
        try:
            return float(small[name])
        except (KeyError, TypeError, ValueError):
            continue
    return math.nan


def read_specutils(path):
    """Return the Own of a file that specutils reads; raise SpectrumError where it is not installed or cannot."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from specutils import Spectrum as Theirs

            found = Theirs.read(path)
    except ModuleNotFoundError as error:
        what = "the file is neither an SDSS spectrum nor a table: reading it needs a package that is not installed"
        raise SpectrumError(what, reason="unknown kind", item=path.name, got=error.name, remedy=INSTALL) from None
    except Exception as error:  # each of its readers fails in a way of its own
        got = " ".join(f"{type(error).__name__}: {error}".split())[:150]
        raise SpectrumError(
            "no kind of spectrum that can be read", reason="unknown kind", item=path.name, got=got
        ) from None
    return from_specutils(found, path.name)


def from_specutils(found, name="spectrum"):
    """Return the Own of a one-dimensional specutils spectrum; raise SpectrumError where it lacks what is needed."""
    from galspec_core.spectra.units import from_quantities

    if getattr(found.flux, "ndim", 0) != 1:
        what, got = "only one spectrum can be asked about", f"flux of shape {getattr(found.flux, 'shape', None)}"
        raise SpectrumError(what, reason="several spectra", item=name, expected="one dimension", got=got)
    z = float(getattr(found, "redshift", 0.0))  # 0 where nobody said one
    with _naming(name, "the spectrum cannot be used", "Give wavelengths, flux and errors of one shape, with units"):
        return from_arrays(name, z if z != 0 else _redshift(found.meta), *from_quantities(found))
