"""Small spec-lite files that the tests of fetching serve."""

from io import BytesIO

import numpy as np
from astropy.io import fits

from galspec_core.sas import spec_path


def spec_lite(target, pixels=200):
    rng = np.random.default_rng(target["fiberid"])
    columns = dict(
        flux=rng.normal(1, 0.1, pixels),
        loglam=3.6 + 1e-4 * np.arange(pixels),
        ivar=np.ones(pixels),
        and_mask=np.zeros(pixels),
    )
    formats = dict(flux="E", loglam="E", ivar="E", and_mask="J")
    table = fits.BinTableHDU.from_columns(
        [fits.Column(c, formats[c], array=v) for c, v in columns.items()], name="COADD"
    )
    primary = fits.PrimaryHDU()
    primary.header.update(dict(PLATEID=target["plate"], MJD=target["mjd"], FIBERID=target["fiberid"]))
    out = BytesIO()
    fits.HDUList([primary, table]).writeto(out)
    return out.getvalue()


def rel(target):
    """Return where a target's file is below the SAS root."""
    return spec_path(*(target[key] for key in ("run2d", "plate", "mjd", "fiberid")))
