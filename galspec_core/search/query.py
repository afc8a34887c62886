"""Votes on query spectra: every method asks the knowledge base of one seed."""

import pandas as pd

from galspec_core.log import logger
from galspec_core.search.task import open_voter
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
    settings, parts = VoteSettings.from_config(search, spec), []
    for method, (folder, paths) in methods.items():
        ids = manifest["specobjid"].to_numpy()
        voter, found = open_voter(task, spec["target"], method, folder, paths, settings, learnt, threads, ids)
        rows = found.rows(ids)
        asked = manifest.loc[rows >= 0, ["specobjid", "position"]].assign(label="").reset_index(drop=True)
        logger.info("%s, %s: %d of %d query spectra voted on", task, method, len(asked), len(manifest))
        votes = voter.votes(seed, asked, found.all[rows[rows >= 0]])
        parts.append(votes.assign(method=method, seed=seed)[COLUMNS])
    return pd.concat(parts, ignore_index=True)
