"""A collapsed encoder gives nearly every spectrum the same embedding, and its votes look like any others: find it first.

Four measures of N embeddings, each of which a different collapse fails. Limits stand between what the encoders of three
surveys have (paper, pca, pca_obs, galspec) and what embeddings made to collapse have. An encoder that answers with noise is
not found this way: its embeddings differ well enough.
"""

import numpy as np

from galspec_core.errors import SearchError

SAMPLE = 2000  # embeddings whose pairwise distances are held: 32 MB
FEW = 5  # embeddings below which nothing can be said
ENOUGH = 200  # below which a few of them may look alike, or lie on a line, by chance
POPULAR = 0.01  # share of the embeddings that counts as the same few
LIMITS = {  # (kind of limit, value, from how many embeddings); measured: good encoders | collapsed ones
    "spread": (
        "least",
        1e-3,
        FEW,
    ),  # .011 to 1.7 | 0 of a constant, 2e-4 to 7e-4 where all but a thousandth of each is one
    "first_direction": ("most", 0.999, ENOUGH),  # .46 to .97 | .9999 on a line with a hundredth of noise
    "nearest": ("least", 1e-2, ENOUGH),  # .03 to .31 | 0 of five points, 7e-4 on a line
    "hubness": ("most", 0.5, ENOUGH),  # .03 to .11 | 1 where a few lie in the middle of a sphere of the rest
}
MEANING = {
    "spread": "median distance of two embeddings over their median length",
    "first_direction": "share of their variance in one direction",
    "nearest": "median distance to the nearest other one over that of any two",
    "hubness": f"share of them whose nearest is one of the same {POPULAR:.0%}",
}


def measure_collapse(embedding, seed=0):
    """Return the measures of ``embedding`` [N, D] as a dict, None where N is too small for one.

    Beside those of LIMITS there is ``effective_rank``: e to the entropy of the shares of variance (Roy & Vetterli 2007),
    for people: a good encoder may have one that is not much above 1.
    """
    from scipy.spatial.distance import pdist, squareform  # here: who only asks a knowledge base needs none

    if len(embedding) > SAMPLE:
        embedding = embedding[np.sort(np.random.default_rng(seed).choice(len(embedding), SAMPLE, replace=False))]
    x = np.asarray(embedding, dtype="f8")
    nothing = dict.fromkeys([*LIMITS, "effective_rank"])
    if len(x) < FEW:
        return nothing
    distance = pdist(x)
    shares = _variance_shares(x)
    found = {
        "spread": _over(np.median(distance), np.median(np.linalg.norm(x, axis=1))),
        "first_direction": shares.max(),
        "effective_rank": np.exp(-(shares * np.log(shares)).sum()),
        **_neighbours(squareform(distance)),
    }
    least = {name: n for name, (_, _, n) in LIMITS.items()}
    return nothing | {name: float(value) for name, value in found.items() if len(x) >= least.get(name, FEW)}


def _variance_shares(x):
    """Return the shares of the variance of x[N, D] in its principal directions, those that are not 0."""
    squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2
    shares = squares / squares.sum() if squares.sum() > 0 else np.ones(1)
    return shares[shares > 0]


def _neighbours(distance):
    """Return ``nearest`` and ``hubness`` of a matrix of distances [N, N]."""
    n, middle = len(distance), np.median(distance[np.triu_indices(len(distance), 1)])
    np.fill_diagonal(distance, np.inf)
    counts = np.sort(np.bincount(distance.argmin(axis=1), minlength=n))[::-1]
    return {
        "nearest": _over(np.median(distance.min(axis=1)), middle),
        "hubness": counts[: max(1, round(POPULAR * n))].sum() / n,
    }


def _over(part, whole):
    return part / whole if whole > 0 else 0.0


def check_collapse(facts, name="encoder", task=None):
    """Raise SearchError if the measures of ``measure_collapse`` say that an encoder has collapsed."""
    for key, (kind, limit, _) in LIMITS.items():
        value = facts[key]
        if value is None:
            continue
        if (kind == "least" and value < limit) or (kind == "most" and value > limit):
            raise SearchError(
                f"the encoder has collapsed: it gives nearly the same embedding to all kinds of spectra ({key}: {MEANING[key]})",
                item=name if task is None else f"{name}, knowledge base of {task}",
                expected=f"at {kind} {limit:g}",
                got=f"{value:.2g}",
                remedy="Its votes would mean nothing. Look at its history.csv: did the loss ever fall? Train it longer, with "
                "another learning rate or more spectra, or take it out of search.methods",
            )
