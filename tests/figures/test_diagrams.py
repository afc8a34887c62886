"""Figures 1 to 3 say what the code does."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from galspec_core.config import load_config
from galspec_core.encoder.model import build_transformer
from galspec_core.encoder.network import count_parameters
from galspec_core.figures.architecture import architecture_table, draw_architecture
from galspec_core.figures.framework import draw_framework, framework_table
from galspec_core.figures.reconstruction import draw_reconstruction, reconstruct_spectrum
from galspec_core.spectra.shard import Gridded

CONFIG = load_config([Path(__file__).parents[2] / "config.yaml"])
SMALL = {**CONFIG["encoders"]["paper"], "patch": 60, "overlap": 20, "layers": 1, "width": 16, "heads": 2}
GRID = CONFIG["spectra"]["grids"]["observed"]


def words(figure):
    return " ".join(text.get_text() for axis in figure.axes for text in axis.texts)


def test_the_framework_shows_the_configured_numbers():
    table = framework_table(CONFIG, "paper")
    said = words(draw_framework(table))
    for part in ("735 patches of 15 pixels", "3688 pixels", "768 numbers", f"{CONFIG['search']['top_k']} nearest"):
        assert part in said
    assert "5 nearest" in words(
        draw_framework(framework_table({**CONFIG, "search": {**CONFIG["search"], "top_k": 5}}, "paper"))
    )
    plt.close("all")


def test_the_architecture_has_the_shapes_and_parameters_of_the_network():
    table = architecture_table(SMALL, GRID).set_index("block")
    assert table["parameters"].sum() == count_parameters(build_transformer(SMALL, GRID))
    assert table.loc["patches", "output"] == "91 × 60"
    assert table.loc["1 Transformer layers", "output"] == "91 × 16"
    assert f"{table['parameters'].sum():,} parameters in all" in words(draw_architecture(table.reset_index(), SMALL))
    plt.close("all")


@pytest.mark.parametrize(("patch", "overlap", "most"), [(15, 10, 0.10), (60, 0, 1.0)])
def test_hidden_pixels_are_those_of_hidden_patches_and_few_of_them_are_unseen(patch, overlap, most):
    torch.manual_seed(0)
    model = build_transformer({**SMALL, "patch": patch, "overlap": overlap}, GRID).eval()
    n = GRID["pixels"]
    spectrum = Gridded(
        np.array([1], "u8"), np.zeros(1, "f4"), np.sin(np.arange(n) / 30).astype("f4")[None], np.ones((1, n), "f4")
    )
    table = reconstruct_spectrum(model, spectrum, np.linspace(3850, 9000, n))
    hidden, unseen = table["hidden"].to_numpy(), table["unseen"].to_numpy()
    assert not (unseen & ~hidden).any()
    assert table["reconstruction"].notna().to_numpy().tolist() == hidden.tolist()
    assert unseen.sum() <= most * hidden.sum()
    if not overlap:
        assert np.array_equal(unseen, hidden)
        assert hidden.mean() == pytest.approx(0.25, abs=0.03)
    assert "of the patches hidden" in draw_reconstruction(table, "x", 0.25).axes[0].get_title()
    plt.close("all")
