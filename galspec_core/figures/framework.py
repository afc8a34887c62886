"""Figure 1: the framework, with the settings of this very run (paper, section 2)."""

import pandas as pd

from galspec_core.catalogs.tasks import active_tasks
from galspec_core.encoder.model import TransformerConfig
from galspec_core.figures.diagrams import arrow, box, new_diagram

FORMULAS = {"exp": "e$^{-x}$"}  # how a weight of search.WEIGHTS is written


def framework_table(config, method):
    """Return stage, quantity, value: what the figure says, from the configuration of a run.

    ``method`` names a Transformer of ``encoders``.
    """
    entry, grid, search = config["encoders"][method], config["spectra"]["grids"], config["search"]
    grid = grid[entry["grid"]]
    model = TransformerConfig.from_entry(entry, grid)
    files = [name for name, place in config["catalogs"]["files"].items() if place and name != "specobj"]
    rows = [
        ("spectra", "frame", grid["frame"]),
        ("spectra", "wavelengths", f"{grid['wave'][0]:.0f}-{grid['wave'][1]:.0f} Å, {grid['spacing']}"),
        ("spectra", "pixels", model.pixels),
        ("encoder", "patches", f"{model.n_patches} patches of {model.patch} pixels"),
        ("encoder", "hidden", f"{model.mask_share:.0%}, {model.mask}"),
        ("encoder", "layers", f"{model.layers} layers, width {model.width}"),
        ("encoder", "embedding", model.width),
        ("catalogs", "files", len(files) + bool(config["outliers"])),
        ("catalogs", "targets", ", ".join(task["target"] for task in active_tasks(config).values())),
        ("search", "neighbours", search["top_k"]),
        ("search", "weight", search["weight"]),
        ("search", "distance", "L2 over the median" if search["scale"] == "median" else "L2"),
    ]
    return pd.DataFrame(rows, columns=["stage", "quantity", "value"])


def draw_framework(table):
    """Return figure 1 of ``framework_table``: pre-training above, the knowledge base and the vote below."""
    say = dict(zip(zip(table["stage"], table["quantity"], strict=True), table["value"], strict=True))
    figure, axis = new_diagram(11.6, 6.4)
    survey = box(axis, 0.1, 4.5, 2.3, 1.4, "Survey spectra", ["unlabelled", "ivar, masks"])
    grid = box(
        axis, 3.0, 4.5, 2.5, 1.4, "Grid",
        [f"{say['spectra', 'frame']} frame", str(say["spectra", "wavelengths"]), f"{say['spectra', 'pixels']} pixels"],
    )  # fmt: skip
    train = box(
        axis, 6.1, 4.5, 2.5, 1.4, "Pre-training",
        [f"{say['encoder', 'patches']}", f"hidden: {say['encoder', 'hidden']}", "rebuild what is hidden"], "network",
    )  # fmt: skip
    encoder = box(
        axis, 9.2, 4.5, 2.3, 1.4, "Encoder",
        [str(say["encoder", "layers"]), f"{say['encoder', 'embedding']} numbers"], "network",
    )  # fmt: skip
    labels = box(
        axis, 0.1, 2.3, 2.3, 1.4, "Labels", [f"{say['catalogs', 'files']} catalogues", str(say["catalogs", "targets"])],
        "knowledge",
    )  # fmt: skip
    base = box(
        axis, 3.0, 2.3, 2.5, 1.4, "Knowledge base", ["embeddings, labels,", "metadata, exact index"], "knowledge"
    )
    query = box(axis, 9.2, 2.3, 2.3, 1.4, "Query", ["a new spectrum", "and its embedding"])
    near = box(
        axis, 6.1, 2.3, 2.5, 1.4, "Neighbours",
        [f"{say['search', 'neighbours']} nearest entries, by", str(say["search", "distance"]), "not its own position"],
        "answer",
    )  # fmt: skip
    weight = FORMULAS.get(say["search", "weight"], say["search", "weight"])
    vote = box(
        axis, 4.4, 0.2, 3.2, 1.3, "Weighted vote",
        [f"weights {weight}, adding up to 1", "share of each class"], "answer",
    )  # fmt: skip
    reason = box(
        axis, 8.4, 0.2, 3.1, 1.3, "Answer", ["target or not, score,", "the neighbours as the reason"], "answer"
    )
    for start, end in ((survey, grid), (grid, train), (train, encoder), (labels, base), (vote, reason)):
        arrow(axis, start["right"], end["left"])
    arrow(axis, encoder["bottom"], query["top"], "embeds")
    arrow(axis, grid["bottom"], base["top"], "embedded too")
    arrow(axis, query["left"], near["right"])
    arrow(axis, base["right"], near["left"])
    arrow(axis, near["bottom"], (7.35, 1.5), "distances")
    return figure
