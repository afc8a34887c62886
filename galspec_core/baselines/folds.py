"""Grouped cross-validation: every labelled spectrum is asked once, by knowledge bases of other sky positions.

Where a class has few members on the test side this says more than the split does. All methods see the same folds. Encoders stay
as they were trained, on the training side and without labels.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from galspec_core.baselines.kinds import family
from galspec_core.baselines.system import vote_system
from galspec_core.catalogs.draws import uniform
from galspec_core.catalogs.roles import ALL_CLASSES, KNOWLEDGE_BASE, TEST
from galspec_core.errors import ConfigError
from galspec_core.search.task import build_task_kb, vote_task
from galspec_core.search.vote import VoteSettings

FOLD_SEED = 0  # decides which position is in which fold (our choice)
COMMON = ["specobjid", "method", "seed", "label", "predicted"]


def draw_folds(roles, manifest, n):
    """Return roles of ``n`` folds, numbered as seeds: a fold's positions are its test set, all others its knowledge base.

    Parameters
    ----------
    roles, manifest : DataFrame
        Those of the run; every spectrum of the task ``classes`` takes part.
    n : int
    """
    labelled = roles[roles["task"] == ALL_CLASSES].drop_duplicates("specobjid").sort_values("specobjid")
    position = manifest.set_index("specobjid")["position"].loc[labelled["specobjid"]].to_numpy()
    fold = np.floor(uniform(position, FOLD_SEED, "fold") * n).astype(int)
    parts = [labelled.assign(seed=i, role=np.where(fold == i, TEST, KNOWLEDGE_BASE)) for i in range(n)]
    return pd.concat(parts, ignore_index=True)


def cross_validate(roles, manifest, methods, systems, search, learnt=None, run=None, threads=1):
    """Return votes of all methods on all labels, seed 0: each spectrum once.

    Parameters
    ----------
    roles : DataFrame
        Of ``draw_folds``, rejected spectra left out.
    manifest : DataFrame
    methods : dict
        {method: shards of its embeddings}.
    systems : dict
        {system: (entry, sources)} of families that need no network; sources as for ``vote_system``.
    search, learnt, run : dict
        ``search`` as the vote reads it, ``search.learnt``, ``encoder``.

    Raises
    ------
    ConfigError
        A system would have to be trained by the trainer for each fold.
    """
    for name, (entry, _) in systems.items():
        if family(entry) == "supervised":
            raise ConfigError("a network is not trained for folds", item=name, remedy="Leave it out of in_classes")
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        for method, paths in methods.items():
            base = Path(folder) / method
            build_task_kb(ALL_CLASSES, roles, manifest, paths, encoder=method).save(base)
            one = {method: (base, paths)}
            parts.append(vote_task(ALL_CLASSES, {}, one, roles, manifest, search, threads=threads, learnt=learnt))
    task = [(ALL_CLASSES, None, roles, VoteSettings.from_config(search))]
    for name, (entry, sources) in systems.items():
        votes = vote_system(name, entry, task, manifest, sources, run=run, threads=threads)
        parts += [part.assign(method=name) for part in votes]
    return pd.concat([part[COMMON] for part in parts], ignore_index=True).assign(seed=0)
