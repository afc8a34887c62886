"""What earns its place: variants of encoder and vote on a finished run, each fitted, embedded, voted with and scored.

    python -m galspec_core.baselines.ablation CONFIG… --run FOLDER --variants benchmarks/ablation.yaml

A variant is an encoder of the configuration with some settings changed, a vote, numbers left out of what it sees, and a share of
the labels. Encoders are fitted to the run's training side; a training seed draws four fifths of its sky positions and, for a
network, its initial weights. Knowledge bases and test sets are the run's own, of every split seed. Finished embeddings and scores
are kept in results/ablation/ under a name that holds a hash of what made them, so that a stopped ablation goes on where it was and
a changed variant is made anew.
"""

import argparse
import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from galspec_core.catalogs.draws import uniform
from galspec_core.catalogs.roles import ALL_CLASSES, KNOWLEDGE_BASE, PRETRAIN, TEST, VALIDATION
from galspec_core.catalogs.settings import from_section
from galspec_core.catalogs.tasks import active_tasks
from galspec_core.config import load_config, merge
from galspec_core.encoder import embed
from galspec_core.encoder.data import load_spectra
from galspec_core.encoder.embed import FIT, describe, load_encoder
from galspec_core.encoder.evidence import BACKGROUND, WIDTHS
from galspec_core.encoder.lines import CURVES, LINES, PAIRS
from galspec_core.errors import ConfigError
from galspec_core.files import replace, write_csv
from galspec_core.log import Progress
from galspec_core.provenance import code_hash
from galspec_core.search.consistency import Consistency, score_repeats
from galspec_core.search.forest import ForestSettings
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.learnt import LearntVoter
from galspec_core.search.metrics import score_classes, score_target
from galspec_core.search.tables import positions_of
from galspec_core.search.task import Voter, task_entries, with_manifest
from galspec_core.search.vote import VoteSettings
from galspec_core.spectra.reject import read_rejected
from galspec_core.terminal import bars

COLUMNS = ["variant", "survey", "metric", "mean", "std", "n_seeds", "train_seconds"]
DRAWN = 0.8  # share of the training side's positions that one training seed sees (our choice)
ROWS_AT_ONCE = 512  # spectra embedded at once
REPEATS = {"repeats, recall at 1": "recall_at_1", "repeats, distance ratio": "distance_ratio"}
VOTE_KEYS = ("top_k", "weight", "epsilon", "normalise", "scale")
GROUPS = ("evidence", "background", "lines", "residual")  # what a variant may leave out


@dataclass(frozen=True)
class Variant:
    """``encoder`` of the configuration, its settings changed by ``over``; ``vote`` is fixed or learnt.

    ``without`` names GROUPS that are left out, ``labels`` is the share of each label that stays in the knowledge base, ``beside``
    another encoder of the configuration whose numbers a learnt vote sees too, ``seeds`` are training seeds.
    """

    encoder: str
    over: dict = field(default_factory=dict)
    vote: str = "fixed"
    without: tuple = ()
    labels: float = 1.0
    beside: str | None = None
    seeds: tuple = (0,)

    def check(self, name, config):
        """Raise ConfigError if a choice does not exist."""
        choices = {
            "encoder": ([self.encoder], config["encoders"]),
            "vote": ([self.vote], ("fixed", "learnt")),
            "without": (self.without, GROUPS),
            "beside": ([self.beside] if self.beside else [], config["encoders"]),
            "over": (self.over, config["encoders"].get(self.encoder, {})),
        }
        for key, (given, known) in choices.items():
            wrong = [value for value in given if value not in known]
            if wrong:
                raise ConfigError("there is no such choice", item=f"{name}: {key}", expected=sorted(known), got=wrong)


def read_variants(path, config):
    """Return {name: Variant} of a YAML file; raise ConfigError naming what is wrong."""
    found = {name: from_section(Variant, entry, name) for name, entry in load_config([path]).items()}
    for name, variant in found.items():
        variant.check(name, config)
    return found


