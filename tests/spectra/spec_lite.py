"""Small spec-lite files with three HDUs, whole or spoilt in one way."""

from io import BytesIO

import numpy as np
from astropy.io import fits

PIXELS = 300
IDENTITY = (9001, 57001, 1)
NAME = "spec-9001-57001-0001.fits"
FORMATS = dict(flux="E", loglam="E", ivar="E", and_mask="J")


def columns(pixels=PIXELS):
    """Return the values of a good spectrum, by column."""
    rng = np.random.default_rng(4)
    return dict(
        flux=rng.normal(3, 0.3, pixels).astype("f4"),
        loglam=3.58 + 1e-4 * np.arange(pixels),
        ivar=rng.uniform(1, 4, pixels).astype("f4"),
        and_mask=rng.integers(0, 1 << 26, pixels).astype("i4"),
    )


def coadd(formats=(), **changed):
    """Return the COADD table; a column that is changed to None is left out, one that is new stands last."""
    values = {key: value for key, value in (columns() | changed).items() if value is not None}
    kinds = FORMATS | dict(formats)
    made = [_column(key, kinds.get(key.lower(), "E"), np.asarray(value)) for key, value in values.items()]
    return fits.BinTableHDU.from_columns(made, name="COADD")


def _column(name, kind, values):
    """Return a column; FITS has unsigned numbers as signed ones with a zero point."""
    return fits.Column(name, kind, array=values, bzero=2**31 if values.dtype == np.uint32 else None)


def as_bytes(*hdus, identity=IDENTITY):
    """Return a file's bytes: a primary HDU that names the spectrum, as far as ``identity`` goes, then ``hdus``."""
    primary = fits.PrimaryHDU()
    primary.header.update(dict(zip(("PLATEID", "MJD", "FIBERID"), identity, strict=False)))
    out = BytesIO()
    fits.HDUList([primary, *hdus]).writeto(out)
    return out.getvalue()


def specobj(kind="GALAXY"):
    """Return the table of what the pipeline found."""
    row = np.array([(kind, 0.1)], dtype=[("CLASS", "S6"), ("Z", "f4")])
    return fits.BinTableHDU(row, name="SPECOBJ")


def lines():
    """Return the table of measured lines."""
    return fits.BinTableHDU(np.zeros(3, dtype=[("LINEWAVE", "f8"), ("LINEZ", "f4")]), name="SPZLINE")


def whole(formats=(), identity=IDENTITY, kind="GALAXY", **changed):
    """Return a file of COADD, SPECOBJ and SPZLINE with some columns changed."""
    return as_bytes(coadd(formats, **changed), specobj(kind), lines(), identity=identity)


def places(content):
    """Return (first byte of the header, of the data, length of the data) of every HDU as astropy finds them."""
    with fits.open(BytesIO(content)) as hdus:
        return [tuple(hdu.fileinfo()[key] for key in ("hdrLoc", "datLoc", "datSpan")) for hdu in hdus]


def set_card(content, key, text, hdu=1):
    """Return the file with the value of a card of one header overwritten, whatever sense that makes."""
    start, end, _ = places(content)[hdu]
    at = next(i for i in range(start, end, 80) if content[i : i + 8].decode("ascii") == f"{key:8}")
    return content[:at] + f"{key:8}= {text:>20}".encode("latin-1").ljust(80) + content[at + 80 :]
