"""Physical quantities of spectra, one column of any catalogue at a time, matched to the manifest."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from galspec_core.catalogs.columns import check_columns
from galspec_core.catalogs.fits_rows import iterate_columns, open_fits_table
from galspec_core.catalogs.ids import fibre_key, look_up, parse_specobjid
from galspec_core.catalogs.layouts import FIBRE, IDS, schema
from galspec_core.errors import CatalogError
from galspec_core.log import logger

SCHEMA = schema(integers=" ".join(FIBRE))
SCALES = {  # in which a quantity is averaged and its error judged
    "linear": lambda x: x,
    "log10": np.log10,
    "asinh": np.arcsinh,
    "ln1p": np.log1p,  # of a redshift: errors are dz / (1 + z)
}


@dataclass(frozen=True)
class Quantity:
    """A quantity in the catalogues' own words.

    ``column`` is its name in the files, ``index`` its place where that column holds arrays (None: a number); values
    beyond ``low`` and ``high`` are no measurements; ``scale`` is a name of SCALES, ``tolerance`` the error, on that
    scale, beyond which an estimate is an outlier; ``unit`` is that of the scaled value, for people.
    """

    column: str
    scale: str
    low: float
    high: float
    tolerance: float
    unit: str
    index: int | None = None

    def scaled(self, values):
        """Return ``values`` [n] on the scale, NaN where they are no measurement."""
        values = np.asarray(values, dtype="f8")
        good = (values >= self.low) & (values <= self.high)
        with np.errstate(all="ignore"):
            found = SCALES[self.scale](np.where(good, values, np.nan))
        return np.where(np.isfinite(found), found, np.nan)


def read_quantity(quantity, paths, manifest):
    """Return the scaled values [n] of the spectra of ``manifest`` (specobjid, plate, mjd, fiberid), NaN where there are none.

    Files are FITS tables, Parquet or CSV, told apart by name; of several the first that has a value counts. A file without the
    column gives none. Spectra are matched by specobjid, else by plate, mjd and fiberid.

    Raises
    ------
    CatalogError
        A file cannot be read or has nothing to match by.
    """
    found = np.full(len(manifest), np.nan)
    for path in paths:
        for part in _parts(Path(path), quantity):
            values = quantity.scaled(part["value"])
            rows = _match(part, manifest)
            here = (rows >= 0) & np.isnan(found)
            found[here] = values[rows[here]]
    return found


def _parts(path, quantity):
    """Yield slices of a file: {value: [m], specobjid, key: uint64[m]}; none if it lacks the column."""
    if path.suffix in (".parquet", ".csv"):
        yield from _frame_parts(path, quantity)
        return
    table = open_fits_table(path)
    names = {key: table.find(words) for key, words in (IDS | FIBRE | {"value": (quantity.column,)}).items()}
    names = {key: name for key, name in names.items() if name}
    if "value" not in names:
        logger.info("%s has no column %s", path, quantity.column)
        return
    for _, raw in iterate_columns(table, sorted(set(names.values()))):
        yield _keyed({key: raw[name] for key, name in names.items()}, quantity, path)


def _frame_parts(path, quantity):
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"specobjid": str})
    except (OSError, ValueError) as error:  # Arrow's and pandas' own errors are ValueErrors
        raise CatalogError("cannot be read as a table", item=path, got=str(error)[:200]) from error
    if quantity.column not in frame:
        logger.info("%s has no column %s", path, quantity.column)
        return
    names = [name for name in ("specobjid", "plate", "mjd", "fiberid") if name in frame]
    raw = {name: frame[name].to_numpy() for name in names}
    yield _keyed(raw | {"value": frame[quantity.column].to_numpy()}, quantity, path)


def _keyed(raw, quantity, path):
    value = _values(raw["value"], quantity, path)
    check_columns({name: raw[name] for name in FIBRE if name in raw}, SCHEMA, path)
    n, fibre = len(value), [raw.get(name) for name in ("plate", "mjd", "fiberid")]
    if "specobjid" not in raw and any(part is None for part in fibre):
        raise CatalogError("has nothing to match by", item=path, expected="specobjid, or plate, mjd and fiberid")
    ids = parse_specobjid(raw["specobjid"], path, optional=True) if "specobjid" in raw else np.zeros(n, "u8")
    key = np.zeros(n, "u8") if any(part is None for part in fibre) else fibre_key(*fibre)
    return {"value": value, "specobjid": ids, "key": key}


def _values(raw, quantity, path):
    """Return the numbers [n] of a quantity's column; raise CatalogError where it holds something else."""
    wanted = 1 if quantity.index is None else 2
    if raw.dtype.kind not in "iufb" or raw.ndim != wanted or (wanted == 2 and quantity.index >= raw.shape[1]):
        expected = "a number a row" if wanted == 1 else f"more than {quantity.index} numbers a row"
        got = f"{raw.dtype} of shape {raw.shape[1:] or 1}"
        raise CatalogError(f"the column {quantity.column} is of another kind", item=path, expected=expected, got=got)
    return raw if wanted == 1 else raw[:, quantity.index]


def _match(part, manifest):
    rows = look_up(manifest["specobjid"].to_numpy(), part["specobjid"])
    keys = fibre_key(*(manifest[name].to_numpy() for name in ("plate", "mjd", "fiberid")))
    return np.where(rows >= 0, rows, look_up(keys, part["key"]))
