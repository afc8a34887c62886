"""One system from its entry to the votes on every task it takes part in."""

from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from joblib import parallel_config

from galspec_core.baselines.data import load_data
from galspec_core.baselines.kinds import family, load_kind
from galspec_core.baselines.votes import (
    EmbeddingVoter,
    by_majority,
    by_network,
    by_threshold,
    classify,
    make_cases,
)
from galspec_core.catalogs.draws import shuffled
from galspec_core.catalogs.roles import KNOWLEDGE_BASE, PRETRAIN, TEST
from galspec_core.log import Progress
from galspec_core.search.vote import VoteSettings

FIT_SEED = 0  # of the unsupervised fits: one for all seeds of the split, as encoders are trained once


@dataclass(frozen=True)
class System:
    """What every family needs of a system to vote: its entry, its spectra and where its labels come from."""

    entry: dict
    data: object
    manifest: object
    weights: dict
    fit_ids: np.ndarray
    run: dict
    threads: int


def vote_system(name, entry, tasks, manifest, sources, fit_ids=(), run=None, threads=1):
    """Return a list of tables of votes, one a task and seed.

    Parameters
    ----------
    name : str
        The system's, for progress.
    entry : dict
        Of ``baselines.systems``.
    tasks : list of (name, target or None, roles, VoteSettings)
        ``roles`` holds the rows of that task alone, rejected spectra left out.
    manifest : DataFrame
    sources : dict
        One of shards (list of paths), table and embedding (paths), as the entry needs; weights ({(task, seed): path})
        of networks trained on labels.
    fit_ids : array of uint64
        Spectra of the training side to which a score or clusters are fitted.
    run : dict
        The section ``encoder``.
    threads : int
        Of FAISS and of forests.
    """
    ids = {int(i) for _, _, roles, _ in tasks for i in roles["specobjid"]} | set(map(int, fit_ids))
    data = load_data(sorted(ids), **{key: sources.get(key) for key in ("shards", "table", "embedding")})
    system = System(entry, data, manifest, sources.get("weights") or {}, fit_ids, run, threads)
    with parallel_config(backend="threading", n_jobs=threads):
        return _vote(name, system, tasks)


def _vote(name, system, tasks):
    decide = FAMILIES[family(system.entry)](system)
    progress = Progress(f"baselines: {name}", sum(task[2]["seed"].nunique() for task in tasks), "votes")
    parts = []
    for task in tasks:
        vote = decide(task)
        for case in make_cases(*task[:3]):
            parts.append(vote(case).assign(task=case.task))
            progress.add()
    return parts


def tasks_from(specs, seeds, roles, search):
    """Return the tasks of ``vote_system``: ``specs`` maps a task to its entry of ``tasks``, {} where it has no target."""
    rows = {task: roles[(roles["task"] == task) & roles["seed"].isin(seeds)] for task in specs}
    return [
        (task, spec.get("target"), rows[task], VoteSettings.from_config(search, spec)) for task, spec in specs.items()
    ]


def sources_from(inputs, entry, tasks, seeds):
    """Return the sources of ``vote_system`` from a job's named inputs."""
    sources = {key: inputs.get(key) for key in ("shards", "table", "embedding")}
    if family(entry) == "supervised":
        sources["weights"] = dict(zip(product(tasks, seeds), inputs.weights, strict=True))
    return sources


def choose_fit(entry, roles, most):
    """Return at most ``most`` of the spectra that pre-train, for systems fitted without labels; none for the others."""
    if family(entry) not in ("score", "cluster"):
        return np.empty(0, "u8")
    ids = roles.loc[roles["role"] == PRETRAIN, "specobjid"].to_numpy()
    return np.sort(ids[shuffled(ids, FIT_SEED, "fit systems")[:most]])


def choose_embedded(fitted, roles, most):
    """Return the spectra that vote or are tested, and those to which the entries ``fitted`` are fitted."""
    asked = roles.loc[roles["role"].isin([KNOWLEDGE_BASE, TEST]), "specobjid"].to_numpy()
    return np.unique(np.concatenate([asked, *(choose_fit(entry, roles, most) for entry in fitted)]))


def _classifier(system):
    return lambda task: partial(classify, load_kind(system.entry), system.entry, system.data)


def _supervised(system):
    return lambda task: lambda case: by_network(system.weights[case.task, case.seed], system.data, case, system.run)


def _embedding(system):
    module = load_kind(system.entry)
    return _voter(system, lambda ids: module.embed(system.entry, system.data.rows(ids)))


def _network(system):
    return _voter(system, system.data.rows)


def _voter(system, embedding_of):
    def voter(task):
        name, target, roles, settings = task
        return EmbeddingVoter(name, target, roles, system.manifest, embedding_of, settings, system.threads).votes

    return voter


def _score(system):
    score = load_kind(system.entry).fit(system.entry, system.data.rows(system.fit_ids), FIT_SEED)
    return lambda task: lambda case: by_threshold(case, score, system.data)


def _cluster(system):
    assign = load_kind(system.entry).fit(system.entry, system.data.rows(system.fit_ids), FIT_SEED)
    return lambda task: lambda case: by_majority(case, assign, system.data)


FAMILIES = {
    "classifier": _classifier,
    "supervised": _supervised,
    "network": _network,
    "embedding": _embedding,
    "score": _score,
    "cluster": _cluster,
}
