"""One task from roles and embeddings: build its knowledge base, then let it vote on every seed's test set."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from galspec_core.catalogs.ids import look_up
from galspec_core.catalogs.roles import KNOWLEDGE_BASE, TEST
from galspec_core.encoder.collapse import SAMPLE as COLLAPSE_SAMPLE
from galspec_core.encoder.collapse import check_collapse, measure_collapse
from galspec_core.errors import SearchError
from galspec_core.files import replace as replace_file
from galspec_core.log import Progress, logger
from galspec_core.search.complaints import LOST, not_in_manifest
from galspec_core.search.embeddings import load_embeddings
from galspec_core.search.forest import ForestSettings
from galspec_core.search.indexing import FLAT, IndexSettings
from galspec_core.search.knowledge_base import VECTORS, KnowledgeBase
from galspec_core.search.known import Near
from galspec_core.search.learnt import LearntVoter
from galspec_core.search.stored_vote import save_vote
from galspec_core.search.vectors import rows_of, some_rows
from galspec_core.search.vote import LABELLINGS, OTHER, VoteSettings, labels_of, nearness, score, vote

VOTED_AT_ONCE = 20_000  # votes held before they are written
NEEDED = ["specobjid", "position", "label", "seeds"]  # of a knowledge base's metadata, for a vote
COLUMNS = ["plate", "mjd", "fiberid", "run2d", "ra", "dec", "z", "snr", "position"]  # of the manifest
VOTES = pa.schema(
    [
        ("specobjid", pa.uint64()),
        ("method", pa.string()),
        ("seed", pa.int32()),
        ("label", pa.string()),
        ("predicted", pa.string()),
        ("share", pa.float64()),
        ("score", pa.float64()),
        ("probability", pa.float64()),
        ("known", pa.bool_()),
        ("neighbour_ids", pa.list_(pa.uint64())),
        ("distances", pa.list_(pa.float64())),
        ("weights", pa.list_(pa.float64())),
    ]
)


def build_task_kb(task, roles, manifest, paths, rejected=(), index=None, scratch=None, threads=1, **facts):
    """Return the KnowledgeBase of one task and encoder: every entry of any seed, ``seeds`` in its metadata.

    Parameters
    ----------
    roles, manifest : DataFrame
    paths : list of path
        Shards of the encoder's embeddings.
    rejected : array of uint64
        Spectra that may lack an embedding.
    index : IndexSettings, optional
        Exact in memory where none is given.
    scratch : path, optional
        Folder for vectors that do not fit into memory; needed as long as the KnowledgeBase is.
    threads : int
        FAISS's threads.
    **facts
        Written to config.json.

    Raises
    ------
    SearchError
        The task has no entry, a spectrum that was not rejected lacks its embedding, or the encoder has collapsed.
    """
    entries, index = task_entries(task, roles), index or IndexSettings(FLAT)
    spill = Path(scratch or ".") / VECTORS
    embeddings = load_embeddings(paths, entries["specobjid"].to_numpy(), index.held, spill)
    _check_missing(embeddings.missing, rejected, f"knowledge base of {task}")
    entries = entries[embeddings.rows(entries["specobjid"].to_numpy()) >= 0]
    metadata, kind = with_manifest(entries, manifest), index.choose(*embeddings.embedding.shape)
    base = KnowledgeBase.build(
        embeddings.embedding, metadata, index=kind, least=index.recall, threads=threads, task=task, **facts
    )
    some = some_rows(len(base), COLLAPSE_SAMPLE, 0)
    collapse = measure_collapse(rows_of(embeddings.embedding, some))
    check_collapse(collapse, facts.get("encoder", "encoder"), task)
    return replace(base, about=base.about | {"collapse": collapse})


def task_entries(task, roles):
    """Return every entry of a task's knowledge base once: specobjid (ascending), label, subtype, seeds (a list)."""
    rows = roles[(roles["task"] == task) & (roles["role"] == KNOWLEDGE_BASE)]
    ids, seed = rows["specobjid"].to_numpy(), rows["seed"].to_numpy(dtype="i8")
    order = np.lexsort((seed, ids))
    first = np.unique(ids[order], return_index=True)[1]
    ends = np.append(first, len(order)).astype("i4")
    seeds = pa.ListArray.from_arrays(ends, seed[order])
    entries = rows[["specobjid", "label", "subtype"]].iloc[order[first]].reset_index(drop=True)
    return entries.assign(seeds=pd.Series(seeds, dtype=pd.ArrowDtype(seeds.type)))


