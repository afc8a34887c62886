"""Controls: unlabelled spectra that look like the targets in everything but what makes them targets."""

import numpy as np
from scipy.spatial import cKDTree

from galspec_core.catalogs.draws import shuffled, uniform
from galspec_core.log import logger

UNITS = {  # what counts as one step away, and how a feature is measured (our choices)
    "z": (0.02, lambda survey: survey.z),
    "snr": (0.1, lambda survey: np.log10(np.maximum(survey.snr, 0.1))),  # dex
}


def match_controls(survey, target, pool, negatives, seed):
    """Return the controls of each pooled target: {row of the target: rows of its controls}.

    Parameters
    ----------
    survey : Survey
    target : str
    pool : array of bool[n]
        Who may serve as a labelled spectrum.
    negatives : Negatives
        ``match`` names what must be alike: z and snr by nearest neighbour, instrument exactly.
    seed : int
        Decides who chooses first.

    A control has no label, is not held out, shares no sky position with a target or a held-out spectrum, stands on its
    target's side, and serves once.
    """
    wanted, held_out = survey.has(target), survey.is_held_out(target)
    taken = np.isin(survey.position, survey.position[wanted | held_out])
    free = ~survey.member.any(axis=1) & ~survey.held_out.any(axis=1) & ~taken
    groups = _groups(survey, "instrument" in negatives.match)
    features, found = _features(survey, negatives.match, seed), {}
    for group in np.unique(groups[wanted & pool & ~held_out]):
        here = groups == group
        targets, candidates = np.flatnonzero(here & wanted & pool & ~held_out), np.flatnonzero(here & free)
        targets = targets[shuffled(survey.specobjid[targets], seed, "controls")]
        chosen = nearest_unused(features[targets], features[candidates], negatives.per_target)
        found |= {row: candidates[own[own >= 0]] for row, own in zip(targets, chosen, strict=True)}
    missing = negatives.per_target * len(found) - sum(map(len, found.values()))
    if missing:
        logger.warning("%s: %d of %d controls could not be found", target, missing, negatives.per_target * len(found))
    return found


def _groups(survey, by_instrument):
    """Return a number for each spectrum: its side, and its instrument where that must be alike."""
    instrument = survey.instrument.indices.to_numpy() if by_instrument else 0
    return 2 * instrument + survey.training


def _features(survey, match, seed):
    """Return features [n, F] in units of one step; random ones where nothing but the instrument is matched."""
    columns = [UNITS[name][1](survey) / UNITS[name][0] for name in match if name in UNITS]
    return np.column_stack(columns or [uniform(survey.specobjid, seed, "any control")])


def nearest_unused(targets, candidates, per_target):
    """Return the nearest ``candidates`` [n, F] of each of ``targets`` [T, F], each used once: [T, per_target], or -1.

    Every target gets its first before any gets its second.
    """
    chosen = np.full((len(targets), per_target), -1, dtype="i8")
    if not len(candidates):
        return chosen
    tree, used = cKDTree(candidates), np.zeros(len(candidates), dtype=bool)
    for turn in range(per_target):
        for i, point in enumerate(targets):
            chosen[i, turn] = row = _nearest(tree, point, used, 8 * per_target)
            used[row] |= row >= 0
    return chosen


def _nearest(tree, point, used, k):
    if used.all():
        return -1
    while True:
        rows = np.atleast_1d(tree.query(point, k=min(k, tree.n))[1])
        if not used[rows].all():
            return rows[~used[rows]][0]
        k *= 4
