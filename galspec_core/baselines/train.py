"""Training of a system's network by the encoders' own trainer: without labels, or on one knowledge base's."""

import numpy as np

from galspec_core.baselines.kinds import load_kind
from galspec_core.catalogs.draws import shuffled
from galspec_core.encoder.pretrain import pretrain

VALIDATION = 0.1  # share of a knowledge base's positions that judges when a supervised network is at its best


def train_network(name, entry, run, grid, shards, train_ids, validation_ids, folder, weights, history):
    """Train a network without labels; arguments are those of ``encoder.pretrain``."""
    build = load_kind(entry).build
    pretrain(entry, run, grid, shards, train_ids, validation_ids, folder, weights, history, name, build)


def train_supervised(name, entry, run, grid, shards, case, position, folder, weights, history):
    """Train a network on the labels of one ``Case``; ``position`` [N] is the sky position of each of its entries.

    A tenth of the positions validates. The weights' configuration lists the classes that the case has.
    """
    present, codes = np.unique(case.codes, return_inverse=True)
    entry = {**entry, "n_classes": len(present), "classes": [case.names[code] for code in present]}
    held = hold_out(position, case.seed)

    def build(entry, grid):
        return load_kind(entry).build(entry, grid).set_labels(case.entry_ids, codes)

    ids = case.entry_ids
    pretrain(entry, run, grid, shards, ids[~held], ids[held], folder, weights, history, name, build)


def hold_out(position, seed):
    """Return bool[n]: the spectra of a tenth of the sky positions."""
    places = np.unique(position)
    return np.isin(position, places[shuffled(places, seed, "supervised validation")[: int(VALIDATION * len(places))]])
