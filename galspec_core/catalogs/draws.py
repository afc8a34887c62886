"""Draws without a random generator: hashes of identifiers, the same on every machine and for every file order."""

import hashlib

import numpy as np

GAMMA, FIRST, SECOND = (np.array([v], dtype="u8") for v in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def splitmix64(state):
    """Return the output of SplitMix64 for each state, uint64[n] (Steele, Lea & Flood 2014)."""
    z = np.atleast_1d(np.asarray(state, dtype="u8")) + GAMMA
    z = (z ^ (z >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    return z ^ (z >> np.uint64(31))


def hashed(ids, seed, purpose):
    """Return a uint64 for each identifier that looks random; another seed or purpose gives another one."""
    salt = hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest()
    return splitmix64(splitmix64(ids) ^ np.frombuffer(salt, dtype="<u8").astype("u8"))


def uniform(ids, seed, purpose):
    """Return a number in [0, 1) for each identifier."""
    return (hashed(ids, seed, purpose) >> np.uint64(11)) * 2.0**-53


def shuffled(ids, seed, purpose):
    """Return the rows of ``ids`` in an order that depends on the set of identifiers and not on their order."""
    return np.lexsort((ids, hashed(ids, seed, purpose)))


def draw(rows, ids, n, seed, purpose):
    """Return ``n`` of ``rows`` (indices into ``ids``), drawn without replacement, ascending."""
    return np.sort(rows[shuffled(ids[rows], seed, purpose)[:n]])
