"""Quantities with units as the plain numbers that all else uses: Angstrom, 1e-17 erg/s/cm2/Angstrom, and its inverse variance."""

import numpy as np
from astropy import units

from galspec_core.errors import SpectrumError
from galspec_core.spectra.resample import inverse_variance

FLUX = units.Unit("1e-17 erg / (s cm2 Angstrom)")
POWERS = {"error": 1, "std": 1, "var": 2, "ivar": -2}  # of the flux's unit; std and var are words of astropy
UNCERTAINTIES = "StdDevUncertainty, VarianceUncertainty or InverseVariance"


def to_plain(columns):
    """Return wave, flux and ivar, float64[L], of columns wave, flux, ivar or error, of which some have units.

    Raises
    ------
    SpectrumError
        A unit is of another kind.
    """
    wave, flux = _angstrom(_quantity(columns["wave"], units.AA)), _quantity(columns["flux"], FLUX)
    kind = "ivar" if "ivar" in columns else "error"
    return _per_angstrom(wave, flux, _ivar(_quantity(columns[kind], flux.unit ** POWERS[kind]), kind, flux.unit))


def from_quantities(found):
    """Return wave, flux and ivar, float64[L], of a specutils spectrum; masked pixels have ivar 0.

    Raises
    ------
    SpectrumError
        A unit is of another kind, or there is no uncertainty that says how large the errors are.
    """
    axis, spread = found.spectral_axis, found.uncertainty
    kind = getattr(spread, "uncertainty_type", None)
    if kind not in POWERS:
        facts = dict(expected=UNCERTAINTIES, got="none" if spread is None else type(spread).__name__)
        what, remedy = "the spectrum has no uncertainty of a known kind", "Give its errors as one of these"
        raise SpectrumError(what, reason="no errors", **facts, remedy=remedy)
    wave = _angstrom(units.Quantity(axis.value, axis.unit))
    spread = units.Quantity(spread.array, spread.unit or found.flux.unit ** POWERS[kind])
    ivar = _ivar(spread, kind, found.flux.unit)
    ivar = ivar if found.mask is None else np.where(np.asarray(found.mask, dtype=bool), 0.0, ivar)
    return _per_angstrom(_in_vacuum(wave) if _is_air(found) else wave, found.flux, ivar)


def _is_air(found):
    """Return whether a specutils spectrum's FITS header says AWAV, wavelengths in air (Greisen et al. 2006, A&A 446, 747)."""
    header = found.meta.get("header") or found.meta
    kinds = found.wcs.wcs.ctype if hasattr(found.wcs, "wcs") else [header.get("CTYPE1", "")]
    return any(str(kind).upper().startswith("AWAV") for kind in kinds)


def _in_vacuum(wave):
    """Return vacuum wavelengths of those in air, float64[L] in Angstrom (Ciddor 1996, Appl. Opt. 35, 1566)."""
    from specutils.utils.wcs_utils import air_to_vac

    return air_to_vac(wave * units.AA, method="Ciddor1996").to_value(units.AA)


def _ivar(spread, kind, unit):
    """Return the ivar of a flux in ``unit`` from a Quantity of a kind of POWERS."""
    values = _convert(spread, unit ** POWERS[kind], kind)
    return values if kind == "ivar" else inverse_variance(values, POWERS[kind])


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
        facts |= dict(remedy=f"Give {what} in that unit, or in one that can be converted to it")
        raise SpectrumError(f"the unit of {what} is of another kind", **facts) from None


def _quantity(column, unit):
    return units.Quantity(_values(column), getattr(column, "unit", None) or unit)


def _values(column):
    values = getattr(column, "value", column)
    return np.ma.filled(np.ma.asarray(values).astype("f8"), np.nan)