def with_manifest(entries, manifest):
    """Return ``entries`` with the manifest's columns, order kept, specobjid uint64."""
    ids = entries["specobjid"].to_numpy()
    places = look_up(ids, manifest["specobjid"].to_numpy())
    if (places < 0).any():
        raise not_in_manifest(ids[places < 0])
    joined = manifest[[name for name in COLUMNS if name in manifest]].iloc[places].reset_index(drop=True)
    return pd.concat([entries.reset_index(drop=True), joined], axis=1)


def _check_missing(missing, rejected, item):
    """Log how many rejected spectra are left out; raise SearchError if another one lacks its embedding."""
    lost = missing[~np.isin(missing, np.asarray(rejected, dtype="u8"))]
    if len(lost):
        listed = ", ".join(map(str, lost[:5]))
        got = f"{len(lost)} of them: {listed}"
        raise SearchError("spectra without an embedding", item=item, got=got, remedy=LOST)
    if len(missing):
        logger.info("%s: %d rejected spectra are left out", item, len(missing))


def vote_task(task, spec, methods, roles, manifest, search, rejected=(), threads=1, learnt=None):
    """Return the votes of one task for all methods and seeds, with the columns of VOTES.

    ``distances`` are those of the embedding itself, whatever ``scale``; ``share`` is the winning label's, ``score`` the
    target's with ties broken (see ``vote``), the winning share where the task votes on classes. ``probability`` is NaN unless
    the vote is learnt (see ``learnt``); ``known`` is False where no entry is near: "don't know", whatever is predicted.

    Parameters
    ----------
    task : str
        A key of ``tasks``, ``classes`` or ``bpt3``.
    spec : dict
        The task's entry in the configuration; empty for ``classes`` and ``bpt3``.
    methods : dict
        {method: (folder of its knowledge base, list of its embedding shards)}.
    roles, manifest : DataFrame
    search : dict
        top_k, weight, epsilon, normalise, scale.
    rejected : array of uint64
        Spectra that may lack an embedding.
    threads : int
        FAISS's threads.
    learnt : dict, optional
        ``search.learnt``: methods whose vote is learnt, trees, seen, min_leaf, balance, shown.

    Raises
    ------
    ConfigError, SearchError
        A setting is wrong; an embedding is missing or a knowledge base too small.
    """
    parts = list(vote_parts(task, spec, methods, roles, manifest, search, rejected, threads, learnt))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=VOTES.names)


def vote_parts(task, spec, methods, roles, manifest, search, rejected=(), threads=1, learnt=None, stored=None):
    """Yield the votes of ``vote_task`` in parts of one method and seed, VOTED_AT_ONCE at most: memory does not grow.

    What a learnt vote has learnt from its first seed is written to the path that ``stored`` gives its method, if any.
    """
    settings = VoteSettings.from_config(search, spec)
    target = (spec or {}).get("target")
    tests = roles[(roles["task"] == task) & (roles["role"] == TEST)]
    manifest = manifest[np.isin(manifest["specobjid"], tests["specobjid"])]
    progress = Progress(f"search: vote {task}", len(methods) * len(tests))
    for method, (folder, paths) in methods.items():
        ids = tests["specobjid"].to_numpy()
        voter, embeddings = open_voter(task, target, method, folder, paths, settings, learnt, threads, ids)
        _check_missing(embeddings.missing, rejected, f"test set of {task}, {method}")
        if method in (stored or {}):
            save_vote(voter, first_seed(voter.base), stored[method])
        voted = tests[embeddings.rows(ids) >= 0]
        for seed, rows in voted.groupby("seed"):
            for start in range(0, len(rows), VOTED_AT_ONCE):
                spectra = with_manifest(rows.iloc[start : start + VOTED_AT_ONCE], manifest)
                places = embeddings.rows(spectra["specobjid"].to_numpy())
                votes = voter.votes(seed, spectra, embeddings.beside(places))
                progress.add(len(spectra))
                yield votes.assign(method=method, seed=seed)[VOTES.names]


def first_seed(base):
    """Return the smallest seed that any entry of a knowledge base belongs to."""
    return min(min(seeds) for seeds in base.metadata["seeds"])


def open_voter(task, target, method, folder, paths, settings, learnt=None, threads=1, ids=()):
    """Return a method's voter on a task, fixed or learnt, and the Embeddings of ``ids`` (of the entries too, if it is learnt).

    Parameters are those of ``vote_task``; ``folder`` holds the knowledge base, ``settings`` are VoteSettings.
    """
    base, learnt = KnowledgeBase.load(folder, NEEDED), learnt or {"methods": []}
    if method not in learnt["methods"]:
        return Voter(task, target, base, settings, threads), load_embeddings(paths, ids)
    entries = base.metadata["specobjid"].to_numpy()
    embeddings = load_embeddings(paths, np.concatenate([np.asarray(ids, dtype="u8"), entries]))
    forest = ForestSettings(**{key: value for key, value in learnt.items() if key not in ("methods", "shown")})
    vectors = embeddings.beside(embeddings.rows(entries))
    return LearntVoter(task, target, base, vectors, forest, learnt["shown"], threads, settings.unknown), embeddings


