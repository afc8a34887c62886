"""Vectors in memory or mapped from disk: read in blocks, checked, and their exact distances."""

import mmap
import os
import shutil
import weakref
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from galspec_core.errors import SearchError
from galspec_core.search.complaints import AGAIN, NOT_FINITE

BLOCK = 8192  # vectors in memory at once
NUMBERS_AT_ONCE = 1 << 18  # of candidates that are ranked: 2 MB in float64, what a processor's cache holds
SAMPLE = 2000  # entries whose pairwise distances give the mean and median: 2 million pairs


@contextmanager
def scratch_beside(folder):
    """Yield a folder beside ``folder`` for vectors that do not fit into memory; what a killed job left there goes first."""
    path = Path(folder).with_name(f".{Path(folder).name}.vectors")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def create_vectors(path, n, dimension):
    """Return float32 vectors [n, D] in a new .npy file, all 0, mapped for writing."""
    if not n:  # nothing can be mapped from an empty file
        return np.empty((0, dimension), dtype="f4")
    return _with_descriptor(np.lib.format.open_memmap(path, mode="w+", dtype="<f4", shape=(n, dimension)), path)


def open_vectors(path, shape):
    """Return the vectors of a .npy file, mapped for reading; SearchError if it holds anything but float32 of ``shape``."""
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SearchError("cannot read the vectors", item=path, got=str(error)[:200], remedy=AGAIN) from None
    if vectors.shape != shape or vectors.dtype != np.float32:
        got = f"{vectors.dtype} {vectors.shape}"
        expected = f"float32 {shape}"
        raise SearchError("the vectors do not fit their index", item=path, expected=expected, got=got, remedy=AGAIN)
    return _with_descriptor(vectors, path)


def write_vectors(vectors, path):
    """Write vectors [N, D] to a .npy file; mapped ones whole from a file of their own are linked where the disk allows."""
    if isinstance(vectors, np.memmap) and isinstance(vectors.base, mmap.mmap):
        vectors.flush()
        try:
            os.link(vectors.filename, path)
        except OSError:
            shutil.copyfile(vectors.filename, path)
    else:
        np.save(path, np.ascontiguousarray(vectors, dtype="<f4"))


def release(vectors):
    """Let go of the pages of mapped vectors: what they hold stays in the file, no longer in this process."""
    if isinstance(vectors, np.memmap) and isinstance(vectors.base, mmap.mmap):
        vectors.base.madvise(mmap.MADV_DONTNEED)


def blocks(vectors, rows=BLOCK):
    """Yield (first row, block) of vectors [N, D]; pages of mapped ones are let go of behind each block."""
    for start in range(0, len(vectors), rows):
        yield start, vectors[start : start + rows]
        release(vectors)


def rows_of(vectors, rows):
    """Return a copy of some rows [R, D] of vectors [N, D], those of a file read from it.

    A mapped row brings what lies around it into this process, up to 2 MB: soon the whole file.
    """
    descriptor = getattr(vectors, "descriptor", None)
    if descriptor is None:
        return vectors[rows]
    size, first = vectors.strides[0], vectors.offset
    parts = [os.pread(descriptor, size, first + size * row) for row in (rows % len(vectors)).tolist()]
    return np.frombuffer(bytearray().join(parts), dtype=vectors.dtype).reshape(len(rows), vectors.shape[1])


def _with_descriptor(vectors, path):
    """Return mapped vectors that keep their file open, for ``rows_of``, under whatever name it comes to lie."""
    vectors.descriptor = os.open(path, os.O_RDONLY)
    weakref.finalize(vectors, os.close, vectors.descriptor)
    return vectors


def check_finite(vectors, names):
    """Raise SearchError naming those of vectors [N, D] that are not finite."""
    bad = []
    for start, part in blocks(vectors):
        finite = np.isfinite(part)
        if not finite.all():
            bad.append(start + np.flatnonzero(~finite.all(axis=1)))
    if bad:
        rows = np.concatenate(bad)
        listed = ", ".join(str(names[row]) for row in rows[:5])
        got = f"{len(rows)} such embeddings"
        raise SearchError("an embedding is not finite", item=listed, got=got, remedy=NOT_FINITE)


def distances_to(queries, vectors, rows):
    """Return the L2 distance [Q, K] of queries [Q, D] to the vectors of rows [Q, K], in float64."""
    found = np.empty(rows.shape)
    step = max(1, NUMBERS_AT_ONCE // max(1, rows.shape[1] * vectors.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        apart = rows_of(vectors, rows[part].ravel()).reshape(*rows[part].shape, vectors.shape[1]).astype("f8")
        apart -= queries[part, None]
        found[part] = np.square(apart, out=apart).sum(axis=2)
    return np.sqrt(found)


def some_rows(n, most, seed):
    """Return up to ``most`` of ``n`` rows, drawn without replacement, ascending; all of them where n <= most."""
    return np.arange(n) if n <= most else np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def sample_distances(embedding, seed=0, n=SAMPLE):
    """Return the pairwise distances of up to ``n`` entries of ``embedding`` [N, D], all of them where N <= n."""
    from scipy.spatial.distance import pdist

    return pdist(rows_of(embedding, some_rows(len(embedding), n, seed)).astype("f8"))


def spread(embedding, seed=0):
    """Return mean_distance and median_distance of such a sample as a dict, None where there is no pair."""
    found = sample_distances(embedding, seed)
    measures = {"mean_distance": np.mean, "median_distance": np.median}
    return {name: float(measure(found)) if len(found) else None for name, measure in measures.items()}
