"""DESI's redshift catalogue as specObj's table: what its columns become (desidatamodel, zall-pix-SPECPROD)."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from galspec_core.catalogs.ids import parse_specobjid, text
from galspec_core.catalogs.layouts import LAYOUTS, SPECOBJ, Layout

TRUE = (1, ord("T"))  # of a logical column: its number, or the letter that FITS writes


def _zcatalog(raw, item, start):
    """Convert a slice: plate is the HEALPixel, run2d SURVEY-PROGRAM; mjd and fiberid are 0, a coadd has several of each."""
    n = len(raw["targetid"])
    survey, program = text(raw["survey"]), text(raw["program"])
    zero = np.zeros(n, dtype="i4")
    good = np.ones(n, dtype=bool)
    if "fiberstatus" in raw:
        good &= raw["fiberstatus"] == 0
    if "objtype" in raw:
        good &= pc.equal(text(raw["objtype"]), "TGT").to_numpy(zero_copy_only=False)
    return {
        "specobjid": parse_specobjid(raw["targetid"], item, start),
        **{"plate": raw["healpix"].astype("i4"), "mjd": zero, "fiberid": zero},
        "zwarning": raw["zwarning"].astype("i4"),
        "specprimary": _primary(raw).astype("i4"),
        "run2d": pc.binary_join_element_wise(survey, program, "-"),
        "class": text(raw["class"]),
        "subclass": text(raw["subclass"]) if "subclass" in raw else pa.array([""] * n),
        "z_source": np.full(n, "Z"),
        "platequality": np.where(good, "good", "bad"),
        "instrument": np.full(n, "DESI"),
        **{name: raw[name].astype("f8") for name in ("z", "ra", "dec")},
        "snr": raw["snr"].astype("f8") if "snr" in raw else np.full(n, np.nan),
        "good_share": np.full(n, np.nan),
    }


def _primary(raw):
    return np.isin(raw["primary"], TRUE)


ZCATALOG = Layout(
    SPECOBJ.schema,
    {
        **{"targetid": ("TARGETID",), "survey": ("SURVEY",), "program": ("PROGRAM",), "healpix": ("HEALPIX",)},
        **{"ra": ("TARGET_RA",), "dec": ("TARGET_DEC",), "z": ("Z",), "zwarning": ("ZWARN",), "class": ("SPECTYPE",)},
        "primary": ("ZCAT_PRIMARY",),
    },
    _zcatalog,
    {
        **{"subclass": ("SUBTYPE",), "fiberstatus": ("COADD_FIBERSTATUS",), "objtype": ("OBJTYPE",)},
        "snr": ("MEDIAN_COADD_SNR_R",),
    },
    unique=True,
    kept=(_primary, "not the primary spectrum of its target"),
    kinds={"targetid": pa.uint64(), "healpix": pa.int32()}
    | {name: pa.string() for name in ("survey", "program", "objtype")},
)
LAYOUTS_OF = {"sdss": LAYOUTS, "desi": LAYOUTS | {"specobj": ZCATALOG}}  # key survey of the configuration
