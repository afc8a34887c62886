"""Quantities with units as the plain numbers that all else uses: Angstrom, 1e-17 erg/s/cm2/Angstrom, and its inverse variance."""

import numpy as np
from astropy import units
from astropy.nddata import InverseVariance

from galspec_core.errors import SpectrumError

FLUX = units.Unit("1e-17 erg / (s cm2 Angstrom)")


def to_plain(columns):
    """Return wave, flux and ivar (None where there is no such column), float64[L], of columns of which some have units.

    Raises
    ------
    SpectrumError
        A unit is of another kind.
    """
    logarithmic = "wave" not in columns
    wave = 10 ** _values(columns["loglam"]) if logarithmic else _angstrom(_quantity(columns["wave"], units.AA))
    flux = _quantity(columns["flux"], FLUX)
    spread = columns.get("ivar", columns.get("error"))
    power = -2 if "ivar" in columns else 1
    spread = _convert(_quantity(spread, flux.unit**power), flux.unit**power, "ivar" if power < 0 else "error")
    with np.errstate(all="ignore"):
        ivar = spread if power < 0 else spread**-2.0
    return _per_angstrom(wave, flux, ivar)


def from_quantities(found):
    """Return wave, flux and ivar, float64[L], of a specutils spectrum; masked pixels have ivar 0."""
    wave = _angstrom(found.spectral_axis)
    inverse = found.uncertainty.represent_as(InverseVariance)
    ivar = np.asarray(inverse.array, dtype="f8")
    ivar = ivar if found.mask is None else np.where(np.asarray(found.mask, dtype=bool), 0.0, ivar)
    return _per_angstrom(wave, found.flux, ivar)


def _per_angstrom(wave, flux, ivar):
    """Return wave, flux and ivar by wavelength; a flux without a unit stays as it is."""
    values = np.asarray(flux.value, dtype="f8")
    if flux.unit == units.dimensionless_unscaled:
        return wave, values, ivar
    at = units.spectral_density(wave * units.AA)
    factor = _convert(np.ones(len(wave)) * flux.unit, FLUX, "flux", at)
    return wave, values * factor, ivar / factor**2


def _angstrom(wave):
    return _convert(wave, units.AA, "wave", units.spectral())


def _convert(quantity, unit, what, equivalencies=()):
    try:
        return np.asarray(quantity.to_value(unit, equivalencies), dtype="f8")
    except units.UnitsError:
        facts = dict(reason="wrong unit", expected=unit.to_string(), got=quantity.unit.to_string())
        raise SpectrumError(f"the unit of {what} is of another kind", **facts) from None


def _quantity(column, unit):
    return units.Quantity(_values(column), getattr(column, "unit", None) or unit)


def _values(column):
    values = getattr(column, "value", column)
    return np.ma.filled(np.ma.asarray(values).astype("f8"), np.nan)