class Ablation:
    """A finished run whose spectra, sample and votes serve to compare variants."""

    def __init__(self, config, run):
        self.config, self.folder = config, Path(run)
        self.manifest = pd.read_parquet(self.folder / "results/catalogs/manifest.parquet")
        roles = pd.read_parquet(self.folder / "results/catalogs/roles.parquet")
        rejected = read_rejected([self.folder / "results/spectra/rejected.csv"])["specobjid"]
        self.roles = roles[~roles["specobjid"].isin(rejected)]
        self.tasks = {ALL_CLASSES: {}} | active_tasks(config)
        self.work = self.folder / "results/ablation"

    def run(self, variants):
        """Run what is not there yet, and return the table with COLUMNS."""
        rows, progress = [], Progress("baselines: ablation", len(variants), "variants", every=0.0)
        for name, variant in variants.items():
            scores = [self._scores(name, variant, seed) for seed in variant.seeds]
            frame = pd.DataFrame(scores)
            seconds = frame.pop("seconds").mean()
            for metric in frame:
                values = frame[metric].to_numpy()
                spread = values.std(ddof=1) if len(values) > 1 else np.nan
                rows.append([name, self.folder.name, metric, values.mean(), spread, len(values), round(seconds, 1)])
            progress.add(note=f"{name}: {frame.mean().round(3).to_dict()}")
            write_csv(pd.DataFrame(rows, columns=COLUMNS), self.folder / "results/ablation.csv")
        return pd.DataFrame(rows, columns=COLUMNS)

    def _scores(self, name, variant, seed):
        """Return {metric: value, seconds: of the fit} of one variant and training seed, made once."""
        entry = self._entry(variant, seed)
        learnt, search = (self.config["search"][key] if key else self._search() for key in ("learnt", None))
        other = variant.beside and self._entry(Variant(variant.beside), seed)
        made = [entry, other, variant.vote, variant.without, variant.labels, search, learnt, code_hash(__file__)]
        path = self.work / f"scores-{_hash(made)}-{seed}.json"
        if not path.exists():
            embedded = self._embedded(entry, seed)
            if other:
                embedded = _side_by_side(embedded, self._embedded(other, seed))
            scores = self._vote(embedded, variant) | {"seconds": float(embedded["seconds"]), "variant": name}
            with replace(path) as temporary:
                Path(temporary).write_text(json.dumps(scores, indent=1))
        scores = json.loads(path.read_text())
        return {key: value for key, value in scores.items() if key != "variant"}

    def _search(self):
        return {key: self.config["search"][key] for key in VOTE_KEYS}

    def _entry(self, variant, seed):
        entry = merge(self.config["encoders"][variant.encoder], variant.over)
        return merge(entry, {"training": {"seed": seed}}) if "training" in entry else entry

    def _embedded(self, entry, seed):
        """Return ids, embedding, evidence and the seconds of the fit, from a file where they are there."""
        key = _hash([entry, code_hash(embed.__file__)])
        path = self.work / f"embedding-{key}-{seed}.npz"
        if not path.exists():
            self.work.mkdir(parents=True, exist_ok=True)
            with replace(path) as temporary, open(temporary, "wb") as file:
                np.savez(file, **self._fit(entry, seed, self.work / f"fit-{key}-{seed}"))
        return dict(np.load(path))

    def _fit(self, entry, seed, folder):
        grid = self.config["spectra"]["grids"][entry["grid"]]
        shards = sorted((self.folder / "results/spectra" / entry["grid"]).glob("[0-9]*.parquet"))
        if not shards:
            raise ConfigError(
                "the run has no spectra on this grid", item=entry["grid"], expected="a finished make demo"
            )
        train, validation = (self.roles[self.roles["role"] == role] for role in (PRETRAIN, VALIDATION))
        train = train[uniform(positions_of(train, self.manifest), seed, "ablation") < DRAWN]
        ids = [rows["specobjid"].to_numpy() for rows in (train, validation)]
        files = folder / "checkpoint", folder / "weights.safetensors", folder / "history.csv"
        folder.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        FIT[entry["kind"]](entry, self.config["encoder"], grid, shards, *ids, *files, folder.name)
        seconds = time.monotonic() - start
        encoder = load_encoder(files[1], self.config["encoder"])
        spectra = load_spectra(shards, self.roles["specobjid"].unique())
        starts = range(0, len(spectra), ROWS_AT_ONCE)
        parts = [spectra[i : i + ROWS_AT_ONCE] for i in starts]
        found = [describe(encoder, part.flux, part.ivar, part.z) for part in parts]
        embedding, evidence = (np.concatenate(pieces) for pieces in zip(*found, strict=True))
        return {"ids": spectra.specobjid, "embedding": embedding, "evidence": evidence, "seconds": seconds}

    def _vote(self, embedded, variant):
        """Return {metric: value}, means over the split seeds."""
        order = np.argsort(embedded["ids"])
        ids = embedded["ids"][order]
        embedding, evidence = keep_columns(embedded["embedding"][order], embedded["evidence"][order], variant.without)
        scores = self._known_again(ids, embedding)
        for task, spec in self.tasks.items():
            roles = thin(self.roles[self.roles["task"] == task], variant.labels)
            votes = self._task_votes(task, spec.get("target"), roles, ids, embedding, evidence, variant.vote, spec)
            position = positions_of(votes, self.manifest)
            if task == ALL_CLASSES:
                scores["macro F1"] = float(score_classes(votes, position, 1, 0)["macro"]["f1"])
            else:
                found = score_target(votes, position, 1, 0)
                scores |= {f"{task} F1": float(found["f1"]), f"{task} ROC AUC": float(found["roc_auc"])}
        return scores

    def _known_again(self, ids, embedding):
        """Return how often a repeat observation is nearer than any stranger like it (``search.consistency``)."""
        survey = self.manifest.set_index("specobjid").loc[ids].reset_index()
        settings = from_section(Consistency, self.config["search"]["consistency"], "search.consistency")
        row = score_repeats("", survey, embedding, settings, 1)
        return {key: float(row.get(name, np.nan)) for key, name in REPEATS.items()}

    def _task_votes(self, task, target, roles, ids, embedding, evidence, vote, spec):
        entries = with_manifest(task_entries(task, roles), self.manifest)
        places = np.searchsorted(ids, entries["specobjid"].to_numpy())
        base, threads = KnowledgeBase.build(embedding[places], entries), self.config["encoder"]["torch_threads"]
        if vote == "learnt":
            embedding = np.hstack([embedding, evidence])
            learnt = self.config["search"]["learnt"]
            settings = ForestSettings(
                **{key: value for key, value in learnt.items() if key not in ("methods", "shown")}
            )
            voter = LearntVoter(task, target, base, embedding[places], settings, 1, threads)
        else:
            voter = Voter(task, target, base, VoteSettings.from_config(self._search(), spec), threads)
        parts = []
        for seed, rows in roles[roles["role"] == TEST].groupby("seed"):
            spectra = with_manifest(rows, self.manifest)
            queries = embedding[np.searchsorted(ids, spectra["specobjid"].to_numpy())]
            parts.append(voter.votes(seed, spectra, queries).assign(seed=seed))
        return pd.concat(parts, ignore_index=True)


