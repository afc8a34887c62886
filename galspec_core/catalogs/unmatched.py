"""Rows of a user's table that became no target: what each calls itself, why it was left out, and the nearest spectrum."""

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from galspec_core.catalogs.crossmatch import MATCH_ARCSEC, columns, keys, match_user
from galspec_core.catalogs.ids import look_up
from galspec_core.catalogs.positions import pairs_within, separation, unit_vectors
from galspec_core.catalogs.select import each_batch, first_failed

COLUMNS = [
    "row",
    "given",
    "reason",
    "nearest_specobjid",
    "nearest_plate",
    "nearest_mjd",
    "nearest_fiberid",
    "separation_arcsec",
]
SELECTED = ["specobjid", "plate", "mjd", "fiberid", "ra", "dec"]  # what is read of the selected spectra
NAMELESS = "names no spectrum: neither specobjid, nor plate, mjd and fiberid, nor ra and dec"
NOT_HERE = f"no spectrum of the survey within {MATCH_ARCSEC:g} arcsec"
NO_SUCH = "no spectrum of this name in the survey's catalogue"


def explain_unmatched(table, selected, specobj, config):
    """Return COLUMNS of each row of a user's table that is no selected spectrum, in its order.

    ``row`` counts from 1, what the task's ``only`` leaves out aside. The nearest is that of the selected spectra, where the
    row has a position or the survey's catalogue knows one; empty elsewhere.

    Parameters
    ----------
    table : pa.Table
        As ``read_user_table`` returns it.
    selected : pa.Table
        What ``select`` returns (SELECTED).
    specobj : path or pa.Table
        The survey's catalogue before the cuts; a path is streamed.
    config : SelectConfig
        The cuts.
    """
    rows = np.setdiff1d(np.arange(table.num_rows), match_user(selected, table)[0])
    lost = table.take(rows)
    reasons, ra, dec = _why(lost, specobj, config)
    nearest, apart = _nearest(ra, dec, selected)
    frame = pd.DataFrame({"row": rows + 1, "given": given(lost), "reason": reasons})
    for name in SELECTED[:4]:
        values = (
            pd.array(selected[name].to_numpy()[np.maximum(nearest, 0)])
            if selected.num_rows
            else pd.array([0] * len(rows))
        )
        frame[f"nearest_{name}"] = pd.Series(values).where(nearest >= 0)
    return frame.assign(separation_arcsec=np.round(apart, 2))[COLUMNS]


def given(table):
    """Return what each row of a user's table calls itself, in words."""
    words = []
    for row in table.to_pylist():
        parts = [f"specobjid {row['specobjid']}"] if row["specobjid"] else []
        parts += [f"{name} {row[name]}" for name in ("plate", "mjd", "fiberid") if row[name] >= 0]
        parts += [f"{name} {row[name]:.5f}" for name in ("ra", "dec") if np.isfinite(row[name])]
        words.append(", ".join(parts) or "nothing")
    return words


def _why(lost, specobj, config):
    """Return the reason and the position of each lost row, the catalogue's where the row has none."""
    ids, fibres, (ra, dec) = lost["specobjid"].to_numpy(), keys(lost), columns(lost, "ra", "dec")
    named, placed = (ids != 0) | (fibres != 0), np.isfinite(ra) & np.isfinite(dec)
    reasons = np.where(named, NO_SUCH, np.where(placed, NOT_HERE, NAMELESS)).astype(object)
    ra, dec = ra.copy(), dec.copy()
    for batch in each_batch(specobj):
        row, there = _found(ids, fibres, np.where(named, np.nan, ra), dec, batch)
        for i, why, *place in zip(row, first_failed(batch.take(there), config), *_place(batch, there), strict=True):
            reasons[i] = f"left out: {why}"
            if not placed[i]:
                ra[i], dec[i] = place
    return reasons, ra, dec


def _found(ids, fibres, ra, dec, batch):
    """Return pairs (lost row, row of a batch of the catalogue): by name, else by position."""
    place = look_up(ids, *columns(batch, "specobjid"))
    place = np.where(place >= 0, place, look_up(fibres, keys(batch)))
    rows = np.flatnonzero(place >= 0)
    near, there = pairs_within(ra, dec, *columns(batch, "ra", "dec"), MATCH_ARCSEC)
    return np.concatenate([rows, near]), np.concatenate([place[rows], there])


def _place(batch, rows):
    return (values[rows] for values in columns(batch, "ra", "dec"))


def _nearest(ra, dec, selected):
    """Return the nearest selected spectrum of each position, -1 for none, and how far it is in arcsec."""
    nearest, apart = np.full(len(ra), -1), np.full(len(ra), np.nan)
    known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if len(known) and selected.num_rows:
        there = columns(selected, "ra", "dec")
        nearest[known] = cKDTree(unit_vectors(*there)).query(unit_vectors(ra[known], dec[known]))[1]
        apart[known] = separation(ra[known], dec[known], *(values[nearest[known]] for values in there))
    return nearest, apart
