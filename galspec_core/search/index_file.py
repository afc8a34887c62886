"""What a knowledge base is made of, checked: its entries, its files before FAISS trusts one, and these against each other."""

from pathlib import Path
from struct import Struct

import numpy as np

from galspec_core.errors import SearchError
from galspec_core.search.complaints import AGAIN, EMPTY
from galspec_core.search.vectors import check_finite

REQUIRED = ("specobjid", "position", "label")  # columns of the metadata
HEAD = Struct("<4siqqq?iQ")  # kind, dimension, entries, two unused, trained, metric, floats that follow (FAISS 1.15)
FLAT_L2, CELLS, METRIC_L2 = b"IxF2", b"Iwrq", 1  # FAISS's words for a flat L2 index and for RaBitQ codes in cells


def check_entries(embedding, metadata):
    """Raise SearchError unless ``embedding`` [N, D] is finite and has a row of metadata for each of at least one entry."""
    lacking = [name for name in REQUIRED if name not in metadata]
    if lacking or embedding.ndim != 2 or len(embedding) != len(metadata):
        got = f"{embedding.shape} embeddings, {len(metadata)} rows of metadata, lacking {lacking}"
        remedy = "Give one row of metadata, with these columns, to each embedding"
        raise SearchError("embeddings and metadata do not fit together", expected=REQUIRED, got=got, remedy=remedy)
    if not len(embedding):
        raise SearchError("the knowledge base has no entry", expected="one labelled spectrum or more", remedy=EMPTY)
    check_finite(embedding, metadata["specobjid"].to_numpy())


def check_index_file(path, rows, size=None):
    """Raise SearchError unless a file is an L2 index of ``rows`` vectors: flat and complete, or compressed.

    ``size`` is the length in bytes that a compressed index was saved with; None stands for a flat one.
    """
    path = Path(path)
    with open(path, "rb") as file:
        head = file.read(HEAD.size)
    kind, name = (FLAT_L2, "flat L2 index") if size is None else (CELLS, "compressed index")
    if len(head) < HEAD.size or not head.startswith(kind):
        what = f"cannot read the knowledge base: no {name} of FAISS"
        raise SearchError(what, item=path, got=f"first bytes {head[:4]!r}", remedy=AGAIN)
    _, dimension, entries, _, _, _, metric, floats = HEAD.unpack(head)
    if entries != rows:
        got = f"{entries} vectors of {dimension} numbers, {rows} rows of metadata"
        raise SearchError("index and metadata do not fit together", item=path, got=got, remedy=AGAIN)
    found, expected = path.stat().st_size, HEAD.size + 4 * dimension * entries if size is None else size
    complete = found == expected and (size is not None or floats == dimension * entries)
    if metric != METRIC_L2 or dimension < 1 or not complete:
        facts = {
            "expected": f"{expected:,} bytes",
            "got": f"{found:,} bytes, {floats} floats, metric {metric}",
            "remedy": AGAIN,
        }
        raise SearchError("cannot read the knowledge base: the index contradicts itself", item=path, **facts)


def check_parts(folder, shape, metadata, about):
    """Raise SearchError unless an index of ``shape`` [N, D], its metadata and the facts ``about`` them fit together."""
    said = about["n"], about["dimension"]
    if said != shape or shape[0] != len(metadata):
        got = f"{shape[0]} vectors of {shape[1]} numbers, {len(metadata)} rows of metadata, facts of {said}"
        raise SearchError("index and metadata do not fit together", item=folder, got=got, remedy=AGAIN)
    lacking = [name for name in REQUIRED if name not in metadata]
    lacking += [key for key in ("median_distance",) if key not in about]
    if lacking or metadata["specobjid"].dtype != np.uint64:
        got = f"without {', '.join(lacking)}" if lacking else f"specobjid as {metadata['specobjid'].dtype}"
        expected = "specobjid as uint64"
        raise SearchError("the metadata cannot be used", item=folder, expected=expected, got=got, remedy=AGAIN)