def _side_by_side(embedded, other):
    """Return an embedding with another's numbers beside it, as evidence."""
    if not np.array_equal(embedded["ids"], other["ids"]):
        raise ConfigError("encoders that stand side by side must have seen the same spectra", item="beside")
    evidence = [embedded["evidence"], other["embedding"], other["evidence"]]
    return {**embedded, "evidence": np.hstack(evidence), "seconds": embedded["seconds"] + other["seconds"]}


def thin(roles, share):
    """Return the roles with a share of each label's entries in the knowledge base, one at least; tests stay."""
    if share >= 1:
        return roles
    entries = roles[roles["role"] == KNOWLEDGE_BASE]
    drawn = pd.Series(uniform(entries["specobjid"].to_numpy(), 0, "labels kept"), entries.index)
    rank = drawn.groupby([entries["seed"], entries["label"]]).rank(method="first")
    size = drawn.groupby([entries["seed"], entries["label"]]).transform("size")
    kept = entries[rank <= np.maximum(1, np.round(share * size))]
    return pd.concat([kept, roles[roles["role"] == TEST]], ignore_index=True)


def keep_columns(embedding, evidence, without):
    """Return embedding [N, D] and evidence [N, E] without the numbers of some GROUPS; only factors have these."""
    if not without:
        return embedding, evidence
    lines, features, behind = len(LINES), 2 * len(WIDTHS), 2 + len(BACKGROUND)
    sizes = (
        ("lines", lines),
        ("residual", features),
        ("background", behind),
        ("residual", 1),
        ("lines", 2 * len(PAIRS) + 2 + len(CURVES)),
    )
    beside = np.concatenate([np.full(size, name) for name, size in sizes])
    inside = np.array(["factors"] * (embedding.shape[1] - lines - 1) + ["lines"] * lines + ["background"])
    if evidence.shape[1] != len(beside):
        raise ConfigError("only an encoder of kind factors has groups to leave out", item="without", got=list(without))
    beside = np.full(len(beside), "evidence") if "evidence" in without else beside
    return embedding[:, ~np.isin(inside, without)], evidence[:, ~np.isin(beside, without)]


def _hash(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=list).encode()).hexdigest()[:12]


def main():
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Compare variants of encoder and vote on a finished run")
    parser.add_argument("configfile", nargs="+", help="configuration and overlays of the run")
    parser.add_argument("--run", required=True, help="folder of a finished run")
    parser.add_argument("--variants", default="benchmarks/ablation.yaml", help="what to compare")
    words = parser.parse_args()
    config = load_config(words.configfile)
    with bars():
        table = Ablation(config, words.run).run(read_variants(words.variants, config))
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