class Voter:
    """One task's knowledge base of one encoder, ready to vote with a seed's share of it."""

    among = None  # or the entries bool[N] that may be neighbours: the same as a knowledge base of these alone

    def __init__(self, task, target, base, settings, threads=1):
        if task not in LABELLINGS and not target:
            remedy = "Name the class that it looks for: target, in its entry of tasks"
            raise SearchError("a task needs a target", item=f"tasks.{task}", remedy=remedy)
        self.target, self.base, self.settings, self.threads = target, base, settings, threads
        self.near = lru_cache(maxsize=1)(lambda seed: Near(base, base.vectors, seed, settings.unknown, threads))
        self.label = lambda words: labels_of(task, target, words)
        self.binary = task not in LABELLINGS
        number, words = pd.factorize(base.metadata["label"])
        labels = self.label(words)
        self.names = [OTHER, target] if self.binary else sorted(set(labels))
        self.codes = np.array([self.names.index(word) for word in labels], dtype="i4")[number]

    def votes(self, seed, spectra, queries):
        """Return votes on ``spectra`` (specobjid, position, label) with embeddings [Q, D], method and seed aside.

        ``shares`` [C] are those of all ``classes``. What stands beside an embedding, in columns beyond D, is for learnt votes alone.
        """
        queries = queries[:, : self.base.index.d]
        near = self.near(seed)
        where = near.where if self.among is None else near.where & self.among
        found = self._search(spectra, queries, self.settings.top_k, where)
        weights = self.settings.weigh(found.distance / self.base.unit(self.settings.scale))
        winner, shares = vote(self.codes[found.row], weights, len(self.names))
        share = np.take_along_axis(shares, winner[:, None], axis=1)[:, 0]
        ids = self.base.metadata["specobjid"].to_numpy()[found.row]
        return pd.DataFrame(
            {
                "specobjid": spectra["specobjid"].to_numpy(),
                "label": self.label(spectra["label"]),
                "predicted": np.array(self.names, dtype=object)[winner],
                "share": np.minimum(share, 1.0),
                "score": self._score(shares, found, spectra, queries, where) if self.binary else np.minimum(share, 1.0),
                "probability": np.nan,
                "shares": list(np.minimum(shares, 1.0)),
                "known": near.known(spectra, queries, found.distance[:, 0] if self.among is None else None),
                "neighbour_ids": list(ids),
                "distances": list(found.distance),
                "weights": list(weights),
            }
        )

    def classes(self, seed):
        """Return the names [C] of the ``shares`` of its votes, whatever the seed."""
        return self.names

    def _search(self, spectra, queries, k, where):
        position, ids = spectra["position"].to_numpy(), spectra["specobjid"].to_numpy()
        return self.base.search(queries, k, position, ids, where, self.threads)

    def _score(self, shares, found, spectra, queries, where):
        """Return the target's share, ties broken by the nearest target and the nearest of the rest."""
        distances = [self._nearest(code, found, spectra, queries, where) for code in (1, 0)]
        return score(np.minimum(shares[:, 1], 1.0), nearness(*distances))

    def _nearest(self, code, found, spectra, queries, where):
        """Return the distance [Q] of the nearest entry of a class: among the neighbours, else by another search."""
        nearest = np.where(self.codes[found.row] == code, found.distance, np.inf).min(axis=1)
        allowed = where & (self.codes == code)
        alone = np.isinf(nearest) & allowed.any()
        if alone.any():
            # Positions are on one side of the split or the other, so that an own position can never empty the search.
            nearest[alone] = self._search(spectra[alone], queries[alone], 1, allowed).distance[:, 0]
        return nearest


def write_votes(parts, path):
    """Write votes, one DataFrame or an iterable of parts, as Parquet with the types of VOTES; return the seeds in them."""
    seeds = set()
    with replace_file(path) as temporary, pq.ParquetWriter(temporary, VOTES, compression="zstd") as writer:
        for part in [parts] if isinstance(parts, pd.DataFrame) else parts:
            writer.write_table(pa.Table.from_pandas(part, schema=VOTES, preserve_index=False))
            seeds |= set(part["seed"].astype(int))
    return sorted(seeds)
