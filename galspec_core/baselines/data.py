"""The spectra of a system: read once, from shards, a table of features, or as a network's embedding."""

import numpy as np

from galspec_core.baselines.features import Spectra, Table, read_table
from galspec_core.baselines.kinds import load_kind
from galspec_core.encoder.data import load_spectra
from galspec_core.encoder.embed import write_embedding
from galspec_core.encoder.network_encoder import NetworkEncoder
from galspec_core.encoder.weights import fitting, load_weights
from galspec_core.log import Progress
from galspec_core.search.embeddings import load_embeddings

ROWS_AT_ONCE = 512  # spectra embedded at once


def load_data(ids, shards=None, table=None, embedding=None):
    """Return what holds the inputs of ``ids``, with ``rows(ids)``: the first given of the three sources.

    Parameters
    ----------
    ids : array of uint64
    shards : list of paths, optional
        Gridded shards.
    table : path, optional
        A table of features.
    embedding : path, optional
        Of a network (``embed_system``).
    """
    if table is not None:
        return read_table(table)
    if embedding is not None:
        found = load_embeddings([embedding], ids)
        return Table(found.specobjid, found.embedding)
    return Spectra(load_spectra(shards, ids))


def load_network(weights, run):
    """Return (NetworkEncoder, entry) of a trained system's weights."""
    tensors, entry, grid = load_weights(weights)
    with fitting(weights):
        return NetworkEncoder(load_kind(entry).build(entry, grid), tensors, grid["pixels"], run or {}), entry


def embed(encoder, spectra, progress=None):
    """Return the embedding [n, D] of a ``Gridded``, in pieces."""
    parts = []
    for start in range(0, max(len(spectra), 1), ROWS_AT_ONCE):
        part = spectra[start : start + ROWS_AT_ONCE]
        parts.append(encoder.embed(part.flux, part.ivar, part.z))
        if progress:
            progress.add(len(part))
    return np.concatenate(parts)


def embed_system(name, weights, shards, ids, out, run=None):
    """Write specobjid and the embedding [n, D] of ``ids`` by a trained system's network, whole or not at all."""
    encoder, _ = load_network(weights, run)
    spectra = load_spectra(shards, np.sort(ids))
    write_embedding(out, spectra.specobjid, embed(encoder, spectra, Progress(f"baselines: embed {name}", len(spectra))))
