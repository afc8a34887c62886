"""Embeddings and principal components."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file
from sklearn.decomposition import PCA

from galspec_core.encoder.embed import embed_shard, load_encoder, write_embedding
from galspec_core.encoder.model import GalSpecEncoder, TransformerConfig
from galspec_core.encoder.pca import fit_pca
from galspec_core.encoder.weights import load_weights, save_weights
from galspec_core.errors import SearchError, TrainingError
from galspec_core.spectra.shard import Gridded, read_gridded, write_gridded
from tests.encoder.conftest import ENTRY, GRID, RUN, make_spectra

SPECTRA = make_spectra(100)
IDS = SPECTRA.specobjid
PCA_ENTRY = dict(kind="pca", grid="observed", components=2)


def fit(shards, folder, entry=PCA_ENTRY, ids=IDS):
    folder.mkdir(exist_ok=True)
    weights = folder / "weights.safetensors"
    fit_pca(entry, RUN, GRID, shards, ids, IDS[:0], folder / "c", weights, folder / "history.csv")
    return load_encoder(weights, RUN)


@pytest.fixture
def transformer(tmp_path):
    torch.manual_seed(0)
    model = GalSpecEncoder(TransformerConfig.from_entry(ENTRY, GRID))
    save_weights(tmp_path / "w.safetensors", model.state_dict(), ENTRY, GRID)
    return tmp_path / "w.safetensors"


def test_principal_components_are_those_of_scikit_learn(shards, tmp_path):
    ours = fit(shards, tmp_path / "a").embed(SPECTRA.flux, SPECTRA.ivar)
    theirs = PCA(2).fit_transform(SPECTRA.flux.astype("f8"))
    assert np.allclose(np.abs(ours), np.abs(theirs), atol=1e-4)


def test_bad_pixels_do_not_move_a_spectrum(shards, tmp_path):
    """Two of 120 pixels count as the mean spectrum, whatever stands there."""
    pca = fit(shards, tmp_path / "a")
    clean = pca.embed(SPECTRA.flux, SPECTRA.ivar)
    flux, ivar = SPECTRA.flux.copy(), SPECTRA.ivar.copy()
    flux[:, 50:52], ivar[:, 50:52] = 9.0, 0.0
    other = pca.embed(flux, ivar)
    flux[:, 50:52] = -1.0
    assert np.array_equal(other, pca.embed(flux, ivar))
    assert np.abs(other - clean).max() < 0.3 * clean.std()


def test_what_stands_at_bad_pixels_does_not_move_the_components(tmp_path):
    """With ivar 0 there, a cosmic ray and a hole lead to the same components, near those of the clean spectra."""
    bad = np.random.default_rng(1).random(SPECTRA.flux.shape) < 0.01
    found = []
    for name, value in (("ray", 1e6), ("hole", -1e6)):
        flux, ivar = np.where(bad, value, SPECTRA.flux).astype("f4"), np.where(bad, 0, SPECTRA.ivar)
        write_gridded(tmp_path / f"{name}.parquet", Gridded(IDS, SPECTRA.z, flux, ivar))
        found.append(fit([tmp_path / f"{name}.parquet"], tmp_path / name).components)
    assert np.array_equal(*found)
    clean = PCA(2).fit(SPECTRA.flux.astype("f8")).components_
    assert (np.abs((found[0] * clean).sum(axis=1)) > 0.999).all()


def test_principal_components_do_not_depend_on_the_order_of_files(shards, tmp_path):
    first, second = (fit(paths, tmp_path / name) for name, paths in (("a", shards), ("b", shards[::-1])))
    assert np.array_equal(first.components, second.components)


def test_fewer_spectra_than_components_are_an_error(shards, tmp_path):
    with pytest.raises(TrainingError, match="at least its 2 components; got 1"):
        fit(shards, tmp_path / "a", ids=IDS[:1])


def test_an_embedding_depends_on_nothing_but_its_spectrum(transformer):
    encoder = load_encoder(transformer, RUN)
    whole = encoder.embed(SPECTRA.flux, SPECTRA.ivar)
    assert np.array_equal(whole[40:57], encoder.embed(SPECTRA.flux[40:57], SPECTRA.ivar[40:57]))
    other = load_encoder(transformer, {**RUN, "embed_batch": 7}).embed(SPECTRA.flux, SPECTRA.ivar)
    assert np.allclose(whole, other, atol=1e-5)


def test_an_embedding_does_not_depend_on_its_companions(transformer):
    encoder = load_encoder(transformer, RUN)
    flux = SPECTRA.flux[:16].copy()
    alone = encoder.embed(flux, np.ones_like(flux))[5]
    flux[:5], flux[6:] = 1e3, -1e3
    assert np.array_equal(alone, encoder.embed(flux, np.ones_like(flux))[5])


def test_an_embedding_does_not_depend_on_shards(transformer, shards, tmp_path):
    encoder = load_encoder(transformer, RUN)
    write_gridded(tmp_path / "whole.parquet", SPECTRA)
    values = {}
    for shard in (*shards, tmp_path / "whole.parquet"):
        embed_shard(encoder, shard, tmp_path / "e.parquet")
        table = pq.read_table(tmp_path / "e.parquet")
        for i, vector in zip(table["specobjid"].to_pylist(), table["embedding"].to_pylist(), strict=True):
            assert np.allclose(vector, values.setdefault(i, vector), atol=1e-5)
    assert sorted(values) == IDS.tolist()


def test_a_shard_is_embedded_in_its_order_with_its_ids(transformer, shards, tmp_path):
    encoder = load_encoder(transformer, RUN)
    for shard in shards:  # one of them is empty
        embed_shard(encoder, shard, tmp_path / "e.parquet")
        table, gridded = pq.read_table(tmp_path / "e.parquet"), read_gridded(shard)
        assert table["specobjid"].to_pylist() == gridded.specobjid.tolist()
        assert table.schema.field("specobjid").type == pa.uint64()
        values = table["embedding"].combine_chunks().flatten().to_numpy().reshape(len(gridded), 16)
        assert np.array_equal(values, encoder.embed(gridded.flux, gridded.ivar))


def test_a_shard_on_another_grid_is_refused(transformer, tmp_path):
    write_gridded(tmp_path / "g.parquet", Gridded(IDS[:2], *np.ones((1, 2), "f4"), *np.ones((2, 2, 60), "f4")))
    with pytest.raises(SearchError, match=r"another grid.*120 pixels.*60"):
        embed_shard(load_encoder(transformer, RUN), tmp_path / "g.parquet", tmp_path / "e.parquet")


def test_an_embedding_that_is_not_finite_is_refused(tmp_path):
    with pytest.raises(SearchError, match=f"specobjid {2**63 + 1}"):
        write_embedding(tmp_path / "e.parquet", IDS[:2], np.array([[1.0, 2.0], [np.nan, 1.0]], "f4"))
    assert not list(tmp_path.iterdir())


def test_weights_carry_their_configuration(transformer):
    tensors, entry, grid = load_weights(transformer)
    assert (entry["width"], grid["pixels"]) == (16, 120)
    assert tensors["position"].shape == (1, 11, 16)
    assert (transformer.parent / "config.json").is_file()


@pytest.mark.parametrize("spoil", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"\x80\x04" + b[:50]])
def test_weights_that_cannot_be_read_are_an_error(transformer, spoil):
    transformer.write_bytes(spoil(transformer.read_bytes()))
    with pytest.raises(SearchError, match="no encoder weights can be read"):
        load_encoder(transformer, RUN)


def test_weights_that_are_missing_or_foreign_are_an_error(tmp_path):
    save_file({"layer": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    for name in ("foreign.safetensors", "missing.safetensors"):
        with pytest.raises(SearchError, match=f"{name}: no encoder weights can be read"):
            load_encoder(tmp_path / name, RUN)


def test_weights_of_another_shape_are_an_error(transformer):
    tensors, entry, grid = load_weights(transformer)
    save_weights(transformer, tensors, {**entry, "width": 32}, grid)
    with pytest.raises(SearchError, match="do not fit their configuration"):
        load_encoder(transformer, RUN)


def test_evidence_is_kept_beside_the_embedding_and_only_where_there_is_any(tmp_path):
    ids, embedding, evidence = np.array([3, 5], "u8"), np.ones((2, 4), "f4"), np.full((2, 3), 7, "f4")
    write_embedding(tmp_path / "both.parquet", ids, embedding, evidence)
    write_embedding(tmp_path / "one.parquet", ids, embedding, evidence[:, :0])
    assert pq.read_table(tmp_path / "both.parquet")["evidence"].to_pylist() == [[7.0] * 3] * 2
    assert pq.read_table(tmp_path / "one.parquet").column_names == ["specobjid", "embedding"]
    with pytest.raises(SearchError, match="specobjid 5"):
        write_embedding(tmp_path / "bad.parquet", ids, embedding, np.array([[1], [np.nan]], "f4"))
