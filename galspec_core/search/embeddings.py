"""Embeddings from the encoder's shards: only the wanted rows are ever held."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from galspec_core.catalogs.ids import look_up
from galspec_core.errors import SearchError

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

    def rows(self, ids):
        """Return the row of each of ``ids``, -1 where there is none."""
        return look_up(np.asarray(ids, dtype="u8"), self.specobjid)


def load_embeddings(paths, ids):
    """Return the Embeddings of ``ids`` (uint64, any order, repeats count once) from shards, read in pieces.

    Raises
    ------
    SearchError
        There is no shard, one is no shard of embeddings, or they differ in the length of their embeddings.
    """
    wanted = np.unique(np.asarray(ids, dtype="u8"))
    vectors, found = None, np.zeros(len(wanted), dtype=bool)
    for path in paths:
        with _open(path) as file:
            sizes = _sizes(file.schema_arrow)
            if vectors is None:
                vectors = {name: np.empty((len(wanted), size), dtype="f4") for name, size in sizes.items()}
            expected = {name: values.shape[1] for name, values in vectors.items()}
            if sizes != expected:
                raise SearchError(
                    "embeddings differ in length", item=path, expected=_words(expected), got=_words(sizes)
                )
            kept = [name for name in VECTORS if sizes[name]]
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=["specobjid", *kept]):
                _keep(batch, wanted, {name: vectors[name] for name in kept}, found)
    if vectors is None:
        raise SearchError("there is no shard of embeddings to read")
    embedding, evidence = (values if found.all() else values[found] for values in vectors.values())
    return Embeddings(wanted[found], embedding, wanted[~found], evidence)


def _open(path):
    try:
        file = pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise SearchError("cannot read a shard of embeddings", item=path, got=str(error)[:200]) from None
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
            "is no shard of embeddings", item=path, expected="specobjid uint64, embedding of one length", got=got
        )
    return file


def _sizes(schema):
    """Return the length of each of VECTORS in a shard, 0 for what it does not have."""
    return {name: schema.field(name).type.list_size if name in schema.names else 0 for name in VECTORS}


def _words(sizes):
    return " and ".join(f"{size} of {name}" for name, size in sizes.items())


def _keep(batch, wanted, vectors, found):
    """Write the wanted rows of a batch to their places in ``vectors`` and mark them ``found``."""
    places = look_up(batch.column("specobjid").to_numpy(), wanted)
    for name, whole in vectors.items():
        values = batch.column(name).flatten().to_numpy(zero_copy_only=False).reshape(-1, whole.shape[1])
        whole[places[places >= 0]] = values[places >= 0]
    found[places[places >= 0]] = True
