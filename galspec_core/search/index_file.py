"""The head of a FAISS index file, checked before FAISS, which trusts what it reads, is given the file."""

from pathlib import Path
from struct import Struct

from galspec_core.errors import SearchError

HEAD = Struct("<4siqqq?iQ")  # kind, dimension, entries, two unused, trained, metric, floats that follow (FAISS 1.15)
FLAT_L2, METRIC_L2 = b"IxF2", 1


def check_index_file(path, rows):
    """Raise SearchError unless a file is a flat L2 index of ``rows`` vectors, complete, with nothing behind them."""
    path = Path(path)
    with open(path, "rb") as file:
        head = file.read(HEAD.size)
    if len(head) < HEAD.size or not head.startswith(FLAT_L2):
        what = "cannot read the knowledge base: no flat L2 index of FAISS"
        raise SearchError(what, item=path, got=f"first bytes {head[:4]!r}")
    _, dimension, entries, _, _, _, metric, floats = HEAD.unpack(head)
    if entries != rows:
        got = f"{entries} vectors of {dimension} numbers, {rows} rows of metadata"
        raise SearchError("index and metadata do not fit together", item=path, got=got)
    size, expected = path.stat().st_size, HEAD.size + 4 * dimension * entries
    if metric != METRIC_L2 or dimension < 1 or floats != dimension * entries or size != expected:
        facts = {"expected": f"{expected:,} bytes", "got": f"{size:,} bytes, {floats} floats, metric {metric}"}
        raise SearchError("cannot read the knowledge base: the index contradicts itself", item=path, **facts)
