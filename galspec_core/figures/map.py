"""A map of an embedding: UMAP lays its vectors out on a plane, so that neighbours stay neighbours."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from galspec_core.errors import ConfigError, SearchError
from galspec_core.search.vectors import check_finite, some_rows
from galspec_core.spectra.shard import read_gridded

NEIGHBOURS = 15  # of each point that the layout keeps near (UMAP's default)
MIN_DIST = 0.1  # between points of a clump, in units of the map (UMAP's default)
UNLABELLED = "unlabelled"
FIXED = ["specobjid", "x", "y", "plate", "mjd", "fiberid", "ra", "dec"]  # columns of every map
MOST_PIXELS, LEAST_PIXELS = 400, 60  # of a spectrum on the page
NO_DATA, TOP = 255, 254  # bytes of a spectrum on the page: no measurement, its highest flux
LOOK = "Look at results/spectra/rejected.csv: was nearly everything rejected?"


@dataclass(frozen=True)
class Thumbnails:
    """Spectra as bytes: flux = low + value / TOP * (high - low), NO_DATA where no pixel of a bin is good.

    ``wave`` [P] Angstrom, ``frame`` "rest" or "observed", ``values`` [n, P] uint8, ``low`` and ``high`` [n] float32.
    """

    wave: np.ndarray
    frame: str
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray


def lay_out(vectors, seed):
    """Return the places [n, 2] of vectors [n, D] on a map, float32; the same for the same seed, one thread.

    Raises
    ------
    ConfigError
        umap-learn is not installed.
    SearchError
        There are fewer than four vectors, or one is not finite.
    """
    umap = _import_umap()
    if len(vectors) < 4:
        facts = dict(item="the survey", expected="at least 4", got=len(vectors), remedy=LOOK)
        raise SearchError("too few spectra for a map", **facts)
    check_finite(vectors, np.arange(len(vectors)))
    near = min(NEIGHBOURS, len(vectors) - 1)
    start = "spectral" if len(vectors) > 3 * NEIGHBOURS else "random"  # eigenvectors of a few points do not exist
    settings = dict(n_neighbors=near, min_dist=MIN_DIST, init=start, random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about graphs in several pieces, which are no fault
        return umap.UMAP(**settings).fit_transform(np.ascontiguousarray(vectors, dtype="f4")).astype("f4")


def _import_umap():
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it misses Tensorflow, which only another kind of map needs
            import umap
    except ImportError:
        raise ConfigError(
            "the map of an embedding needs the package umap-learn, which is not installed",
            item="figures.map",
            remedy="Install it with: pip install -c constraints.txt -e '.[map]'",
        ) from None
    return umap


def choose_points(manifest, rejected, n, seed):
    """Return up to ``n`` rows of the manifest that no shard rejected, a seeded sample beyond, in its order."""
    kept = manifest[~manifest["specobjid"].isin(rejected)]
    return kept.iloc[some_rows(len(kept), n, seed)].reset_index(drop=True)


def map_table(points, places, labels, columns):
    """Return the table of a map: FIXED, class, and ``columns`` of the manifest or of the labels.

    Parameters
    ----------
    points : DataFrame
        Rows of the manifest.
    places : ndarray[n, 2]
    labels : DataFrame
        specobjid, labels (a list each) and more columns.
    columns : list of str

    Raises
    ------
    ConfigError
        Neither table has one of ``columns``.
    """
    words = {i: "+".join(sorted(found)) for i, found in zip(labels["specobjid"], labels["labels"], strict=True)}
    table = points.assign(x=places[:, 0], y=places[:, 1])
    table["class"] = [words.get(i) or UNLABELLED for i in points["specobjid"]]
    more = labels.set_index("specobjid").drop(columns=["labels", "held_out"], errors="ignore")
    table = table.join(more[more.columns.difference(table.columns)], on="specobjid")
    unknown = [name for name in columns if name not in table]
    if unknown:
        known = ", ".join(sorted(set(table) - set(FIXED)))
        raise ConfigError("no such column", item="figures.map.columns", expected=f"some of {known}", got=unknown)
    return table[list(dict.fromkeys([*FIXED, "class", *columns]))]


def pixels_that_fit(n, most_bytes):
    """Return the pixels that each of ``n`` spectra may have in ``most_bytes``: up to MOST_PIXELS, or 0 for too few."""
    pixels = min(MOST_PIXELS, int(most_bytes // max(n, 1)))
    return pixels if pixels >= LEAST_PIXELS else 0


def thumbnails(ids, shards, grid, pixels):
    """Return the Thumbnails of spectra ``ids`` [n] from gridded shards; None if they may have no pixels.

    Parameters
    ----------
    shards : list of path
    grid : Grid
    pixels : int
        Bins of a spectrum, at most; each is the mean flux of its good pixels.
    """
    if not pixels:
        return None
    size = -(-grid.pixels // pixels)
    starts = np.arange(0, grid.pixels, size)
    row = {int(i): k for k, i in enumerate(ids)}
    values = np.full((len(ids), len(starts)), NO_DATA, dtype="u1")
    low, high = np.zeros((2, len(ids)), dtype="f4")
    for path in shards:
        part = read_gridded(path, np.asarray(ids, dtype="u8"))
        rows = [row[int(i)] for i in part.specobjid]
        values[rows], low[rows], high[rows] = to_bytes(binned(part.flux, part.ivar, starts))
    return Thumbnails(grid.wavelengths[np.minimum(starts + size // 2, grid.pixels - 1)], grid.frame, values, low, high)


def binned(flux, ivar, starts):
    """Return the mean flux [B, P] of the good pixels of bins that begin at ``starts`` [P], NaN where none is good."""
    good = (ivar > 0) & np.isfinite(flux)
    total = np.add.reduceat(np.where(good, flux, 0), starts, axis=1, dtype="f8")
    count = np.add.reduceat(good, starts, axis=1, dtype="i4")
    return np.where(count, total / np.maximum(count, 1), np.nan)


def to_bytes(flux):
    """Return flux [B, P] as uint8 [B, P] with what 0 and TOP stand for: low and high, float32 [B]."""
    finite = np.isfinite(flux)
    low = np.where(finite.any(axis=1), np.where(finite, flux, np.inf).min(axis=1), 0)
    high = np.where(finite.any(axis=1), np.where(finite, flux, -np.inf).max(axis=1), 1)
    step = np.where(high > low, high - low, 1)[:, None] / TOP
    values = np.where(finite, np.rint((np.where(finite, flux, 0) - low[:, None]) / step), NO_DATA)
    return np.clip(values, 0, NO_DATA).astype("u1"), low.astype("f4"), high.astype("f4")


def loaded(found, points):
    """Return the rows of ``points`` that have an embedding, and their vectors [n, D]; ``found`` is an Embeddings."""
    rows = found.rows(points["specobjid"].to_numpy())
    return points[rows >= 0].reset_index(drop=True), found.embedding[rows[rows >= 0]]


def read_rejected_ids(path):
    """Return the specobjid of each row of a table of rejected spectra: ndarray of uint64."""
    return pd.read_csv(path, usecols=["specobjid"], dtype={"specobjid": "u8"})["specobjid"].to_numpy()
