"""Weights: how the distance of a neighbour becomes its share of the vote (paper, appendix A.2 and table A1)."""

import numpy as np

from galspec_core.errors import ConfigError

WEIGHTS = {  # of a distance x, epsilon against a division by zero (table A1)
    "exp": lambda x, epsilon: np.exp(-x),
    "inverse": lambda x, epsilon: 1 / (x + epsilon),
    "inverse_square": lambda x, epsilon: 1 / (x**2 + epsilon),
    "linear": lambda x, epsilon: -x,
}
LOGARITHMS = {  # of the positive ones: far neighbours underflow in e^-x, never here
    "exp": lambda x, epsilon: -x,
    "inverse": lambda x, epsilon: -np.log(x + epsilon),
    "inverse_square": lambda x, epsilon: -np.log(x**2 + epsilon),
}


def softmax(values):
    """Return e^values over its sum along the last axis, safe for values of any size."""
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def over_sum(distance, weight, epsilon):
    """Return weights over their sum [Q, K]: for ``exp`` this is softmax(-distance).

    Raises
    ------
    ConfigError
        The weight is not positive, so that shares of its sum have no meaning.
    """
    if weight not in LOGARITHMS:
        raise ConfigError(
            f"the weight {weight} is negative and has no shares of its sum",
            item="search.normalise",
            got="sum",
            remedy="Set search.normalise to softmax",
        )
    return softmax(LOGARITHMS[weight](distance, epsilon))


def softmax_of(distance, weight, epsilon):
    """Return the softmax of the weights themselves [Q, K]: the other reading of the paper's section 2.2.3."""
    return softmax(WEIGHTS[weight](distance, epsilon))


NORMALISE = {"sum": over_sum, "softmax": softmax_of}


def weigh(distance, weight="exp", normalise="sum", epsilon=1e-6):
    """Return the weights [..., K] of neighbours at ``distance`` [..., K]; they add up to 1.

    Parameters
    ----------
    distance : array_like
        Never squared; in units of the knowledge base's median distance where votes are compared between embeddings.
    weight : str
        A name of WEIGHTS.
    normalise : str
        A name of NORMALISE.
    epsilon : float
        Keeps the inverse weights finite.

    Raises
    ------
    ConfigError
        No such name, or ``sum`` of a negative weight.
    """
    for key, name, table in (("weight", weight, WEIGHTS), ("normalise", normalise, NORMALISE)):
        if name not in table:
            raise ConfigError("there is no such choice", item=f"search.{key}", expected=", ".join(table), got=name)
    return NORMALISE[normalise](np.asarray(distance, dtype="f8"), weight, epsilon)
