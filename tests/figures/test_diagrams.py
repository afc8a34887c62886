"""Figures 1 to 3 say what configuration and tensors say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from galspec_core.config import load_config
from galspec_core.encoder.model import build_transformer
from galspec_core.encoder.network import count_parameters
from galspec_core.encoder.objective import MASKS
from galspec_core.encoder.patches import patchify
from galspec_core.encoder.reconstruct import reconstruct_spectrum
from galspec_core.encoder.shapes import architecture_table
from galspec_core.figures.architecture import draw_architecture
from galspec_core.figures.framework import draw_framework, framework_table
from galspec_core.figures.reconstruction import brightest, draw_reconstruction
from galspec_core.spectra.shard import Gridded
from tests.conftest import ROOT

GRID = {"frame": "observed", "spacing": "linear", "wave": [3850.0, 9000.0], "pixels": 503}
ENTRY = dict(
    kind="transformer", grid="observed", patch=15, overlap=10, layers=2, width=12, heads=3,
    mask="random", mask_share=0.25, loss="mse", pooling="max",
)  # fmt: skip
WAVE = np.linspace(*GRID["wave"], GRID["pixels"])


@pytest.fixture
def config():
    return load_config([ROOT / "config.yaml"])


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build_transformer(ENTRY, GRID).eval()


@pytest.fixture
def spectrum():
    flux = np.random.default_rng(1).normal(1, 0.1, (1, GRID["pixels"])).astype("f4")
    return Gridded(np.array([2**63 + 1], "u8"), np.array([0.1], "f4"), flux, np.full_like(flux, 100))


def words(figure):
    """Return all the text of a figure, and close it."""
    found = "\n".join(text.get_text() for axis in figure.axes for text in [*axis.texts, axis.title])
    plt.close(figure)
    return found


def hidden_of(seed, entry=ENTRY):
    """Return the hidden patches [N] of a seed, and the pixels [L] of these and of the visible patches."""
    pixels = patchify(torch.arange(GRID["pixels"]), entry["patch"], entry["overlap"])
    generator = torch.Generator().manual_seed(seed)
    mask = MASKS[entry["mask"]](1, len(pixels), entry["mask_share"], generator)[0]
    return mask, *(np.isin(np.arange(GRID["pixels"]), pixels[part]) for part in (mask, ~mask))


@pytest.mark.parametrize("top_k", [3, 17])
def test_figure_1_says_what_the_configuration_says(config, top_k):
    config["search"]["top_k"] = top_k
    config["spectra"]["grids"]["observed"]["pixels"] = 2999
    text = words(draw_framework(framework_table(config, "paper")))
    assert f"{top_k} nearest entries" in text
    assert "2999 pixels" in text
    assert "597 patches of 15 pixels" in text
    assert "768 numbers" in text


def test_a_catalogue_that_is_left_out_is_not_counted(config):
    assert 5 in framework_table(config, "paper")["value"].tolist()
    config["catalogs"]["files"]["silo"] = None
    table = framework_table(config, "paper").set_index("quantity")
    assert table.loc["files", "value"] == 4


def test_the_shapes_of_figure_2_are_those_of_a_forward_pass(model):
    table = architecture_table(ENTRY, GRID).set_index("block")
    flux = torch.zeros(1, GRID["pixels"])
    patches = patchify(flux, ENTRY["patch"], ENTRY["overlap"])
    with torch.no_grad():
        outputs = {
            "patches": patches,
            "2 Transformer layers": model.tokens(patches),
            "max pooling": model.embed(flux),
            "reconstruction head": model.head(model.tokens(patches)),
        }
    for block, tensor in outputs.items():
        assert table.loc[block, "output"] == " × ".join(map(str, tensor.shape[1:])), block


def test_the_parameters_of_figure_2_are_all_of_the_models(model):
    table = architecture_table(ENTRY, GRID)
    assert table["parameters"].sum() == count_parameters(model)
    assert f"{count_parameters(model):,} parameters in all" in words(draw_architecture(table, ENTRY))


def test_hidden_pixels_are_the_union_of_hidden_patches(model, spectrum):
    table = reconstruct_spectrum(model, spectrum, WAVE, seed=4)
    _, in_hidden, in_visible = hidden_of(4)
    assert np.array_equal(table["hidden"], in_hidden)
    assert np.array_equal(table["unseen"], in_hidden & ~in_visible)
    assert np.array_equal(table["reconstruction"].notna(), in_hidden)


def test_pixels_behind_the_last_patch_are_neither_hidden_nor_unseen(model, spectrum):
    last = reconstruct_spectrum(model, spectrum, WAVE).tail(3)
    assert not last["hidden"].any()
    assert not last["unseen"].any()


def test_the_reconstruction_is_the_mean_over_the_hidden_patches_of_a_pixel(model, spectrum):
    table = reconstruct_spectrum(model, spectrum, WAVE, seed=2)
    mask, in_hidden, _ = hidden_of(2)
    predicted = model.reconstruct(torch.from_numpy(spectrum.flux), mask[None])[0]
    at = patchify(torch.arange(GRID["pixels"]), ENTRY["patch"], ENTRY["overlap"])
    for pixel in np.flatnonzero(in_hidden)[::20]:
        expected = predicted[(at == pixel) & mask[:, None]].mean().item()
        assert table["reconstruction"][pixel] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_random_masks_of_overlapping_patches_hide_far_less_than_chunks(spectrum):
    seen = {}
    for kind in ("random", "chunk"):
        masked = build_transformer(ENTRY | {"mask": kind}, GRID).eval()
        tables = [reconstruct_spectrum(masked, spectrum, WAVE, seed=seed) for seed in range(8)]
        seen[kind] = np.mean([table["unseen"].sum() / table["hidden"].sum() for table in tables])
    assert seen["random"] < 0.1 < ENTRY["mask_share"] < 0.8 < seen["chunk"]


def test_figure_3_names_its_encoder_and_both_shares(model, spectrum):
    table = reconstruct_spectrum(model, spectrum, WAVE)
    text = words(draw_reconstruction(table, "paper", 0.25))
    assert "“paper”" in text
    assert "25% of the patches hidden" in text
    assert f"{table['unseen'].sum() / table['hidden'].sum():.0%} of these pixels" in text


def test_the_spectrum_of_highest_signal_is_shown_and_its_identifier_is_whole():
    ids = np.arange(2**63 + 1, 2**63 + 5, dtype="u8")
    manifest = pd.DataFrame({"specobjid": ids, "snr": [5.0, 9.0, 9.0, 30.0]})
    assert brightest(ids[:3], manifest) == 2**63 + 2


def test_a_task_without_its_catalogue_is_no_target(config):
    config["outliers"] = None
    table = framework_table(config, "paper").set_index("quantity")
    assert table.loc["targets", "value"] == "LINER, Lens"
