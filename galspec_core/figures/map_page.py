"""The page of a map: one HTML file that needs no network; its numbers are packed, its words escaped."""

import base64

import numpy as np
import pandas as pd

from galspec_core.figures.links import ARCHIVES, link_words
from galspec_core.figures.page import fill_page

MOST_CATEGORIES = 12  # of a column; rarer ones are shown as one
OTHER = "other"
HIDDEN = {"specobjid", "x", "y", "plate", "mjd", "fiberid", "ra", "dec"}  # columns that are no choice of colour


def map_page(table, spectra, title, archive="sdss"):
    """Return the page of a map as text.

    Parameters
    ----------
    table : DataFrame
        Of ``map.map_table``.
    spectra : Thumbnails or None
    title : str
    archive : str
        A name of ARCHIVES.
    """
    data = page_data(table, spectra, title, ARCHIVES[archive][0])
    return fill_page("map", title, data, n=f"{len(table):,}", **link_words(archive))


def page_data(table, spectra, title, link):
    """Return what the script of the page reads: a dict of JSON values, arrays in base64."""
    fixed = {name: pack(table[name], "<i4") for name in ("plate", "mjd", "fiberid")}
    fixed |= {name: pack(table[name], "<f4") for name in ("x", "y")} | {"specobjid": pack(table["specobjid"], "<u8")}
    columns = [_column(name, table[name]) for name in table if name not in HIDDEN]
    shown = spectra and {
        "frame": spectra.frame,
        "wave": pack(spectra.wave, "<f4"),
        "values": pack(spectra.values, "u1"),
        "low": pack(spectra.low, "<f4"),
        "high": pack(spectra.high, "<f4"),
    }
    return dict(title=title, link=link, n=len(table), points=fixed, columns=columns, spectra=shown, ramp=viridis())


def _column(name, values):
    """Return one column as numbers, or as the numbers of its categories, most frequent first."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return dict(name=name, kind="number", data=pack(values, "<f4"))
    words = values.astype("object").where(values.notna(), "").astype(str).replace("", "none")
    kept = list(words.value_counts().sort_index().sort_values(ascending=False, kind="stable").index)
    if len(kept) > MOST_CATEGORIES:
        kept = [*[word for word in kept if word != OTHER][: MOST_CATEGORIES - 1], OTHER]
    number = {word: i for i, word in enumerate(kept)}
    return dict(
        name=name, kind="category", categories=kept, data=pack([number.get(w, len(kept) - 1) for w in words], "u1")
    )


def pack(values, kind):
    """Return numbers of any shape as base64 of their bytes."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


def viridis():
    """Return 256 colours of viridis, which is perceptually uniform, as packed bytes."""
    from matplotlib import colormaps

    return pack(np.rint(colormaps["viridis"](np.arange(256))[:, :3] * 255), "u1")
