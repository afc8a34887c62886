"""One system from its entry to the votes on every task it takes part in."""

from functools import partial
from itertools import product

import numpy as np
from joblib import parallel_config

from galspec_core.baselines.data import embed, load_data, load_network
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
from galspec_core.catalogs.roles import PRETRAIN
from galspec_core.log import Progress
from galspec_core.search.vote import VoteSettings

FIT_SEED = 0  # of the unsupervised fits: one for all seeds of the split, as encoders are trained once


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
        shards (list of paths), and where the entry needs them: table, latents, weights ({(task, seed): path}, or
        {"": path} of a network without labels).
    fit_ids : array of uint64
        Spectra of the training side to which a score or clusters are fitted.
    run : dict
        The section ``encoder``.
    threads : int
        Of FAISS and of forests.
    """
    ids = {int(i) for _, _, roles, _ in tasks for i in roles["specobjid"]} | set(map(int, fit_ids))
    inputs = {key: sources.get(key) for key in ("table", "latents")}
    data = load_data(entry, sorted(ids), sources["shards"], run=run, **inputs)
    with parallel_config(backend="threading", n_jobs=threads):
        return _vote(name, entry, tasks, data, manifest, sources.get("weights") or {}, fit_ids, run, threads)


def _vote(name, entry, tasks, data, manifest, weights, fit_ids, run, threads):
    decide = FAMILIES[family(entry)](entry, data, manifest, weights, fit_ids, run, threads)
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
    sources = {key: inputs.get(key) for key in ("table", "latents")} | {"shards": list(inputs.get("shards", []))}
    weights = inputs.get("weights")
    if family(entry) == "supervised":
        return sources | {"weights": dict(zip(product(tasks, seeds), weights, strict=True))}
    return sources | {"weights": {"": weights}}


def choose_fit(entry, roles, most):
    """Return at most ``most`` of the spectra that pre-train, for systems fitted without labels; none for the others."""
    if family(entry) not in ("score", "cluster"):
        return np.empty(0, "u8")
    ids = roles.loc[roles["role"] == PRETRAIN, "specobjid"].to_numpy()
    return np.sort(ids[shuffled(ids, FIT_SEED, "fit systems")[:most]])


def _classifier(entry, data, manifest, weights, fit_ids, run, threads):
    return lambda task: partial(classify, load_kind(entry), entry, data)


def _supervised(entry, data, manifest, weights, fit_ids, run, threads):
    return lambda task: lambda case: by_network(weights[case.task, case.seed], data, case, run)


def _embedding(entry, data, manifest, weights, fit_ids, run, threads):
    module = load_kind(entry)
    return _voter(lambda ids: module.embed(entry, data.rows(ids)), manifest, threads)


def _network(entry, data, manifest, weights, fit_ids, run, threads):
    encoder, _ = load_network(weights[""], run)
    vectors = embed(encoder, data.gridded)
    return _voter(lambda ids: vectors[data.places(ids)], manifest, threads)


def _voter(embedding_of, manifest, threads):
    return lambda task: EmbeddingVoter(task[0], task[1], task[2], manifest, embedding_of, task[3], threads).votes


def _score(entry, data, manifest, weights, fit_ids, run, threads):
    score = load_kind(entry).fit(entry, data.rows(fit_ids), FIT_SEED)
    return lambda task: lambda case: by_threshold(case, score, data)


def _cluster(entry, data, manifest, weights, fit_ids, run, threads):
    assign = load_kind(entry).fit(entry, data.rows(fit_ids), FIT_SEED)
    return lambda task: lambda case: by_majority(case, assign, data)


FAMILIES = {
    "classifier": _classifier,
    "supervised": _supervised,
    "network": _network,
    "embedding": _embedding,
    "score": _score,
    "cluster": _cluster,
}
