"""Embeddings from the encoder's shards: only the wanted rows are ever held."""

from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq

from galspec_core.catalogs.ids import look_up
from galspec_core.errors import SearchError

ROWS_AT_ONCE = 512  # rows of a shard in memory beside the wanted ones


@dataclass(frozen=True)
class Embeddings:
    """specobjid [N] uint64, sorted, with embedding [N, D] float32; ``missing`` [M] stand in no shard."""

    specobjid: np.ndarray
    embedding: np.ndarray
    missing: np.ndarray

    def rows(self, ids):
        """Return the row of each of ``ids``, -1 where there is none."""
        return look_up(np.asarray(ids, dtype="u8"), self.specobjid)


def load_embeddings(paths, ids):
    """Return the Embeddings of ``ids`` (uint64, any order, repeats count once) from shards, read in pieces.

    Raises
    ------
    SearchError
        There is no shard, or shards differ in the length of their embeddings.
    """
    wanted = np.unique(np.asarray(ids, dtype="u8"))
    embedding, found = None, np.zeros(len(wanted), dtype=bool)
    for path in paths:
        with pq.ParquetFile(path) as file:
            size = file.schema_arrow.field("embedding").type.list_size
            embedding = np.empty((len(wanted), size), dtype="f4") if embedding is None else embedding
            if size != embedding.shape[1]:
                raise SearchError("embeddings differ in length", item=path, expected=embedding.shape[1], got=size)
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=["specobjid", "embedding"]):
                _keep(batch, wanted, embedding, found)
    if embedding is None:
        raise SearchError("there is no shard of embeddings to read")
    return Embeddings(wanted[found], embedding if found.all() else embedding[found], wanted[~found])


def _keep(batch, wanted, embedding, found):
    """Write the wanted rows of a batch to their places in ``embedding`` and mark them ``found``."""
    places = look_up(batch.column("specobjid").to_numpy(), wanted)
    values = batch.column("embedding").flatten().to_numpy(zero_copy_only=False).reshape(-1, embedding.shape[1])
    embedding[places[places >= 0]] = values[places >= 0]
    found[places[places >= 0]] = True
