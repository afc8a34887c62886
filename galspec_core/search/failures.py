"""Missed targets and why they were missed: table B1 (paper, appendix B.1).

Two of the paper's failure modes as a written rule, asked in this order:

1. prototype starvation: fewer than ``few`` entries of the target's subtype stand in that seed's knowledge base. The
   paper says fewer than 10.
2. narrow feature window: what sets the spectrum apart from the mean of its neighbours stands in a few pixels. chi2 of a
   pixel is the squared difference over its variance, that of the spectrum plus that of the mean; a pixel counts if it
   is good in the spectrum and in one neighbour at least. WINDOW such pixels in a row add up their chi2 around each
   pixel; noise alone would give WINDOW, with a standard deviation of sqrt(2 WINDOW). What is above that is the pixel's
   excess, where it is more than SIGNIFICANT standard deviations, else the excess is 0: noise that passes its mean by
   chance stands in few pixels too. Narrow means that the pixels of largest excess which make up HALF of its sum are
   at most ``narrow`` of all that count. The paper gives no such definition; it and its numbers are ours.
3. other: anything else, also where nothing exceeds noise or no pixel counts.
"""

import numpy as np
import pandas as pd

from galspec_core.errors import SearchError
from galspec_core.search.vote import UNLABELLED
from galspec_core.spectra.shard import read_gridded

STARVED, NARROW, ANOTHER = "prototype starvation", "narrow feature window", "other"
FEW = 10  # entries of a subtype (paper, appendix B.1)
NARROW_SHARE = 0.05  # of the pixels that count (our choice)
HALF = 0.5  # of the excess chi-square (our choice)
SIGNIFICANT = 5  # standard deviations of noise (our choice)
WINDOW = 15  # pixels: an emission line with its wings on a grid of 1e-4 dex (our choice)
COLUMNS = ["task", "specobjid", "subtype", "failure_mode", "n_subtype_in_kb", "neighbour_classes", "method", "seed"]


def missed_votes(votes, target, method):
    """Return the votes of ``method`` on spectra that are the target and were not called so, by seed and specobjid.

    Raises
    ------
    SearchError
        There is no vote of this method.
    """
    own = votes[votes["method"] == method]
    if own.empty:
        known, remedy = ", ".join(sorted(set(votes["method"]))), "Name one of these in figures.failures.method"
        raise SearchError("there is no vote", item=f"method {method}", expected=known, remedy=remedy)
    return own[(own["label"] == target) & (own["predicted"] != target)].sort_values(["seed", "specobjid"])


def spectra_needed(missed):
    """Return the specobjid of every missed spectrum and its neighbours: ndarray[N] uint64, sorted."""
    parts = [
        missed["specobjid"].to_numpy(dtype="u8"),
        *(np.asarray(ids, dtype="u8") for ids in missed["neighbour_ids"]),
    ]
    return np.unique(np.concatenate(parts))


def read_spectra(ids, manifest, shard_paths):
    """Return {specobjid: (flux[L], ivar[L])} of ``ids`` from the shards that hold them.

    ``shard_paths`` maps the manifest's shards to their files; all are on one rest-frame grid.
    """
    spectra = {}
    for shard in sorted(set(manifest.loc[manifest["specobjid"].isin(ids), "shard"])):
        part = read_gridded(shard_paths[shard], ids)
        spectra |= {int(i): pair for i, *pair in zip(part.specobjid, part.flux, part.ivar, strict=True)}
    return spectra


def missed_targets(task, target, missed, entries, roles, spectra, few=FEW, narrow=NARROW_SHARE):
    """Return table B1: a row of COLUMNS for every missed target of a task, all seeds.

    Parameters
    ----------
    missed : DataFrame
        From ``missed_votes``.
    entries : DataFrame
        Metadata of the task's knowledge base: specobjid, label, subtype, seeds.
    roles : DataFrame
        specobjid, task, subtype: gives the missed spectra's own.
    spectra : dict
        From ``read_spectra``; who is not in it counts as having no good pixel.
    few, narrow : int, float
        Thresholds of the rule above.
    """
    labels = dict(zip(entries["specobjid"], entries["label"], strict=True))
    own = roles[roles["task"] == task].drop_duplicates("specobjid")
    subtypes = dict(zip(own["specobjid"], own["subtype"], strict=True))
    counts = {seed: count_subtypes(entries, target, seed) for seed in missed["seed"].unique()}
    rows = []
    for vote in missed.itertuples():
        subtype = subtypes.get(vote.specobjid, "")
        n = int(counts[vote.seed].get(subtype, 0))
        mode = STARVED if n < few else feature_mode(vote, spectra, narrow)
        classes = "/".join(labels.get(i) or UNLABELLED for i in vote.neighbour_ids)
        rows.append((task, vote.specobjid, subtype, mode, n, classes, vote.method, vote.seed))
    return pd.DataFrame(rows, columns=COLUMNS).astype({"specobjid": "uint64"})


def count_subtypes(entries, target, seed):
    """Return how many entries of one seed are the target, by subtype: Series."""
    there = [
        seed in seeds and target in label.split("+")
        for seeds, label in zip(entries["seeds"], entries["label"], strict=True)
    ]
    return entries.loc[np.array(there, dtype=bool), "subtype"].value_counts()


def feature_mode(vote, spectra, narrow=NARROW_SHARE):
    """Return NARROW or ANOTHER for one vote: is the spectrum's difference from its neighbours narrow?"""
    near = [spectra[int(i)] for i in vote.neighbour_ids if int(i) in spectra]
    if not near or int(vote.specobjid) not in spectra:
        return ANOTHER
    flux, ivar = (np.stack(values) for values in zip(*near, strict=True))
    chi2 = chi_square(*spectra[int(vote.specobjid)], flux, ivar)
    return NARROW if excess_share(chi2) <= narrow else ANOTHER


def chi_square(flux, ivar, near_flux, near_ivar):
    """Return chi2 between a spectrum [L] and the mean of K others [K, L], in the pixels that count: ndarray[G]."""
    flux, ivar, near_flux, near_ivar = (np.asarray(v, dtype="f8") for v in (flux, ivar, near_flux, near_ivar))
    good = near_ivar > 0
    n = good.sum(axis=0)
    use = (n > 0) & (ivar > 0)
    mean = np.where(good, near_flux, 0.0).sum(axis=0)[use] / n[use]
    variance = np.where(good, 1 / np.where(good, near_ivar, 1.0), 0.0).sum(axis=0)[use] / n[use] ** 2
    return (flux[use] - mean) ** 2 / (1 / ivar[use] + variance)


def excess_share(chi2, window=WINDOW, half=HALF):
    """Return the smallest share of pixels that holds ``half`` of the excess of ``chi2`` [G], 1 where there is none."""
    if len(chi2) < window:
        return 1.0
    excess = np.convolve(chi2 - 1, np.ones(window), mode="same")
    excess[excess <= SIGNIFICANT * np.sqrt(2 * window)] = 0.0
    running = np.cumsum(np.sort(excess)[::-1])
    if running[-1] <= 0:
        return 1.0
    return (np.searchsorted(running, half * running[-1]) + 1) / len(chi2)
