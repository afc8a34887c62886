"""Vote: the neighbours' labels, weighted by their distance, say what a spectrum is (paper, section 2.2.3).

The share of a label is the sum of the weights of the neighbours that carry it. The score by which spectra are ranked is
the target's share. With three neighbours most shares are exactly 0 or 1, which leaves nearly all spectra tied, so a
millionth of the score (TIE_BREAK) is given by nearness: d_rest / (d_target + d_rest), where d_target and d_rest are the
distances of the nearest entry that is the target and of the nearest that is not, wherever they stand among the
neighbours. It orders spectra of equal share alone; it never changes a predicted label, which follows from shares only.
"""

from dataclasses import dataclass

import numpy as np

from galspec_core.catalogs.role_names import ALL_CLASSES, TABLE2, THREE_CLASSES
from galspec_core.errors import ConfigError
from galspec_core.search.weights import NORMALISE, WEIGHTS, weigh

OTHER = "other"  # label of whatever is not the target
UNLABELLED = "unlabelled"
FIRST, LAST = ("Outlier", "Lens"), ("SF", "Composite", "Seyfert", "LINER", "Normal")  # a user's labels stand between
TIE_BREAK = 1e-6  # part of the score that nearness decides
EQUAL = 1e-9  # shares closer than this are tied


@dataclass(frozen=True)
class VoteSettings:
    """``search`` of the configuration as the vote reads it; ``scale`` is median or paper (raw distances).

    ``unknown`` is the share of a knowledge base's entries that stand further from all others than a spectrum may stand from
    its nearest entry before the answer is "don't know".
    """

    top_k: int = 3
    weight: str = "exp"
    epsilon: float = 1e-6
    normalise: str = "sum"
    scale: str = "median"
    unknown: float = 0.01

    @classmethod
    def from_config(cls, section, task=None):
        """Return settings from ``search``; a task's own top_k and weight come first.

        Raises
        ------
        ConfigError
            A key that is none, or a choice that does not exist.
        """
        own = {key: (task or {}).get(key) for key in ("top_k", "weight")}
        unknown = set(section) - set(cls.__dataclass_fields__)
        if unknown:
            expected = ", ".join(cls.__dataclass_fields__)
            raise ConfigError("there is no such key", item="search", expected=expected, got=", ".join(sorted(unknown)))
        settings = cls(**{**section, **{key: value for key, value in own.items() if value is not None}})
        choices = {"weight": WEIGHTS, "normalise": NORMALISE, "scale": ("median", "paper")}
        for key, known in choices.items():
            if getattr(settings, key) not in known:
                got = getattr(settings, key)
                raise ConfigError("there is no such choice", item=f"search.{key}", expected=", ".join(known), got=got)
        settings.weigh(np.ones(settings.top_k))
        return settings

    def weigh(self, distance):
        """Return the weights [..., K] of neighbours at ``distance``, in units of the scale."""
        return weigh(distance, self.weight, self.normalise, self.epsilon)


def vote(codes, weights, n_classes):
    """Return the winning class [Q] and the share of every class [Q, C].

    A tie goes to the tied class whose neighbour is nearest.

    Parameters
    ----------
    codes : ndarray[Q, K] of int
        Class of each neighbour, nearest first.
    weights : ndarray[Q, K]
        Adding up to 1.
    """
    shares = (weights[:, :, None] * (codes[:, :, None] == np.arange(n_classes))).sum(axis=1)
    best = shares >= shares.max(axis=1, keepdims=True) - EQUAL
    nearest = np.take_along_axis(best, codes, axis=1).argmax(axis=1)
    return np.take_along_axis(codes, nearest[:, None], axis=1)[:, 0], shares


def binary_labels(labels, target):
    """Return ``target`` or OTHER for each of the '+'-joined ``labels``."""
    return np.array([target if target in word.split("+") else OTHER for word in labels], dtype=object)


def one_class(labels):
    """Return the class of each of the '+'-joined ``labels``: Outlier, Lens, a user's own, then the line classes."""
    return np.array([min(word.split("+"), key=_precedence) if word else UNLABELLED for word in labels], dtype=object)


def _precedence(word):
    if word in FIRST:
        return 0, FIRST.index(word), word
    return (2 if word in LAST else 1), 0, word


def three_classes(labels):
    """Return SF, AGN or Normal for each of ``labels``: Seyfert and LINER are AGN (paper, section 4.1)."""
    return np.array([TABLE2.get(word, word or UNLABELLED) for word in labels], dtype=object)


LABELLINGS = {ALL_CLASSES: one_class, THREE_CLASSES: three_classes}


def labels_of(task, target, labels):
    """Return the label of each spectrum in a task: target or OTHER, or its class where the task votes on classes."""
    return LABELLINGS[task](labels) if task in LABELLINGS else binary_labels(labels, target)


def nearness(target, rest):
    """Return d_rest / (d_target + d_rest): 1 at a target, 0 at anything else; an infinite distance means none there."""
    target, rest = np.asarray(target, dtype="f8"), np.asarray(rest, dtype="f8")
    out = np.where(target == rest, 0.5, np.where(np.isinf(rest), 1.0, 0.0))
    mixed = np.isfinite(target) & np.isfinite(rest) & (target + rest > 0)
    return np.divide(rest, target + rest, out=out, where=mixed)


def score(share, near):
    """Return the ranking score between 0 and 1: the target's share, spectra of equal share ordered by nearness."""
    return (1 - TIE_BREAK) * share + TIE_BREAK * near
