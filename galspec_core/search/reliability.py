"""Reliability: how far probabilities and shares can be believed, here and in a survey with fewer targets."""

import numpy as np
import pandas as pd
from scipy.special import rel_entr

from galspec_core.catalogs.roles import KNOWLEDGE_BASE
from galspec_core.search.calibration import recompose
from galspec_core.search.metrics import interval
from galspec_core.search.tables import positions_of
from galspec_core.search.vote import OTHER, binary_labels

COLUMNS = [
    "task", "method", "composition", "rate", "brier", "brier_constant", "brier_skill", "brier_skill_lo", "brier_skill_hi",
    "log_loss", "log_loss_constant", "known", "error_known", "error_unknown", "n", "n_target", "n_positions", "n_seeds",
]  # fmt: skip
CURVE = ["task", "method", "composition", "predicted", "observed", "observed_lo", "observed_hi", "n"]
RARE = 0.2  # share of the targets that the second composition keeps (our choice)
DRAWN, THINNED, CORRECTED = "as drawn", "a fifth of the targets", "a fifth of the targets, corrected"
LEAST = (
    1e-3  # probabilities are kept this far from 0 and 1 in the log loss: a share of three votes is often exactly that
)
EDGES = (0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # bins of the reliability curve
REDRAWS = 500  # of positions, behind each interval


def prepare(votes, roles, manifest, target):
    """Return the votes of one task with ``member``, ``position``, ``p`` and ``base``, the targets' share of each seed's entries.

    ``p`` is the calibrated probability of a learnt vote, the share of the target of any other.
    """
    entries = roles[roles["role"] == KNOWLEDGE_BASE]
    base = pd.Series(binary_labels(entries["label"], target) != OTHER).groupby(entries["seed"].to_numpy()).mean()
    learnt = votes["probability"].notna()
    return votes.assign(
        member=(votes["label"] != OTHER).astype("f8"),
        position=positions_of(votes, manifest),
        p=np.where(learnt, votes["probability"], votes["score"]),
        base=votes["seed"].map(base).to_numpy(),
    )


def compositions(votes):
    """Yield (name, votes, rate) of one method: as drawn, and with targets left out by position, before and after correction."""
    yield DRAWN, votes, votes["member"].mean()
    places = np.unique(votes.loc[votes["member"] > 0, "position"])
    kept = np.random.default_rng(0).permutation(places)[: max(1, round(RARE * len(places)))]
    thin = votes[(votes["member"] == 0) | votes["position"].isin(kept)]
    rate = thin["member"].mean()
    yield THINNED, thin, rate
    inside = thin["base"].between(0, 1, inclusive="neither")
    corrected = np.where(inside, recompose(thin["p"], thin["base"].where(inside, 0.5), rate), thin["p"])
    yield CORRECTED, thin.assign(p=corrected), rate


def score_reliability(votes, roles, manifest, target, task):
    """Return (rows, curves) of every method's votes on a target: tables with COLUMNS and CURVE.

    Brier score and log loss stand beside those of always answering the targets' frequency; ``brier_skill`` is the share of the
    constant's Brier score that is gone, with its interval over sky positions. ``known`` is the share of spectra with an entry
    near; ``error_known`` and ``error_unknown`` the shares of wrong answers with and without one.
    """
    rows, curves = [], []
    for method, part in votes.groupby("method", sort=False):
        for name, own, rate in compositions(prepare(part, roles, manifest, target)):
            own = own[own["p"].notna()]
            if not len(own):
                continue
            rows.append({"task": task, "method": method, "composition": name, "rate": rate, **_scores(own, rate)})
            curves += [{"task": task, "method": method, "composition": name, **row} for row in _curve(own)]
    return pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(curves, columns=CURVE)


def _scores(votes, rate):
    member, p = votes["member"].to_numpy(), votes["p"].to_numpy()
    losses = pd.DataFrame({"ours": (p - member) ** 2, "constant": (rate - member) ** 2})
    brier, constant = losses.mean()
    sums = losses.groupby(votes["position"].to_numpy()).sum().to_numpy()
    draws = np.random.default_rng(0).integers(len(sums), size=(REDRAWS, len(sums)))
    redrawn = sums[draws].sum(axis=1)
    low, high = interval(1 - redrawn[:, 0] / np.maximum(redrawn[:, 1], 1e-12))
    wrong, known = votes["predicted"] != votes["label"], votes["known"]
    return {
        "brier": brier,
        "brier_constant": constant,
        "brier_skill": 1 - brier / constant if constant else np.nan,
        "brier_skill_lo": low,
        "brier_skill_hi": high,
        "log_loss": log_loss(member, p),
        "log_loss_constant": log_loss(member, np.full(len(p), rate)),
        "known": known.mean(),
        "error_known": wrong[known].mean(),
        "error_unknown": wrong[~known].mean(),
        "n": len(votes),
        "n_target": int(member.sum()),
        "n_positions": votes["position"].nunique(),
        "n_seeds": votes["seed"].nunique(),
    }


def log_loss(member, p):
    """Return the mean of -log of the probability given to what was true, probabilities kept off 0 and 1 by LEAST."""
    p = np.clip(p, LEAST, 1 - LEAST)
    return float((rel_entr(member, p) + rel_entr(1 - member, 1 - p)).mean())


def _curve(votes):
    """Yield the mean probability and the share of members in bins of EDGES, with a 95 % interval over positions."""
    bins = np.clip(np.digitize(votes["p"], EDGES) - 1, 0, len(EDGES) - 2)
    for _, part in votes.groupby(bins):
        each = part.groupby("position")["member"].agg(["sum", "size"]).to_numpy()
        draws = np.random.default_rng(0).integers(len(each), size=(REDRAWS, len(each)))
        redrawn = each[draws].sum(axis=1)
        low, high = interval(redrawn[:, 0] / redrawn[:, 1])
        yield {
            "predicted": part["p"].mean(),
            "observed": part["member"].mean(),
            "observed_lo": low,
            "observed_hi": high,
            "n": len(part),
        }
