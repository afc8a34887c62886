"""The paper's explanations, tested: what moves the three-class F1 of networks and knowledge bases, and what does not.

``redshift`` and ``snr`` sort the test spectra into bins; ``shift`` moves each test spectrum as a wrong redshift would, which
tells whether a network is invariant to translation; ``removed`` takes pixels away in gaps. Training is never touched.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from galspec_core.baselines.data import embed, load_network
from galspec_core.baselines.votes import by_network_scores
from galspec_core.catalogs.ids import look_up
from galspec_core.log import Progress
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.task import Voter, with_manifest
from galspec_core.spectra.shard import Gridded

GAP = 20  # pixels that go together: a gap, not salt and pepper, is what surveys have (our choice)
BINS = 5  # of equal numbers of test spectra
COLUMNS = ["test", "method", "value", "seed", "f1", "n"]


def shift(spectra, wave, amount):
    """Return spectra [n, L] on the grid ``wave`` as if redshifted by a further factor 1 + ``amount``, edges held."""
    moved = wave * (1 + amount)
    flux = np.stack([np.interp(wave, moved, row) for row in spectra.flux]).astype("f4")
    ivar = np.stack([np.interp(wave, moved, row, left=0, right=0) for row in spectra.ivar]).astype("f4")
    return Gridded(spectra.specobjid, spectra.z, flux, ivar)


def remove(spectra, share, seed):
    """Return spectra with this share of their good pixels gone in gaps, bridged by straight lines, ivar 0."""
    flux, ivar, pixels = spectra.flux.copy(), spectra.ivar.copy(), np.arange(spectra.flux.shape[1])
    for row, (f, w) in enumerate(zip(spectra.flux, spectra.ivar, strict=True)):
        gone = _gaps(w > 0, share, np.random.default_rng([seed, row]))
        kept = ~gone
        if gone.any() and kept.any():
            flux[row] = np.interp(pixels, pixels[kept], f[kept])
            ivar[row, gone] = 0
    return Gridded(spectra.specobjid, spectra.z, flux, ivar)


def _gaps(good, share, rng):
    """Return bool[L]: gaps in random places until ``share`` of the good pixels are gone."""
    gone, wanted = np.zeros(len(good), dtype=bool), round(share * good.sum())
    for start in rng.permutation(max(len(good) // GAP, 1)) * GAP:
        if (gone & good).sum() >= wanted:
            break
        gone[start : start + GAP] = True
    return gone


def macro_f1(label, predicted, names=None):
    """Return the mean F1 over the classes that ``label`` has, NaN where it lacks one of ``names``."""
    there = sorted(set(label))
    if set(names if names is not None else there) - set(there):
        return np.nan
    return float(f1_score(label, predicted, labels=there, average="macro", zero_division=0))


def by_bins(votes, manifest):
    """Return F1 of every method and seed in bins of redshift and of S/N; ``value`` is the bin's median.

    A bin that lacks a class has no F1.
    """
    names = set(votes["label"])
    places = look_up(votes["specobjid"].to_numpy(), manifest["specobjid"].to_numpy())
    rows = []
    for test, column in (("redshift", "z"), ("snr", "snr")):
        values = manifest[column].to_numpy()[places]
        edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
        bins = np.searchsorted(edges, values)
        for (method, seed, number), part in votes.assign(bin=bins).groupby(["method", "seed", "bin"], sort=False):
            middle = float(np.median(values[bins == number]))
            rows.append([test, method, middle, seed, macro_f1(part["label"], part["predicted"], names), len(part)])
    return pd.DataFrame(rows, columns=COLUMNS)


def degraded(spectra, wave, shifts, shares, seed):
    """Yield (test, value, spectra) for every change of the input, each starting from none."""
    for amount in shifts:
        yield "shift", amount, shift(spectra, wave, amount) if amount else spectra
    for share in shares:
        yield "removed", share, remove(spectra, share, seed) if share else spectra


def stress_network(name, cases, weights, data, wave, settings, run):
    """Return F1 of a supervised network under every change; ``weights`` maps a seed to its file."""
    rows = []
    for case in cases:
        encoder, entry = load_network(weights[case.seed], run)
        for test, value, spectra in degraded(data.rows(case.test_ids), wave, **settings, seed=case.seed):
            votes = by_network_scores(case, entry, embed(encoder, spectra))
            rows.append([test, name, value, case.seed, macro_f1(votes["label"], votes["predicted"]), len(votes)])
    return pd.DataFrame(rows, columns=COLUMNS)


def stress_search(name, cases, folder, encoder, data, wave, manifest, vote, settings, threads=1):
    """Return F1 of a knowledge base's vote when the queries change and the knowledge base does not."""
    rows = []
    voter = Voter(cases[0].task, None, KnowledgeBase.load(folder), vote, threads)
    for case in cases:
        tests = with_manifest(case.tests, manifest)
        for test, value, spectra in degraded(data.rows(case.test_ids), wave, **settings, seed=case.seed):
            votes = voter.votes(case.seed, tests, embed(encoder, spectra))
            rows.append([test, name, value, case.seed, macro_f1(votes["label"], votes["predicted"]), len(votes)])
    return pd.DataFrame(rows, columns=COLUMNS)


def stress_all(cases, networks, methods, shards, grids, votes, manifest, vote, settings, run, threads=1):
    """Return the table of all tests with COLUMNS.

    Parameters
    ----------
    cases : list of Case
        The three classes, one a seed.
    networks : dict
        {system: (grid's name, {seed: weights})}.
    methods : dict
        {method: (grid's name, encoder, folder of its knowledge base)}.
    shards, grids : dict
        {grid's name: (Spectra of all test spectra)}, {grid's name: Grid}.
    votes : DataFrame
        Of all methods on unchanged spectra.
    manifest : DataFrame
    vote : VoteSettings
    settings : dict
        shifts (each a share of the wavelength), shares (of pixels).
    """
    progress = Progress("baselines: stress", len(networks) + len(methods), "methods")
    shown = votes[votes["method"].isin([*networks, *methods])]
    parts = [by_bins(shown, manifest)]
    for name, (grid, weights) in networks.items():
        parts.append(stress_network(name, cases, weights, shards[grid], grids[grid].wavelengths, settings, run))
        progress.add()
    for name, (grid, encoder, folder) in methods.items():
        wave = grids[grid].wavelengths
        parts.append(stress_search(name, cases, folder, encoder, shards[grid], wave, manifest, vote, settings, threads))
        progress.add()
    return pd.concat(parts, ignore_index=True)
