"""Embeddings from the encoder's shards: only the wanted rows are ever held."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from galspec_core.errors import SearchError
from galspec_core.search.complaints import AGAIN
from galspec_core.search.vectors import create_vectors, release
from galspec_core.verify import check_free_space

VECTORS = ("embedding", "evidence")
ROWS_AT_ONCE = 512  # rows of a shard in memory beside the wanted ones


@dataclass(frozen=True)
class Embeddings:
    """specobjid [N] uint64, sorted, with embedding [N, D] and evidence [N, E] (float32; E = 0 where an encoder has none).

    ``missing`` [M] stand in no shard.
    """

    specobjid: np.ndarray
    embedding: np.ndarray
    missing: np.ndarray
    evidence: np.ndarray

    @property
    def all(self):
        """What a learnt vote sees: embedding and evidence side by side, [N, D + E]."""
        return np.hstack([self.embedding, self.evidence])

    def beside(self, rows):
        """Return the same for some rows."""
        return np.hstack([self.embedding[rows], self.evidence[rows]])

    def rows(self, ids):
        """Return the row of each of ``ids``, -1 where there is none."""
        return _places(np.asarray(ids, dtype="u8"), self.specobjid)


def load_embeddings(paths, ids, held=np.inf, spill=None):
    """Return the Embeddings of ``ids`` (uint64, any order, repeats count once) from shards, read in pieces.

    Parameters
    ----------
    paths : list of path
    ids : array of uint64
    held : float
        Bytes that the embeddings may take in memory; of more, they are written to the file ``spill`` (.npy) and mapped.
    spill : path, optional

    Raises
    ------
    SearchError
        There is no shard, one is no shard of embeddings, or they differ in the length of their embeddings.
    FetchError
        The disk has no room for ``spill``.
    """
    wanted = np.unique(np.asarray(ids, dtype="u8"))
    found, sizes = np.zeros(len(wanted), dtype=bool), None
    for path in paths:
        with _open(path) as file:
            sizes = _same_sizes(_sizes(file.schema_arrow), sizes, path)
            places = _places(file.read(columns=["specobjid"])["specobjid"].to_numpy(), wanted)
        found[places[places >= 0]] = True
    if sizes is None:
        raise SearchError("the list of shards of embeddings is empty", expected="one shard or more", remedy=AGAIN)
    vectors, kept = (
        {name: np.empty((int(found.sum()), size), dtype="f4") for name, size in sizes.items()},
        wanted[found],
    )
    if vectors["embedding"].nbytes > held:
        check_free_space(Path(spill).parent, vectors["embedding"].nbytes)
        vectors["embedding"] = create_vectors(spill, *vectors["embedding"].shape)
    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(
                batch_size=ROWS_AT_ONCE, columns=["specobjid", *(n for n in VECTORS if sizes[n])]
            ):
                _keep(batch, kept, vectors)
        release(vectors["embedding"])
    return Embeddings(kept, vectors["embedding"], wanted[~found], vectors["evidence"])


def _places(ids, known):
    """Return the place of each of ``ids`` among ``known``, which are sorted, -1 where it is none of them."""
    if not len(known):
        return np.full(len(ids), -1, dtype="i8")
    places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.where(known[places] == ids, places, -1)


def _open(path):
    try:
        file = pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise SearchError("cannot read a shard of embeddings", item=path, got=str(error)[:200], remedy=AGAIN) from None
    schema = file.schema_arrow
    lists = [pa.types.is_fixed_size_list(schema.field(name).type) for name in VECTORS if name in schema.names]
    if (
        not {"specobjid", "embedding"} <= set(schema.names)
        or not all(lists)
        or schema.field("specobjid").type != pa.uint64()
    ):
        file.close()
        got = ", ".join(f"{field.name} {field.type}" for field in schema)
        raise SearchError(
            "is no shard of embeddings",
            item=path,
            expected="specobjid uint64, embedding of one length",
            got=got,
            remedy=AGAIN,
        )
    return file


def _sizes(schema):
    """Return the length of each of VECTORS in a shard, 0 for what it does not have."""
    return {name: schema.field(name).type.list_size if name in schema.names else 0 for name in VECTORS}


def _same_sizes(got, expected, path):
    """Return the lengths ``got`` if they are those of the shards before."""
    if expected not in (None, got):
        words = (" and ".join(f"{size} of {name}" for name, size in sizes.items()) for sizes in (expected, got))
        raise SearchError(
            "embeddings differ in length", item=path, **dict(zip(("expected", "got"), words, strict=True))
        )
    return got


def _keep(batch, wanted, vectors):
    """Write the wanted rows of a batch to their places in ``vectors``."""
    places = _places(batch.column("specobjid").to_numpy(), wanted)
    for name in set(vectors) & set(batch.schema.names):
        values = batch.column(name).flatten().to_numpy(zero_copy_only=False).reshape(-1, vectors[name].shape[1])
        vectors[name][places[places >= 0]] = values[places >= 0]
