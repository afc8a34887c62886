"""Outlier scores of an unsupervised random forest (Baron & Poznanski 2017, MNRAS 465, 4530).

A forest learns to tell real spectra from synthetic ones that have the same marginal distributions and no covariance. Two
spectra are as similar as the share of trees that put both in one leaf and call both real; an outlier is one that is
unlike most others.
"""

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from galspec_core.baselines.features import matrix

FAMILY = "score"
AT_ONCE = 256  # spectra compared with all others at once


def fit(entry, spectra, seed):
    """Return spectra -> weirdness [n]; ``entry`` has trees, bin (pixels averaged) and reference (spectra compared with)."""
    rng = np.random.default_rng(seed)
    real = rebin(matrix(spectra), entry["bin"])
    forest = RandomForestClassifier(entry["trees"], random_state=seed)
    forest.fit(np.vstack([real, shuffle_columns(real, rng)]), np.repeat([1, 0], len(real)))
    chosen = rng.choice(len(real), min(entry["reference"], len(real)), replace=False)
    reference = real_leaves(forest, real[chosen])
    return lambda queries: weirdness(real_leaves(forest, rebin(matrix(queries), entry["bin"])), reference)


def rebin(x, size):
    """Return the means of ``size`` neighbouring columns of x [n, L], the last ones left out where they do not fill one."""
    n = x.shape[1] // size
    return x[:, : n * size].reshape(len(x), n, size).mean(axis=2)


def shuffle_columns(x, rng):
    """Return x [n, F] with each column shuffled by itself: same marginals, no covariance."""
    return rng.permuted(x, axis=0)


def real_leaves(forest, x):
    """Return the leaf [n, T] of each spectrum in each tree, -1 where the tree calls it synthetic."""
    leaves = forest.apply(x)
    votes = np.stack([tree.predict(x) for tree in forest.estimators_], axis=1)
    return np.where(votes == 1, leaves, -1)


def weirdness(leaves, reference):
    """Return 1 - the mean similarity [n] of spectra in leaves [n, T] to those of ``reference`` [m, T]."""
    parts = []
    for start in range(0, len(leaves), AT_ONCE):
        part = leaves[start : start + AT_ONCE]
        same = sum((part[:, t, None] == reference[:, t]) & (part[:, t, None] >= 0) for t in range(part.shape[1]))
        both = sum((part[:, t, None] >= 0) & (reference[:, t] >= 0) for t in range(part.shape[1]))
        parts.append(1 - (same / np.maximum(both, 1)).mean(axis=1))
    return np.concatenate(parts) if parts else np.empty(0)
