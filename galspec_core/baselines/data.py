"""The spectra of a system: read once, from shards, a table of features, or as another system's latents."""

import numpy as np

from galspec_core.baselines.features import Spectra, Table, read_table
from galspec_core.baselines.kinds import load_kind
from galspec_core.encoder.data import load_spectra
from galspec_core.encoder.embed import NetworkEncoder
from galspec_core.encoder.weights import load_weights

ROWS_AT_ONCE = 512  # spectra embedded at once


def load_data(entry, ids, shards, table=None, latents=None, run=None):
    """Return what holds the inputs of ``ids``, with ``rows(ids)``.

    Parameters
    ----------
    entry : dict
        Of ``baselines.systems``.
    ids : array of uint64
    shards : list of paths
        Gridded shards of the entry's grid, of its latents' grid where it has those.
    table : path, optional
        The table of an entry with ``features`` other than flux.
    latents : path, optional
        Weights of the network that an entry is fitted to the latents ``of``.
    run : dict, optional
        The section ``encoder``.
    """
    if table is not None:
        return read_table(table)
    spectra = Spectra(load_spectra(shards, ids))
    if latents is None:
        return spectra
    encoder, _ = load_network(latents, run)
    return Latents(spectra.specobjid, embed(encoder, spectra.gridded))


class Latents(Table):
    """Embeddings [n, D] by specobjid, sorted."""

    def __init__(self, specobjid, values):
        self.specobjid, self.values = specobjid, values


def load_network(weights, run):
    """Return (NetworkEncoder, entry) of a trained system's weights."""
    tensors, entry, grid = load_weights(weights)
    return NetworkEncoder(load_kind(entry).build(entry, grid), tensors, grid["pixels"], run or {}), entry


def embed(encoder, spectra):
    """Return the embedding [n, D] of a ``Gridded``, in pieces."""
    starts = range(0, max(len(spectra), 1), ROWS_AT_ONCE)
    parts = [spectra[start : start + ROWS_AT_ONCE] for start in starts]
    return np.concatenate([encoder.embed(part.flux, part.ivar) for part in parts])
