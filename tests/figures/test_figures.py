"""Figures are made of what they say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from galspec_core.figures.history import draw_history
from galspec_core.figures.neighbours import choose_votes, draw_neighbours, load_spectra, page_table, rest_wavelengths
from galspec_core.figures.style import save_figure
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.shard import Gridded, write_gridded

BASE = 2**63
GRID = Grid("observed", "linear", (3850.0, 9000.0), 500)


@pytest.fixture
def votes():
    rows = [
        dict(
            specobjid=BASE + i, method=method, seed=0, label=("LINER", "SF", "SF")[i % 3], predicted="SF", share=0.6, score=0.6,
            neighbour_ids=[BASE + 20 + i, BASE + 30 + i], distances=[1.0, 2.0], weights=[0.7, 0.3],
        )
        for i in range(9) for method in ("paper", "pca")
    ]  # fmt: skip
    return pd.DataFrame(rows).astype({"specobjid": "uint64"})


@pytest.fixture
def manifest():
    ids = np.arange(BASE, BASE + 60, dtype="u8")
    return pd.DataFrame({"specobjid": ids, "z": np.linspace(0.02, 0.2, 60), "shard": np.repeat(["0000", "0001"], 30)})


@pytest.fixture
def shards(tmp_path, manifest):
    rng = np.random.default_rng(1)
    paths = {}
    for name, part in manifest.groupby("shard"):
        flux = rng.normal(1, 0.1, (len(part), 500)).astype("f4")
        paths[name] = tmp_path / f"{name}.parquet"
        write_gridded(paths[name], Gridded(part["specobjid"].to_numpy(), part["z"].to_numpy("f4"), flux, flux))
    return paths


def test_a_page_takes_classes_in_turn_from_one_method_and_seed(votes):
    chosen = choose_votes(votes, "pca", 0, 6)
    assert len(chosen) == 6
    assert set(chosen["method"]) == {"pca"}
    assert chosen["label"].value_counts().to_dict() == {"LINER": 3, "SF": 3}


def test_the_pages_table_has_a_row_a_neighbour_with_full_identifiers(votes, manifest):
    table = page_table(choose_votes(votes, "pca", 0, 4), manifest, {BASE + 20: "LINER"})
    assert len(table) == 8
    assert table["neighbour"].dtype == table["specobjid"].dtype == np.dtype("uint64")
    first = table[(table["specobjid"] == BASE) & (table["rank"] == 1)].iloc[0]
    assert (first["neighbour"], first["neighbour_label"], first["weight"]) == (BASE + 20, "LINER", 0.7)
    assert first["z"] == pytest.approx(manifest["z"][20])


def test_the_page_shows_every_test_spectrum_with_its_neighbours(votes, manifest, shards, tmp_path):
    chosen = choose_votes(votes, "paper", 0, 5)
    table = page_table(chosen, manifest, {})
    spectra = load_spectra({*table["specobjid"], *table["neighbour"]}, manifest, shards)
    assert len(spectra) == 15
    figure = draw_neighbours(chosen, table, spectra, GRID, "paper")
    shown = [axis for axis in figure.axes if axis.lines and axis.axison]
    assert len(shown) == 5
    curves = [line for line in shown[0].lines if len(line.get_xdata()) == 500]
    assert len(curves) == 3
    assert np.allclose(curves[0].get_xdata(), GRID.wavelengths / (1 + spectra[int(chosen["specobjid"].iloc[0])][0]))
    save_figure(figure, tmp_path / "p.pdf", tmp_path / "p.png")
    assert (tmp_path / "p.pdf").read_bytes().startswith(b"%PDF")


def test_rest_wavelengths_of_a_rest_frame_grid_do_not_move():
    rest = Grid("rest", "log", (3500.0, 7000.0), 3011)
    assert np.array_equal(rest_wavelengths(rest, 0.3), rest.wavelengths)
    assert rest_wavelengths(GRID, 1.0)[0] == 3850 / 2


def test_the_loss_plot_marks_the_best_validation():
    history = pd.DataFrame(
        dict(step=[10, 20, 30], train_loss=[3.0, 2, 1], validation_loss=[3.0, 1.5, 2], lr=[1e-3] * 3)
    )
    figure = draw_history(history, "paper")
    assert [text.get_text() for text in figure.axes[0].texts] == ["best 1.5"]
    plt.close(figure)
