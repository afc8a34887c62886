"""How each family of systems labels the test spectra of a task, in the columns of the vote."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from galspec_core.baselines.data import embed, load_network
from galspec_core.catalogs.roles import KNOWLEDGE_BASE, TEST
from galspec_core.errors import ConfigError
from galspec_core.files import write_parquet
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.metrics import best_threshold
from galspec_core.search.task import VOTES, Voter, task_entries, with_manifest
from galspec_core.search.vote import LABELLINGS, OTHER, labels_of

SYSTEM_VOTES = VOTES.insert(0, pa.field("task", pa.string()))


@dataclass(frozen=True)
class Case:
    """One task and seed: entries of its knowledge base with their class ``codes``, and the test spectra.

    ``names`` are the classes, [OTHER, target] where the task has a target; entries and tests are tables with specobjid
    and label.
    """

    task: str
    target: str | None
    seed: int
    names: list
    entries: pd.DataFrame
    codes: np.ndarray
    tests: pd.DataFrame

    @property
    def entry_ids(self):
        """specobjid of the knowledge base: [N]."""
        return self.entries["specobjid"].to_numpy()

    @property
    def test_ids(self):
        """specobjid of the test set: [Q]."""
        return self.tests["specobjid"].to_numpy()


def make_cases(task, target, roles):
    """Return a list with the Case of each seed of a task; ``roles`` holds that task's rows."""
    words = labels_of(task, target, roles["label"])
    names = [OTHER, target] if task not in LABELLINGS else sorted(set(words[roles["role"] == KNOWLEDGE_BASE]))
    cases = []
    for seed, rows in roles.groupby("seed"):
        entries, tests = (rows[rows["role"] == role].sort_values("specobjid") for role in (KNOWLEDGE_BASE, TEST))
        codes = np.array([names.index(word) for word in labels_of(task, target, entries["label"])], dtype="i8")
        cases.append(Case(task, target, int(seed), names, entries, codes, tests))
    return cases


def by_scores(case, scores):
    """Return votes of a case from one score per class [Q, C], adding up to 1."""
    winner, share = scores.argmax(axis=1), scores.max(axis=1)
    return _frame(case, winner, share, scores[:, 1] if case.target else share)


def _frame(case, winner, share, score):
    n = len(case.tests)
    return pd.DataFrame(
        {
            "specobjid": case.test_ids,
            "seed": case.seed,
            "label": labels_of(case.task, case.target, case.tests["label"]),
            "predicted": np.array(case.names, dtype=object)[np.asarray(winner, dtype="i8")],
            "share": np.asarray(share, dtype="f8"),
            "score": np.asarray(score, dtype="f8"),
            "probability": np.nan,
            "known": True,
            **{name: [[] for _ in range(n)] for name in ("neighbour_ids", "distances", "weights")},
        }
    )


def classify(module, entry, data, case):
    """Return votes of a classifier trained on the case's knowledge base; classes it lacks are never named."""
    present, codes = np.unique(case.codes, return_inverse=True)
    scores = np.zeros((len(case.tests), len(case.names)))
    if len(present) == 1:
        scores[:, present[0]] = 1.0
    else:
        predict = module.train(entry, data.rows(case.entry_ids), codes, len(present), case.seed)
        scores[:, present] = predict(data.rows(case.test_ids))
    return by_scores(case, scores)


def by_threshold(case, score, data):
    """Return votes of an unsupervised score: target above the threshold that is best on the knowledge base's labels."""
    if not case.target:
        raise ConfigError("a score alone names no classes", item="baselines", got=case.task)
    known, asked = score(data.rows(case.entry_ids)), score(data.rows(case.test_ids))
    named = asked >= best_threshold(known, case.codes == 1)
    return _frame(case, named, np.full(len(asked), np.nan), asked)


def by_majority(case, assign, data):
    """Return votes of clusters: the class of most entries in a spectrum's cluster, of all entries where it has none."""
    known, asked = assign(data.rows(case.entry_ids)), assign(data.rows(case.test_ids))
    clusters, place = np.unique(np.concatenate([known, asked]), return_inverse=True)
    counts = np.zeros((len(clusters), len(case.names)))
    np.add.at(counts, (place[: len(known)], case.codes), 1)
    counts[counts.sum(axis=1) == 0] = np.bincount(case.codes, minlength=len(case.names))
    return by_scores(case, (counts / counts.sum(axis=1, keepdims=True))[place[len(known) :]])


class EmbeddingVoter:
    """A task's knowledge base in memory, of embeddings that some system made."""

    def __init__(self, task, target, roles, manifest, embedding_of, settings, threads):
        entries = with_manifest(task_entries(task, roles), manifest)
        base = KnowledgeBase.build(embedding_of(entries["specobjid"].to_numpy()), entries, task=task)
        self.voter = Voter(task, target, base, settings, threads)
        self.manifest, self.embedding_of = manifest, embedding_of

    def votes(self, case):
        """Return the votes of one seed."""
        spectra = with_manifest(case.tests, self.manifest)
        return self.voter.votes(case.seed, spectra, self.embedding_of(case.test_ids)).assign(seed=case.seed)


def by_network(weights, data, case, run):
    """Return votes of a network trained on the case's own labels."""
    encoder, entry = load_network(weights, run)
    return by_network_scores(case, entry, embed(encoder, data.rows(case.test_ids)))


def by_network_scores(case, entry, scores):
    """Return votes from a trained network's scores [Q, C'] of the classes that its entry lists."""
    whole = np.zeros((len(case.tests), len(case.names)))
    whole[:, [case.names.index(name) for name in entry["classes"]]] = scores
    return by_scores(case, whole)


def write_system_votes(parts, path, method):
    """Write the votes of one system on all its tasks as Parquet with the types of SYSTEM_VOTES."""
    votes = pd.concat(parts, ignore_index=True).assign(method=method)
    table = pa.Table.from_pandas(votes[SYSTEM_VOTES.names], schema=SYSTEM_VOTES, preserve_index=False)
    write_parquet(table, path)
