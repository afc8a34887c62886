"""A class that no encoder has seen, given later by a few examples: does it come up among the first hundred?

The encoders are fitted again without any spectrum of the classes asked for. Each spectrum is then ranked by how much it looks
like the examples and not like the rest of what is known: the direction that best separates the two, by one covariance for
all (a matched filter; Fisher 1936, Annals of Eugenics 7, 179), plus how much nearer the examples are than the rest. The one is
right for a class that lies off the others, the other for one that lies among them.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from galspec_core.catalogs.ids import look_up
from galspec_core.encoder.embed import FIT, describe, load_encoder
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.metrics import interval, mean
from galspec_core.search.tables import too_few
from galspec_core.spectra.shard import read_gridded

FIRST = 100  # places looked at
DEPTH = 4  # times FIRST: places that a redraw of positions may have to go down to fill FIRST
SHRINK = 0.1  # of the mean variance, added to the covariance's diagonal (our choice)
NEAREST = 5  # of the rest, whose distance is what the examples' is compared with (our choice)
ROWS_AT_ONCE = 512
TINY = 1e-6
OUTLIER = "Outlier"
COLUMNS = [
    "class", "method", "n_examples", "recall_at_100", "recall_at_100_lo", "recall_at_100_hi", "chance",
    "n_members", "n_ranked", "n_positions", "n_draws", "note",
]  # fmt: skip


@dataclass(frozen=True)
class Withheld:
    """A class: ``member`` bool[n], and ``ignored`` bool[n], spectra that are neither (held out)."""

    name: str
    member: np.ndarray
    ignored: np.ndarray


def withheld_classes(classes, spectra, least, examples):
    """Return the Withheld classes of a survey, ``Outlier`` taken apart into its subtypes.

    Parameters
    ----------
    classes : list of str
    spectra : DataFrame
        side, position, labels and held_out (lists), subtype.
    least : int
        Positions of test members below which a class is left out.
    examples : int
        Positions that the training side must have.
    """
    found = []
    for name in classes:
        member, ignored = (np.array([name in words for words in spectra[key]]) for key in ("labels", "held_out"))
        subtypes = sorted(set(spectra["subtype"][member]) - {""}) if name == OUTLIER else [None]
        for subtype in subtypes:
            own = member if subtype is None else member & (spectra["subtype"] == subtype).to_numpy()
            words = name if subtype is None else f"{name}: {subtype}"
            found.append(Withheld(words, own, ignored))
    return [one for one in found if _enough(one.member, spectra, least, examples)]


def _enough(member, spectra, least, examples):
    places = spectra[member].groupby("side")["position"].nunique()
    return places.get("test", 0) >= least and places.get("training", 0) >= examples


def refit(entry, grid, shards, train_ids, validation_ids, name):
    """Fit an encoder of kind ``factors`` or ``pca`` and return (specobjid [N] sorted, embedding and evidence [N, F]) of all shards.

    It has at most half as many components as there are spectra.
    """
    entry = entry | {"components": min(entry["components"], len(train_ids) // 2)}
    with tempfile.TemporaryDirectory() as folder:
        weights, history = Path(folder) / "weights.safetensors", Path(folder) / "history.csv"
        FIT[entry["kind"]](entry, {}, grid, shards, train_ids, validation_ids, folder, weights, history, name)
        encoder = load_encoder(weights, {})
    ids, vectors = [], []
    for path in shards:
        gridded = read_gridded(path)
        for start in range(0, len(gridded), ROWS_AT_ONCE):
            part = gridded[start : start + ROWS_AT_ONCE]
            ids.append(part.specobjid)
            vectors.append(np.hstack(describe(encoder, part.flux, part.ivar, part.z)))
    ids, vectors = np.concatenate(ids), np.concatenate(vectors)
    order = np.argsort(ids, kind="stable")
    return ids[order], vectors[order]


class Likeness:
    """How much spectra look like examples and not like ``rest`` [N, F]: all that draws of examples have in common.

    Parameters
    ----------
    rest, asked : ndarray[N, F], ndarray[Q, F]
    rest_at, asked_at : DataFrame
        specobjid and position of both.
    """

    def __init__(self, rest, asked, rest_at, asked_at, threads=1):
        self.asked, self.middle = asked, rest.mean(axis=0, dtype="f8")
        covariance = np.atleast_2d(np.cov(rest.T.astype("f8")))
        self.covariance = covariance + SHRINK * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        base = KnowledgeBase.build(rest, rest_at[["specobjid", "position"]].assign(label=""))
        k, at = min(NEAREST, len(rest)), (asked_at[name].to_numpy() for name in ("position", "specobjid"))
        self.other = np.log(np.maximum(base.search(asked, k, *at, None, threads).distance[:, -1], TINY))

    def score(self, examples):
        """Return the likeness [Q] to ``examples`` [n, F]: two standardised scores, added."""
        direction = np.linalg.solve(self.covariance, examples.mean(axis=0, dtype="f8") - self.middle)
        nearest = np.sort(cdist(self.asked, examples), axis=1)[:, : max(1, len(examples) // 5)]
        near = self.other - np.log(np.maximum(nearest, TINY)).mean(axis=1)
        return _standard((self.asked - self.middle) @ direction) + _standard(near)


def _standard(values):
    return (values - values.mean()) / max(values.std(), TINY)


def draw_examples(rows, position, n, rng):
    """Return ``n`` of ``rows``, each of another sky position (``position`` belongs to ``rows``)."""
    order = rng.permutation(len(rows))
    _, first = np.unique(position[order], return_index=True)
    return rows[order[np.sort(first)[:n]]]


def recall_at(score, member, times, first=FIRST):
    """Return the share of members [R] among the ``first`` spectra, of at most ``first`` members, in each of R redraws.

    ``times`` [R, n] says how often each of the n spectra counts; NaN without members.
    """
    top = np.argsort(-score, kind="stable")[: DEPTH * first]
    counts = times[:, top]
    room = np.clip(first - (np.cumsum(counts, axis=1) - counts), 0, counts)
    total = np.minimum(times @ member, first)
    found = room @ member[top].astype("f8")
    return np.divide(found, total, out=np.full(len(times), np.nan), where=total > 0)


def few_examples(vectors, spectra, classes, examples, draws, n_bootstrap=1000, seed=0, threads=1):
    """Return results/few_examples.csv: one row a class, number of examples and method, the same examples for all methods.

    Parameters
    ----------
    vectors : dict
        {method: embedding and evidence [n, F] of ``spectra``}, row by row.
    spectra : DataFrame
        specobjid, position, side.
    classes : list of Withheld
    examples : list of int
    draws : int
        Draws of examples.
    n_bootstrap, seed : int
        Intervals are over draws and sky positions together.
    """
    training = (spectra["side"] == "training").to_numpy()
    rows = []
    for one in classes:
        rest, asked = (np.flatnonzero(side & ~one.ignored) for side in (training & ~one.member, ~training))
        own = np.flatnonzero(training & one.member)
        places = spectra["position"].to_numpy()
        for method, whole in vectors.items():
            likeness = Likeness(whole[rest], whole[asked], spectra.iloc[rest], spectra.iloc[asked], threads)
            for n in examples:
                if len(np.unique(places[own])) < n:
                    continue
                chosen = [draw_examples(own, places[own], n, np.random.default_rng([seed, n, i])) for i in range(draws)]
                scores = [likeness.score(whole[part]) for part in chosen]
                row = {"class": one.name, "method": method, "n_examples": n}
                rows.append(row | _row(scores, one.member[asked], places[asked], n_bootstrap, seed))
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(scores, member, position, n_bootstrap, seed):
    places, group = np.unique(position, return_inverse=True)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(places), np.full(len(places), 1 / len(places)), size=n_bootstrap)[:, group].astype("f4")
    redrawn = np.stack([recall_at(score, member, times) for score in scores], axis=1)  # [R, draws]
    taken = rng.integers(len(scores), size=redrawn.shape)
    low, high = interval(mean(np.take_along_axis(redrawn, taken, axis=1), axis=1))
    once, n_members = np.ones((1, len(member))), int(member.sum())
    n_positions = len(np.unique(position[member]))
    return {
        "recall_at_100": mean([recall_at(score, member, once)[0] for score in scores]),
        "recall_at_100_lo": low,
        "recall_at_100_hi": high,
        "chance": min(FIRST, len(member)) / len(member) * n_members / min(FIRST, n_members),
        "n_members": n_members,
        "n_ranked": len(member),
        "n_positions": n_positions,
        "n_draws": len(scores),
        "note": too_few(n_positions),
    }


def known_as(manifest, labels):
    """Return the manifest (specobjid, position, side) with labels, held_out (lists) and subtype; unlabelled spectra have none."""
    joined = manifest[["specobjid", "position", "side"]].merge(
        labels[["specobjid", "labels", "held_out", "subtype"]], on="specobjid", how="left", validate="one_to_one"
    )
    for name in ("labels", "held_out"):
        joined[name] = [list(words) if isinstance(words, np.ndarray | list) else [] for words in joined[name]]
    return joined.assign(subtype=joined["subtype"].fillna("")).sort_values("specobjid", ignore_index=True)


def unseen(ids, spectra, names):
    """Return those of ``ids`` (uint64) that have none of the labels ``names``."""
    named = [bool(set(words) & set(names)) for words in spectra["labels"]]
    return ids[~np.isin(ids, spectra["specobjid"].to_numpy()[named])]


def common(spectra, fitted):
    """Return the spectra that every encoder has, and {method: vectors} row by row of {method: (specobjid, vectors)}."""
    kept = spectra[np.all([spectra["specobjid"].isin(ids) for ids, _ in fitted.values()], axis=0)]
    rows = {method: look_up(kept["specobjid"].to_numpy(), ids) for method, (ids, _) in fitted.items()}
    return kept.reset_index(drop=True), {method: vectors[rows[method]] for method, (_, vectors) in fitted.items()}
