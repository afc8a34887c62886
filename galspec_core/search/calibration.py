"""Calibration: a share of votes as a probability, and what it becomes in a survey of another composition."""

from dataclasses import dataclass

import numpy as np

LEAST = 1e-3  # shares are kept this far from 0 and 1: a forest of some hundred trees says no more
MOST_ROUNDS, CLOSE = 1000, 1e-4  # of the estimate of a rate: rounds, and the change relative to it that ends them
PULL = 1.0  # inverse strength of the ridge on the slope (scikit-learn's default)


@dataclass(frozen=True)
class Calibration:
    """Logistic calibration (Platt 1999): the log odds are ``slope`` times those of the share, plus ``offset``."""

    slope: float
    offset: float

    @classmethod
    def fit(cls, share, member):
        """Return the calibration of ``share`` [n] for ``member`` bool[n]; their frequency alone where one kind is missing.

        Shares must come from votes that have not seen their own galaxy.
        """
        member = np.asarray(member, dtype=bool)
        if member.all() or not member.any():
            return cls(0.0, float(log_odds((member.sum() + 0.5) / (len(member) + 1))))
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=PULL).fit(log_odds(share)[:, None], member)
        return cls(float(model.coef_[0, 0]), float(model.intercept_[0]))

    def probability(self, share):
        """Return the probability [n] that ``share`` [n] stands for."""
        return 1 / (1 + np.exp(-(self.slope * log_odds(share) + self.offset)))


def log_odds(share):
    """Return log(share / (1 - share)), the share kept off 0 and 1 by LEAST."""
    share = np.clip(share, LEAST, 1 - LEAST)
    return np.log(share) - np.log1p(-share)


def recompose(probability, base, rate):
    """Return probabilities [n] for a survey where a share ``rate`` are members, from those where ``base`` are.

    Bayes' rule for another prior, the spectra of members and of others being what they were (Saerens et al. 2002, Neural
    Computation 14, 21).
    """
    odds = rate / (1 - rate) * (1 - base) / base
    up = np.asarray(probability) * odds
    return up / (up + 1 - np.asarray(probability))


def estimate_rate(probability, base):
    """Return which share of spectra are members, from probabilities [n] that hold where a share ``base`` are.

    The share that makes the probabilities agree with it: the mean probability at that share (Saerens et al. 2002, by
    expectation-maximisation).
    """
    probability, rate = np.asarray(probability), base
    for _ in range(MOST_ROUNDS):
        before, rate = rate, float(np.mean(recompose(probability, base, rate)))
        if abs(rate - before) <= CLOSE * before:
            break
    return rate
