"""Matching other catalogues to the selected spectra: by specobjid, by plate-mjd-fiberid, by position."""

import numpy as np
import pandas as pd

from galspec_core.catalogs.ids import fibre_key, look_up
from galspec_core.catalogs.positions import pairs_within, separation
from galspec_core.errors import CatalogError
from galspec_core.log import logger

MATCH_ARCSEC = (
    2.0  # a position of another catalogue and ours are one object (our choice; SDSS fibres are 2-3 arcsec wide)
)
FIBRE_BASES = {1: 0, 0: 1}  # FIBER_INDEX counts from 1 or from 0: what to add for fiberid
UNMATCHED = ["catalogue", "row", "specobjid", "plate", "mjd", "fiberid", "ra", "dec", "subtype"]
SILO_NAMES = {"fiberid": "fiber_index", "subtype": "grade"}


def columns(table, *names):
    """Return columns of a pa.Table as arrays."""
    return [table[name].to_numpy() for name in names]


def keys(table, fiberid="fiberid", shift=0):
    """Return the plate-mjd-fiberid keys of a pa.Table, uint64[n]."""
    plate, mjd, fibre = columns(table, "plate", "mjd", fiberid)
    return fibre_key(plate, mjd, np.where(fibre < 0, -1, fibre + shift))


def match_rows(selected, catalogue):
    """Return for each selected spectrum its row in ``catalogue`` or -1, and how many came by specobjid.

    Where the identifier finds nothing, plate, mjd and fiberid are tried.
    """
    rows = look_up(*columns(selected, "specobjid"), *columns(catalogue, "specobjid"))
    by_id = int((rows >= 0).sum())
    return np.where(rows >= 0, rows, look_up(keys(selected), keys(catalogue))), by_id


def match_user(selected, table):
    """Return pairs (row of ``table``, row of ``selected``) of a user's table.

    An identifier is tried first, then plate, mjd and fiberid; only rows with neither match by position, and they match
    every spectrum within MATCH_ARCSEC.
    """
    ids, own_keys = table["specobjid"].to_numpy(), keys(table)
    place = look_up(ids, *columns(selected, "specobjid"))
    place = np.where(place >= 0, place, look_up(own_keys, keys(selected)))
    rows = np.flatnonzero(place >= 0)
    nameless = np.flatnonzero((ids == 0) & (own_keys == 0))
    near, there = _near(selected, table.take(nameless))
    return np.concatenate([rows, nameless[near]]), np.concatenate([place[rows], there])


def _near(selected, table):
    return pairs_within(*columns(table, "ra", "dec"), *columns(selected, "ra", "dec"), MATCH_ARCSEC)


def match_silo(selected, silo):
    """Return pairs (row of ``silo``, row of ``selected``) of the lens catalogue.

    By SPECOBJID where it has one; else by FIBER_INDEX, counted from 0 or 1, whichever puts more lenses within
    MATCH_ARCSEC of their spectrum; else by position.

    Raises
    ------
    CatalogError
        There is neither an identifier nor a position.
    """
    ids, place = silo["specobjid"].to_numpy(), np.isfinite(silo["ra"].to_numpy())
    if not ids.any() and not place.any():
        raise CatalogError("has neither SPECOBJID nor RA and DEC", item="silo", expected="one of them")
    found = look_up(ids, *columns(selected, "specobjid"))
    if (found >= 0).any():
        logger.info("silo: matched by SPECOBJID")
        return np.flatnonzero(found >= 0), found[found >= 0]
    rows, there = _by_fibre(selected, silo)
    return (rows, there) if len(rows) else _near(selected, silo)


def _by_fibre(selected, silo):
    """Return the pairs of the base under which more positions agree; none if fewer than half of its pairs do."""
    known, best = keys(selected), (np.empty(0, "i8"), np.empty(0, "i8"))
    for base, shift in FIBRE_BASES.items():
        found = look_up(keys(silo, "fiber_index", shift), known)
        rows = np.flatnonzero(found >= 0)
        ours, theirs = selected.take(found[rows]), silo.take(rows)
        close = separation(*columns(ours, "ra", "dec"), *columns(theirs, "ra", "dec")) <= MATCH_ARCSEC
        logger.info("silo: FIBER_INDEX counted from %d: %d of %d positions agree", base, close.sum(), len(close))
        if close.sum() > max(len(best[0]), len(close) / 2):
            best = (rows[close], found[rows][close])
    return best


def unmatched_rows(name, table, matched):
    """Return the rows of ``table``, counted from 1, that are no selected spectrum, and what they call themselves."""
    rows = np.setdiff1d(np.arange(table.num_rows), matched)
    frame = pd.DataFrame({"catalogue": name, "row": rows + 1})
    for ours in UNMATCHED[2:]:
        theirs = ours if ours in table.column_names else SILO_NAMES[ours]
        frame[ours] = table[theirs].to_numpy()[rows]
    return frame
