"""Whether a catalogue's columns hold what their names promise, before anything is made of them."""

import numpy as np
import pyarrow as pa

from galspec_core.errors import CatalogError

ARRAYS = ("flux", "flux_err")  # columns of several numbers a row
WORDS, NUMBERS, IDS = "words", "numbers", "text or uint64"
KINDS = {WORDS: "SU", NUMBERS: "iuf", IDS: "SUiuf"}  # of numpy; a specobjid that is a float has a message of its own
INTEGERS = np.iinfo("i4")


def check_columns(raw, schema, item, first_row=0):
    """Raise CatalogError naming the first column of ``raw`` {name: array[n]} that is not of the schema's kind.

    Names that the schema lacks are numbers. ``first_row`` is the number of the first row, for the error.
    """
    for name, values in raw.items():
        kind = schema.field(name).type if name in schema.names else pa.float64()
        expected = IDS if kind == pa.uint64() else WORDS if kind == pa.string() else NUMBERS
        if values.dtype.kind not in KINDS[expected] or (values.ndim != 1 and name not in ARRAYS):
            got = f"{values.dtype} of shape {values.shape[1:] or 1}"
            raise CatalogError(f"the column {name} is of another kind", item=item, expected=expected, got=got)
        if kind == pa.int32():
            _check_integers(name, values, item, first_row)


def _check_integers(name, values, item, first_row):
    """Raise CatalogError naming the first row whose number is not whole, or passes 32 bits."""
    with np.errstate(invalid="ignore"):
        bad = ~((values >= INTEGERS.min) & (values <= INTEGERS.max))
        bad |= (values != np.floor(values)) if values.dtype.kind == "f" else False
    if bad.any():
        row = int(np.argmax(bad))
        where, expected = f"{item}, row {first_row + row}", "a whole number of 32 bits"
        raise CatalogError(f"bad {name}", item=where, expected=expected, got=str(values[row]))
