"""Weighted least squares of many spectra at once: the same few templates, other weights for each."""

import numpy as np

ROWS_AT_ONCE = 64  # spectra worked on at once: their pixels stay in the processor's cache


def products(rows):
    """Return the products of each pair of rows [K, L], once each: [K (K + 1) / 2, L], and which pairs: two int[…]."""
    first, second = np.triu_indices(len(rows))
    return rows[first] * rows[second], (first, second)


def symmetric(packed, pairs, k):
    """Return matrices [B, K, K] in float64 from their upper triangles [B, K (K + 1) / 2]."""
    whole = np.empty((len(packed), k, k))
    whole[:, pairs[0], pairs[1]] = packed
    whole[:, pairs[1], pairs[0]] = packed
    return whole


def solve(x, weight, design, precision, squares=None):
    """Return (coordinates [B, K], covariance [B, K, K]): the most probable of x[B, L] = coordinates @ design[K, L].

    ``precision`` [K, K] is that of the Gaussian prior around 0; ``weight`` [B, L] the inverse variance of x; ``squares`` what
    ``products`` makes of the design, for who asks often.
    """
    squares, pairs = products(design) if squares is None else squares
    found, spread = [], []
    for start in range(0, max(len(x), 1), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        normal = symmetric(weight[rows] @ squares.T, pairs, len(design)) + precision
        covariance = np.linalg.inv(normal)
        right = (weight[rows] * x[rows]) @ design.T
        found.append(np.einsum("bkj,bj->bk", covariance, right))
        spread.append(covariance)
    return np.concatenate(found), np.concatenate(spread)
