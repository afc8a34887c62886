"""Vectors like embeddings: clumps of uneven size in few directions, noise in all; any row can be made alone."""

import numpy as np

BLOCK = 10_000  # rows that share a random generator
CLUMPS, DIRECTIONS, NOISE = 500, 32, 0.05


def clustered(first, n, dimension, seed=0):
    """Return rows ``first`` to ``first + n`` of an endless table of vectors [n, D], float32."""
    centres, turn = _shape(dimension, seed)
    parts = [_block(block, centres, turn, seed) for block in range(first // BLOCK, (first + n - 1) // BLOCK + 1)]
    start = first % BLOCK
    return np.concatenate(parts)[start : start + n]


def _shape(dimension, seed):
    """Return the clumps' centres [CLUMPS, DIRECTIONS] and the map from there to [D]."""
    rng = np.random.default_rng(seed)
    strength = np.arange(1, DIRECTIONS + 1) ** -0.5
    turn = rng.standard_normal((DIRECTIONS, dimension)).astype("f4") / np.float32(np.sqrt(DIRECTIONS))
    return 2 * rng.standard_normal((CLUMPS, DIRECTIONS), dtype="f4"), (strength[:, None] * turn).astype("f4")


def _block(block, centres, turn, seed):
    rng = np.random.default_rng([seed, block])
    clump = (CLUMPS * rng.random(BLOCK) ** 2).astype(int)
    inner = centres[clump] + rng.standard_normal((BLOCK, DIRECTIONS), dtype="f4")
    return inner @ turn + np.float32(NOISE) * rng.standard_normal((BLOCK, turn.shape[1]), dtype="f4")
