"""What the survey's catalogues call their columns, and how a slice of them becomes ours."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from galspec_core.catalogs.ids import parse_specobjid, text
from galspec_core.errors import CatalogError

PORTSMOUTH_LINES = {"hb": 15, "oiii": 17, "ha": 24, "nii": 25}  # rows of FLUX: Hb, [O III] 5007, Ha, [N II] 6583
PORTSMOUTH_N = 28  # lines in FLUX (Thomas et al. 2013, DR12 data model)
LARGEST_GOOD_SHARE = 1.05  # WCOVERAGE may pass the range by a pixel's rounding; more makes no sense


@dataclass(frozen=True)
class Layout:
    """A catalogue: its Parquet schema, {our name: names it may have} and the function that converts a slice.

    ``kept`` are a function that says of raw columns which rows stay, and what is said of those that go; ``kinds`` are types of
    raw columns that the schema does not have.
    """

    schema: pa.Schema
    required: dict
    convert: Callable
    optional: dict = field(default_factory=dict)
    unique: bool = False
    kept: tuple | None = None
    kinds: dict = field(default_factory=dict)

    @property
    def raw_schema(self):
        """Return the types that raw columns must have."""
        return pa.schema([*self.schema, *self.kinds.items()])


def good_share(wcoverage, wavemin, wavemax):
    """Return the share of good pixels between the ends of a spectrum, NaN where the catalogue makes no sense.

    ``wcoverage`` is in dex, the ends in Angstrom (specObj data model).
    """
    low, high, covered = (np.asarray(v, dtype="f8") for v in (wavemin, wavemax, wcoverage))
    sound = (low > 0) & (high > low) & np.isfinite(high) & (covered > 0)
    span = np.log10(np.where(sound, high, 10.0)) - np.log10(np.where(sound, low, 1.0))
    value = np.where(sound, covered / span, np.nan)
    return np.where(value <= LARGEST_GOOD_SHARE, np.minimum(value, 1.0), np.nan)


def _from_columns(raw, names, kind):
    return {name: raw[name].astype(kind) for name in names}


def _fibre(raw):
    return _from_columns(raw, ("plate", "mjd", "fiberid"), "i4")


def _optional_ids(raw, item, start, n):
    if "specobjid" not in raw:
        return np.zeros(n, dtype="u8")
    return parse_specobjid(raw["specobjid"], item, start, optional=True)


def _specobj(raw, item, start):
    run2d = text(raw["run2d"])
    boss = pc.starts_with(run2d, "v").to_numpy(zero_copy_only=False)
    noqso = _uses_noqso(raw, boss, item)
    ends = [raw.get(key, np.full(len(boss), np.nan)) for key in ("wcoverage", "wavemin", "wavemax")]
    return {
        "specobjid": parse_specobjid(raw["specobjid"], item, start),
        **_fibre(raw),
        **{key: text(raw[key]) for key in ("class", "subclass", "platequality")},
        "run2d": run2d,
        "z": np.where(noqso, raw.get("z_noqso", raw["z"]), raw["z"]).astype("f8"),
        "z_source": np.where(noqso, "Z_NOQSO", "Z"),
        "zwarning": np.where(noqso, raw.get("zwarning_noqso", raw["zwarning"]), raw["zwarning"]).astype("i4"),
        **_from_columns(raw, ("snr", "ra", "dec"), "f8"),
        "instrument": _instrument(raw, boss),
        "good_share": good_share(*ends),
        "specprimary": raw.get("specprimary", np.full(len(boss), -1)).astype("i4"),
    }


def _uses_noqso(raw, boss, item):
    """Return where Z_NOQSO counts: BOSS and eBOSS reductions that have one; it is 0 in all others."""
    if ("z_noqso" in raw) != ("zwarning_noqso" in raw):
        raise CatalogError(
            "has only one of two columns", item=item, expected="both Z_NOQSO and ZWARNING_NOQSO, or neither"
        )
    z = raw.get("z_noqso", np.zeros(len(boss)))
    return boss & np.isfinite(z) & (z > 0)


def _instrument(raw, boss):
    derived = pa.array(np.where(boss, "BOSS", "SDSS"))
    if "instrument" not in raw:
        return derived
    given = text(raw["instrument"])
    return pc.if_else(pc.equal(given, ""), derived, given)


def _galspecextra(raw, item, start):
    ids = _optional_ids(raw, item, start, len(raw["plate"]))
    return {"specobjid": ids, **_fibre(raw), **_from_columns(raw, ["bptclass"], "i4")}


def _portsmouth(raw, item, start):
    n = len(raw["plate"])
    flux, error = raw["flux"], raw.get("flux_err", np.full(raw["flux"].shape, np.nan))
    if flux.shape != (n, PORTSMOUTH_N):
        raise CatalogError(
            "FLUX has another shape", item=item, expected=f"{PORTSMOUTH_N} lines", got=str(flux.shape[1:])
        )
    lines = {key: flux[:, i].astype("f8") for key, i in PORTSMOUTH_LINES.items()}
    errors = {f"{key}_err": error[:, i].astype("f8") for key, i in PORTSMOUTH_LINES.items()}
    ids = _optional_ids(raw, item, start, n)
    return {"specobjid": ids, **_fibre(raw), "z": raw["z"].astype("f8"), "bpt": text(raw["bpt"]), **lines, **errors}


def _silo(raw, item, start):
    n = len(raw["plate"])
    missing = np.full(n, np.nan)
    numbers = {key: raw.get(key, missing).astype("f8") for key in ("ra", "dec", "z", "z_source")}
    fibre = _from_columns(raw, ("plate", "mjd", "fiber_index"), "i4")
    return {"specobjid": _optional_ids(raw, item, start, n), **fibre, **numbers, "grade": text(raw["grade"])}


def schema(**kinds):
    """Return a Parquet schema: space-separated names by type, in that order."""
    types = {"ids": pa.uint64(), "integers": pa.int32(), "numbers": pa.float64(), "words": pa.string()}
    return pa.schema([(name, types[kind]) for kind, names in kinds.items() for name in names.split()])


def _named(names):
    """Return columns that the survey calls as we do, in capitals."""
    return {name: (name.upper(),) for name in names.split()}


IDS = {"specobjid": ("SPECOBJID", "SPECOBJ_ID")}
FIBRE = {"plate": ("PLATE", "PLATEID"), "mjd": ("MJD",), "fiberid": ("FIBERID", "FIBER")}
PLACE = {"ra": ("PLUG_RA", "RA", "PLUGRA", "RACAT"), "dec": ("PLUG_DEC", "DEC", "PLUGDEC", "DECCAT")}
SPECOBJ = Layout(
    schema(
        ids="specobjid",
        integers="plate mjd fiberid zwarning specprimary",
        words="run2d class subclass z_source platequality instrument",
        numbers="z snr ra dec good_share",
    ),
    IDS | FIBRE | PLACE | {"snr": ("SN_MEDIAN_ALL",)}
    | _named("run2d class subclass z zwarning platequality"),
    _specobj,
    _named("z_noqso zwarning_noqso instrument specprimary wcoverage wavemin wavemax"),
    unique=True,
)  # fmt: skip
GALSPECEXTRA = Layout(
    schema(ids="specobjid", integers="plate mjd fiberid bptclass"),
    FIBRE | {"bptclass": ("BPTCLASS",)},
    _galspecextra,
    IDS,
)
PORTSMOUTH = Layout(
    schema(
        ids="specobjid",
        integers="plate mjd fiberid",
        words="bpt",
        numbers="z hb oiii ha nii hb_err oiii_err ha_err nii_err",
    ),
    FIBRE | {"z": ("Z", "REDSHIFT"), "bpt": ("BPT",), "flux": ("FLUX",)},
    _portsmouth,
    IDS | {"flux_err": ("FLUX_ERR",)},
)
SILO = Layout(
    schema(ids="specobjid", integers="plate mjd fiber_index", words="grade", numbers="ra dec z z_source"),
    {
        "plate": ("PLATE",),
        "mjd": ("MJD",),
        "fiber_index": ("FIBER_INDEX", "FIBERID", "FIBER"),
        "grade": ("TOTAL_GRADE",),
    },
    _silo,
    IDS | PLACE | {"z": ("Z_NOQSO", "Z"), "z_source": ("DETECTION_Z",)},
)
LAYOUTS = {
    "specobj": SPECOBJ,
    "galspecextra": GALSPECEXTRA,
    "portsmouth_boss": PORTSMOUTH,
    "portsmouth_legacy": PORTSMOUTH,
    "silo": SILO,
}
