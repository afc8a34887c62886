"""Write one spec-lite file as SDSS lays it out."""

from io import BytesIO

import numpy as np
from astropy.io import fits

from galspec_core.files import replace

COLUMNS = (
    ("flux", "E"),
    ("loglam", "E"),
    ("ivar", "E"),
    ("and_mask", "J"),
    ("or_mask", "J"),
    ("wdisp", "E"),
    ("sky", "E"),
    ("model", "E"),
)
COADD = np.dtype([(name, ">f4" if kind == "E" else ">i4") for name, kind in COLUMNS])
LINE_NAMES = {
    "hb": ("H_beta", 4862.68),
    "oiii": ("[O_III] 5007", 5008.24),
    "ha": ("H_alpha", 6564.61),
    "nii": ("[N_II] 6583", 6585.27),
}


def write_spec_lite(path, plan, seen, instrument, row):
    """Write COADD, SPECOBJ and SPZLINE of one spectrum, whole or not at all."""
    primary = fits.PrimaryHDU()
    header = dict(
        PLATEID=plan.plate, MJD=plan.mjd, FIBERID=plan.fiberid, RUN2D=plan.run2d, PLUG_RA=plan.ra, PLUG_DEC=plan.dec
    )
    primary.header.update(header | dict(COEFF0=instrument.loglam0, COEFF1=1e-4))
    hdus = [
        primary,
        fits.BinTableHDU(_coadd(seen, instrument), name="COADD"),
        fits.BinTableHDU(_one_row(row), name="SPECOBJ"),
    ]
    out = BytesIO()
    fits.HDUList([*hdus, fits.BinTableHDU(_lines(plan, seen), name="SPZLINE")]).writeto(out)
    with replace(path) as temporary:
        temporary.write_bytes(out.getvalue())


def _coadd(seen, instrument):
    table = np.zeros(instrument.pixels, COADD)
    table["flux"], table["ivar"] = seen.flux, seen.ivar
    table["loglam"] = instrument.loglam0 + 1e-4 * np.arange(instrument.pixels)
    table["and_mask"] = table["or_mask"] = seen.and_mask
    table["wdisp"] = 1.0
    return table


def _one_row(row):
    kinds = [(name, f"S{max(len(v), 1)}" if isinstance(v, str) else np.asarray(v).dtype) for name, v in row.items()]
    return np.array([tuple(row.values())], dtype=kinds)


def _lines(plan, seen):
    kinds = [("LINENAME", "S13"), ("LINEWAVE", ">f8"), ("LINEZ", ">f4"), ("LINEAREA", ">f4"), ("LINEAREA_ERR", ">f4")]
    rows = [(name, wave, plan.z, *seen.measured[key]) for key, (name, wave) in LINE_NAMES.items()]
    return np.array(rows, dtype=kinds)
