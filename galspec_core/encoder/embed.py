"""Every kind of encoder behind one interface: fit it, load it, embed with it.

Each kind is imported when it is asked for: torch takes longer to start than a shard takes to embed by the others.
"""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from galspec_core.encoder.weights import fitting, load_weights
from galspec_core.errors import SearchError
from galspec_core.files import replace
from galspec_core.log import Progress
from galspec_core.spectra.shard import read_gridded


def _fit_transformer(*arguments):
    from galspec_core.encoder.launch import launch

    launch(*arguments)


def _fit_pca(*arguments):
    from galspec_core.encoder.pca import fit_pca

    fit_pca(*arguments)


def _fit_factors(*arguments):
    from galspec_core.encoder.factors import fit_factors

    fit_factors(*arguments)


def _load_transformer(tensors, entry, grid, run):
    from galspec_core.encoder.model import build_transformer
    from galspec_core.encoder.network_encoder import NetworkEncoder

    return NetworkEncoder(build_transformer(entry, grid), tensors, grid["pixels"], run)


def _load_pca(tensors, entry, grid, run):
    from galspec_core.encoder.pca import PcaEncoder

    return PcaEncoder(tensors, entry, grid)


def _load_factors(tensors, entry, grid, run):
    from galspec_core.encoder.factors import FactorEncoder

    return FactorEncoder(tensors, entry, grid)


FIT = {"transformer": _fit_transformer, "pca": _fit_pca, "factors": _fit_factors}
LOAD = {"transformer": _load_transformer, "pca": _load_pca, "factors": _load_factors}


def load_encoder(weights, run):
    """Return the encoder of a weights file: an object with ``embed(flux[B, L], ivar[B, L], z[B]) -> [B, D]``.

    Raises
    ------
    SearchError
        If the file cannot be read or its tensors do not fit its configuration.
    """
    tensors, entry, grid = load_weights(weights)
    with fitting(weights):
        encoder = LOAD[entry["kind"]](tensors, entry, grid, run)
        if entry["kind"] != "transformer":
            _try(encoder, entry, grid)
    return encoder


def _try(encoder, entry, grid):
    """Raise ValueError unless an encoder without layers has its entry's size and can embed a spectrum of its grid."""
    shape, expected = encoder.components.shape, (entry["components"], grid["pixels"])
    if encoder.mean.shape != expected[1:] or shape != expected:
        raise ValueError(f"components {shape}, mean {encoder.mean.shape}, where components are {expected}")
    flux = np.ones((1, grid["pixels"]), dtype="f4")
    describe(encoder, flux, flux, np.full(1, 0.1, dtype="f4"))


def embed_shard(encoder, shard, out, name="encoder"):
    """Embed a gridded shard and write specobjid and embedding in its order, whole or not at all."""
    gridded = read_gridded(shard)
    if gridded.flux.shape[1] != encoder.pixels:
        raise SearchError(
            "the shard is on another grid than the encoder",
            item=shard,
            expected=f"{encoder.pixels} pixels",
            got=gridded.flux.shape[1],
            remedy="Name the grid that it was trained on, or train it again",
        )
    parts = [slice(i, i + 512) for i in range(0, max(len(gridded), 1), 512)]
    progress = Progress(f"encoder: embed {name}", len(gridded))
    found = []
    for part in parts:
        found.append(describe(encoder, gridded.flux[part], gridded.ivar[part], gridded.z[part]))
        progress.add(len(found[-1][0]))
    write_embedding(out, gridded.specobjid, *(np.concatenate(pieces) for pieces in zip(*found, strict=True)))


def describe(encoder, flux, ivar, z):
    """Return the embedding [B, D] of flux[B, L] and the evidence [B, E] beside it, E = 0 for encoders without any."""
    if hasattr(encoder, "describe"):
        return encoder.describe(flux, ivar, z)
    embedding = encoder.embed(flux, ivar, z)
    return embedding, np.empty((len(embedding), 0), dtype="f4")


def write_embedding(path, specobjid, embedding, evidence=None):
    """Write specobjid (uint64), embedding [B, D] and evidence [B, E] if there is any (float32) as Parquet.

    Raises
    ------
    SearchError
        A number is not finite.
    """
    vectors = {"embedding": embedding} | ({"evidence": evidence} if evidence is not None and evidence.shape[1] else {})
    bad = ~np.isfinite(np.hstack(list(vectors.values()))).all(axis=1)
    if bad.any():
        raise SearchError(
            "the embedding is not finite",
            item=f"specobjid {specobjid[bad][0]}",
            got=f"{bad.sum()} such spectra",
            remedy="The encoder may have diverged: look at its history.csv, and train it again with a lower learning rate",
        )
    columns = {
        name: pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1), pa.float32()), values.shape[1])
        for name, values in vectors.items()
    }
    with replace(path) as temporary:
        pq.write_table(pa.table({"specobjid": pa.array(specobjid, pa.uint64()), **columns}), temporary)
