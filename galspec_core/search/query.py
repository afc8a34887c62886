"""Votes on query spectra: every method asks the knowledge base of one seed."""

import numpy as np
import pandas as pd

from galspec_core.log import logger
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.forest import ForestSettings
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.learnt import LearntVoter
from galspec_core.search.task import Voter
from galspec_core.search.vote import VoteSettings

COLUMNS = ["specobjid", "method", "seed", "predicted", "share", "score"]


def vote_query(task, spec, methods, manifest, seed, search, learnt, threads=1):
    """Return the votes of one task on all query spectra that have an embedding, one row a method (COLUMNS).

    Parameters
    ----------
    methods : dict
        {method: (folder of its knowledge base, its embedding shards: the survey's and the query spectra's)}.
    manifest : DataFrame
        Of the query spectra: specobjid, position.
    seed : int
        Whose knowledge base is asked.
    search, learnt : dict
        As for ``task.vote_task``.
    """
    spectra, parts = manifest[["specobjid", "position"]].assign(label=""), []
    for method, (folder, paths) in methods.items():
        base = KnowledgeBase.load(folder)
        votes = _votes(task, spec, base, paths, spectra, seed, search, learnt, method in learnt["methods"], threads)
        logger.info("%s, %s: %d of %d query spectra voted on", task, method, len(votes), len(spectra))
        parts.append(votes.assign(method=method, seed=seed)[COLUMNS])
    return pd.concat(parts, ignore_index=True)


def _votes(task, spec, base, paths, spectra, seed, search, learnt, is_learnt, threads):
    entries = base.metadata["specobjid"].to_numpy() if is_learnt else np.empty(0, "u8")
    found = load_embeddings(paths, np.concatenate([spectra["specobjid"].to_numpy(), entries]))
    vectors = found.all if is_learnt else found.embedding
    asked = spectra[found.rows(spectra["specobjid"].to_numpy()) >= 0].reset_index(drop=True)
    if is_learnt:
        settings = ForestSettings(**{key: value for key, value in learnt.items() if key not in ("methods", "shown")})
        own = vectors[found.rows(entries)]
        voter = LearntVoter(task, spec["target"], base, own, settings, learnt["shown"], threads)
    else:
        voter = Voter(task, spec["target"], base, VoteSettings.from_config(search, spec), threads)
    return voter.votes(seed, asked, vectors[found.rows(asked["specobjid"].to_numpy())])
