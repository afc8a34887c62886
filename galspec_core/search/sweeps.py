"""Sweeps over what the paper holds fixed: share of targets, K, size of the knowledge base, wrong labels.

Every sweep reuses embeddings and knowledge bases; a value draws anew for each seed, the same draw for every method.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from galspec_core.catalogs.roles import TEST
from galspec_core.errors import SearchError
from galspec_core.log import Progress
from galspec_core.search.complaints import LOST
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.known import of_seed
from galspec_core.search.metrics import Counts, f1, precision, recall
from galspec_core.search.task import with_manifest
from galspec_core.search.vote import VoteSettings, binary_labels, vote

COLUMNS = {"target_share": "share", "top_k": "k", "base_size": "n", "wrong_labels": "share"}


@dataclass(frozen=True)
class Bench:
    """One task, method and seed: a knowledge base, which entries the seed has, and its test spectra with embeddings."""

    base: KnowledgeBase
    target: str
    settings: VoteSettings
    seed: int
    where: np.ndarray
    tests: pd.DataFrame
    queries: np.ndarray
    threads: int = 1

    @property
    def codes(self):
        """Class of each entry: 1 where it carries the target, else 0."""
        return (binary_labels(self.base.metadata["label"], self.target) == self.target).astype("i8")

    def neighbours(self, k, where):
        """Return the ``k`` nearest of the entries ``where`` for every test spectrum."""
        position, ids = self.tests["position"].to_numpy(), self.tests["specobjid"].to_numpy()
        return self.base.search(self.queries, k, position, ids, where, self.threads)

    def named(self, found, codes):
        """Return bool[Q]: which test spectra the vote calls targets."""
        weights = self.settings.weigh(found.distance / self.base.unit(self.settings.scale))
        return vote(codes[found.row], weights, 2)[0] == 1

    def measure(self, named):
        """Return precision, recall and F1 as a dict."""
        member = binary_labels(self.tests["label"], self.target) == self.target
        counts = Counts(*(np.array(float(rows.sum())) for rows in (member & named, ~member & named, member & ~named)))
        return {"precision": float(precision(counts)), "recall": float(recall(counts)), "f1": float(f1(counts))}


def sweep_top_k(bench, values):
    """Yield (K, metrics): one search with the largest K serves all."""
    possible = [k for k in values if k < bench.where.sum()]
    if not possible:
        return
    found = bench.neighbours(max(possible), bench.where)
    for k in possible:
        first = replace(found, row=found.row[:, :k], distance=found.distance[:, :k])
        yield k, bench.measure(bench.named(first, bench.codes))


def sweep_target_share(bench, values):
    """Yield (share of targets in the knowledge base, metrics): targets or others are left out until it is reached."""
    for value in values:
        where = with_share(bench.where, bench.codes == 1, value, bench.seed)
        if where.sum() > bench.settings.top_k:
            yield value, bench.measure(bench.named(bench.neighbours(bench.settings.top_k, where), bench.codes))


def sweep_base_size(bench, values):
    """Yield (number of entries, metrics); ``all`` and sizes beyond it are all entries of the seed, once."""
    total = int(bench.where.sum())
    for n in sorted({total if value == "all" else min(value, total) for value in values}):
        if n <= bench.settings.top_k:
            continue
        where = some_of(bench.where, n, bench.seed)
        yield n, bench.measure(bench.named(bench.neighbours(bench.settings.top_k, where), bench.codes))


def sweep_wrong_labels(bench, values):
    """Yield (share of wrong labels, metrics): one search serves all."""
    found = bench.neighbours(bench.settings.top_k, bench.where)
    words = bench.base.metadata["label"].to_numpy()
    for value in values:
        wrong = mislabel(words, bench.where, value, bench.seed)
        codes = (binary_labels(wrong, bench.target) == bench.target).astype("i8")
        yield value, bench.measure(bench.named(found, codes))


SWEEPS = {
    "target_share": sweep_target_share,
    "top_k": sweep_top_k,
    "base_size": sweep_base_size,
    "wrong_labels": sweep_wrong_labels,
}


def with_share(where, target, share, seed):
    """Return bool[N], part of ``where``: as many as possible of it, with this ``share`` of targets (0 < share < 1)."""
    rng = np.random.default_rng(seed)
    targets, others = (rng.permutation(np.flatnonzero(where & rows)) for rows in (target, ~target))
    n_targets = min(len(targets), round(len(others) * share / (1 - share)))
    n_others = min(len(others), round(n_targets * (1 - share) / share))
    out = np.zeros_like(where)
    out[np.concatenate([targets[:n_targets], others[:n_others]])] = True
    return out


def some_of(where, n, seed):
    """Return bool[N] with ``n`` of the entries ``where``; a larger n has all of a smaller one's."""
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(where))[:n]
    out = np.zeros_like(where)
    out[rows] = True
    return out


def mislabel(words, where, share, seed):
    """Return ``words`` [N] with this share of those ``where`` wrong: the label of a random entry of another label."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(np.flatnonzero(where))
    pool, out = words[where], words.copy()
    for row in rows[: round(share * len(rows))]:
        others = pool[pool != words[row]]
        out[row] = others[rng.integers(len(others))] if len(others) else words[row]
    return out


def run_sweep(sweep, values, tasks, methods, roles, manifest, search, threads=1):
    """Return a tidy table: task, method, the swept value, seed, precision, recall, f1.

    Parameters
    ----------
    sweep : str
        A name of SWEEPS.
    values : list
    tasks : dict
        {task: its entry of the configuration}.
    methods : dict
        {(task, method): (folder of its knowledge base, its embedding shards)}.
    roles, manifest : DataFrame
        Rejected spectra left out of ``roles``.
    search : dict
        The vote's settings.

    Raises
    ------
    SearchError
        A spectrum lacks its embedding.
    """
    progress, rows = Progress(f"search: sweep {sweep}", len(methods), "votes"), []
    for (task, method), (folder, paths) in methods.items():
        base = KnowledgeBase.load(folder)
        tests = roles[(roles["task"] == task) & (roles["role"] == TEST)]
        for bench in _benches(base, tests, tasks[task], manifest, paths, search, threads):
            for value, measured in SWEEPS[sweep](bench, values):
                rows.append({"task": task, "method": method, COLUMNS[sweep]: value, "seed": bench.seed, **measured})
        progress.add()
    return pd.DataFrame(rows, columns=["task", "method", COLUMNS[sweep], "seed", "precision", "recall", "f1"])


def _benches(base, tests, spec, manifest, paths, search, threads):
    embeddings = load_embeddings(paths, tests["specobjid"].to_numpy())
    if len(embeddings.missing):
        raise SearchError("has no embedding", item=f"specobjid {embeddings.missing[0]}", remedy=LOST)
    settings = VoteSettings.from_config(search, spec)
    for seed, rows in tests.groupby("seed"):
        where = of_seed(base, seed)
        queries = embeddings.embedding[embeddings.rows(rows["specobjid"].to_numpy())]
        yield Bench(base, spec["target"], settings, int(seed), where, with_manifest(rows, manifest), queries, threads)
