"""Sky positions: which spectra show the same object, and which side of the survey it is on."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from galspec_core.catalogs.draws import uniform


def unit_vectors(ra, dec):
    """Return points on the unit sphere [n, 3] of right ascension and declination in degrees."""
    ra, dec = np.deg2rad(np.asarray(ra, dtype="f8")), np.deg2rad(np.asarray(dec, dtype="f8"))
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def chord(arcsec):
    """Return the straight distance between two points of the unit sphere ``arcsec`` apart."""
    return 2 * np.sin(np.deg2rad(np.asarray(arcsec) / 3600) / 2)


def separation(ra, dec, other_ra, other_dec):
    """Return the angle in arcsec between pairs of positions in degrees."""
    apart = np.linalg.norm(unit_vectors(ra, dec) - unit_vectors(other_ra, other_dec), axis=1)
    return np.rad2deg(2 * np.arcsin(np.minimum(apart / 2, 1))) * 3600


def link(ra, dec, arcsec):
    """Return a group number for each position: friends of friends closer than ``arcsec`` share one.

    Identical positions are merged first, so that many spectra of one object cost no pairs.
    """
    places, inverse = np.unique(np.asarray(ra, dtype="f8") + 1j * np.asarray(dec, dtype="f8"), return_inverse=True)
    pairs = cKDTree(unit_vectors(places.real, places.imag)).query_pairs(chord(arcsec), output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs), dtype="i1"), (pairs[:, 0], pairs[:, 1])), shape=(len(places),) * 2)
    return connected_components(graph, directed=False)[1][inverse]


def position_ids(specobjid, groups):
    """Return for each spectrum the smallest specobjid of its group, uint64: a name that no file order changes."""
    smallest = np.full(groups.max(initial=-1) + 1, np.iinfo("u8").max, dtype="u8")
    np.minimum.at(smallest, groups, specobjid)
    return smallest[groups]


def on_training_side(position, test_side, seed):
    """Return True where a position may train; the share ``test_side`` of positions only ever tests."""
    return uniform(position, seed, "side") >= test_side


def pairs_within(ra, dec, other_ra, other_dec, arcsec):
    """Return rows (i, j) of all pairs of the two lists closer than ``arcsec``; NaN positions have no partner."""
    here, there = (np.flatnonzero(np.isfinite(a) & np.isfinite(d)) for a, d in ((ra, dec), (other_ra, other_dec)))
    if not len(here) or not len(there):
        return np.empty(0, dtype="i8"), np.empty(0, dtype="i8")
    tree = cKDTree(unit_vectors(np.asarray(other_ra)[there], np.asarray(other_dec)[there]))
    found = tree.query_ball_point(unit_vectors(np.asarray(ra)[here], np.asarray(dec)[here]), chord(arcsec))
    counts = [len(rows) for rows in found]
    partners = np.concatenate([np.sort(rows) for rows in found]).astype("i8")
    return np.repeat(here, counts), there[partners]
