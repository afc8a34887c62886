"""Try settings of every encoder and system on the training side alone, and record what each trial gave.

    python -m galspec_core.baselines.tune CONFIG… --run FOLDER --trials benchmarks/tune.yaml --out benchmarks/tune.csv

The knowledge base of the first seed is divided by sky position: seven tenths stay knowledge base, three tenths are asked for.
No test spectrum of any seed is seen. A trial is judged by the macro F1 of the three classes where its system is in table 2,
and by the average precision of every target where it is in table 4 or systems.csv; the mean over these ranks trials of
one system. Finished trials are passed over, so that a stopped tuning goes on where it was.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from galspec_core.baselines.data import embed, embed_system
from galspec_core.baselines.features import Spectra
from galspec_core.baselines.kinds import family, resolve
from galspec_core.baselines.stress import macro_f1
from galspec_core.baselines.system import choose_fit, tasks_from, vote_system
from galspec_core.baselines.train import train_network, train_supervised
from galspec_core.baselines.votes import EmbeddingVoter, make_cases
from galspec_core.catalogs.draws import uniform
from galspec_core.catalogs.roles import KNOWLEDGE_BASE, PRETRAIN, TEST, THREE_CLASSES, VALIDATION
from galspec_core.catalogs.tasks import active_tasks
from galspec_core.config import load_config, merge
from galspec_core.encoder.data import load_spectra
from galspec_core.encoder.embed import FIT, load_encoder
from galspec_core.files import write_csv
from galspec_core.log import Progress
from galspec_core.search.metrics import rank_metrics
from galspec_core.search.tables import positions_of
from galspec_core.spectra.reject import read_rejected
from galspec_core.terminal import bars

COLUMNS = ["system", "settings", "task", "metric", "value", "seconds"]
ASKED = 0.3  # share of the knowledge base's positions that is asked for
TABLES = {"nuisance": "results/baselines/nuisance.parquet", "lines": "results/catalogs/labels.parquet"}
VOTE_KEYS = ("top_k", "weight", "epsilon", "normalise", "scale")


def inner_roles(roles, manifest, seed):
    """Return the roles of a tuning: entries of one seed's knowledge base, some of them asked for, by sky position."""
    rows = roles[(roles["seed"] == seed) & (roles["role"] == KNOWLEDGE_BASE)]
    asked = uniform(positions_of(rows, manifest), seed, "tune") < ASKED
    return rows.assign(role=np.where(asked, TEST, KNOWLEDGE_BASE))


class Tuning:
    """A finished run whose training side serves to compare settings."""

    def __init__(self, config, run):
        self.config, self.run, self.folder = config, config["encoder"], Path(run)
        self.manifest = pd.read_parquet(self.folder / "results/catalogs/manifest.parquet")
        roles = pd.read_parquet(self.folder / "results/catalogs/roles.parquet")
        rejected = read_rejected([self.folder / "results/spectra/rejected.csv"])["specobjid"]
        self.roles = roles[~roles["specobjid"].isin(rejected)]
        self.seed = config["catalogs"]["sample"]["seeds"][0]
        self.inner = inner_roles(self.roles, self.manifest, self.seed)
        self.tasks = active_tasks(config)
        self.search = {key: config["search"][key] for key in VOTE_KEYS}

    def shards(self, grid):
        """Return the gridded shards of the run on one grid."""
        return sorted((self.folder / "results/spectra" / grid).glob("[0-9]*.parquet"))

    def tasks_of(self, name):
        """Return the tasks by which a system or encoder is judged, with what a vote on them needs."""
        listed = self.config["baselines"]
        encoder = name in self.config["encoders"]
        three = encoder or name in listed["in_table2"]
        targets = encoder or name in [*listed["in_table4"], *listed["in_systems"]]
        specs = {THREE_CLASSES: {}} if three else {}
        specs |= self.tasks if targets else {}
        return tasks_from(specs, [self.seed], self.inner, self.search)

    def votes(self, name, entry):
        """Return the votes of one trial on its tasks: list of tables."""
        with tempfile.TemporaryDirectory() as folder:
            if name in self.config["encoders"]:
                return self._encoder_votes(name, entry, Path(folder))
            return self._system_votes(name, entry, Path(folder))

    def _ids(self, role):
        return self.roles.loc[self.roles["role"] == role, "specobjid"].to_numpy()

    def _files(self, folder, name="network"):
        return folder / name / "checkpoint", folder / name / "weights.safetensors", folder / name / "history.csv"

    def _encoder_votes(self, name, entry, folder):
        grid, shards = self.config["spectra"]["grids"][entry["grid"]], self.shards(entry["grid"])
        files = self._files(folder)
        FIT[entry["kind"]](entry, self.run, grid, shards, self._ids(PRETRAIN), self._ids(VALIDATION), *files, name)
        spectra = Spectra(load_spectra(shards, self.inner["specobjid"].to_numpy()))
        vectors = embed(load_encoder(files[1], self.run), spectra.gridded)
        parts = []
        for task, target, roles, settings in self.tasks_of(name):
            voter = EmbeddingVoter(
                task, target, roles, self.manifest, lambda ids: vectors[spectra.places(ids)], settings, 1
            )
            parts += [voter.votes(case).assign(task=task) for case in make_cases(task, target, roles)]
        return parts

    def _system_votes(self, name, entry, folder):
        tasks = self.tasks_of(name)
        sources = {"shards": self.shards(entry["grid"])} if "grid" in entry else {}
        if "features" in entry:
            sources["table"] = self.folder / TABLES[entry["features"]]
        if "of" in entry:
            sources["embedding"] = self.folder / f"results/baselines/{entry['of']}/embedding.parquet"
        if family(entry) == "network":
            grid, files = self.config["spectra"]["grids"][entry["grid"]], self._files(folder)
            ids = self._ids(PRETRAIN), self._ids(VALIDATION)
            train_network(name, entry, self.run, grid, sources["shards"], *ids, *files)
            sources["embedding"] = folder / "embedding.parquet"
            asked = self.inner["specobjid"].to_numpy()
            embed_system(name, files[1], sources["shards"], asked, sources["embedding"], self.run)
        if family(entry) == "supervised":
            sources["weights"] = dict(self._train(name, entry, tasks, sources["shards"], folder))
        most = self.config["baselines"]["fit_spectra"]
        return vote_system(
            name, entry, tasks, self.manifest, sources, choose_fit(entry, self.roles, most), self.run, threads=2
        )

    def _train(self, name, entry, tasks, shards, folder):
        grid = self.config["spectra"]["grids"][entry["grid"]]
        for task, target, roles, _ in tasks:
            case = make_cases(task, target, roles)[0]
            files, position = self._files(folder, task), positions_of(case.entries, self.manifest)
            train_supervised(name, entry, self.run, grid, shards, case, position, *files)
            yield (task, case.seed), files[1]


def judge(votes):
    """Return (task, metric, value) of one task's votes: macro F1 where it has classes, else average precision."""
    task = votes["task"].iloc[0]
    if task == THREE_CLASSES:
        return task, "macro F1", macro_f1(votes["label"], votes["predicted"])
    return task, "average precision", rank_metrics(votes["label"] != "other", votes["score"])[0]


def tune(config, run, trials, out):
    """Run every trial that ``out`` has not; ``trials`` maps a system or encoder to a list of settings over its own."""
    tuning, out = Tuning(config, run), Path(out)
    progress = Progress("baselines: tune", sum(map(len, trials.values())), "trials", every=0.0)
    table = pd.read_csv(out) if out.exists() else pd.DataFrame(columns=COLUMNS)
    for name, settings in trials.items():
        for over in settings:
            text = json.dumps(over, sort_keys=True)
            if ((table["system"] == name) & (table["settings"] == text)).any():
                progress.skip()
                continue
            own = config["encoders"].get(name) or config["baselines"]["systems"][name]
            entry = resolve(merge(own, over), config)
            start = time.monotonic()
            judged = [judge(part) for part in tuning.votes(name, entry)]
            seconds = round(time.monotonic() - start, 1)
            rows = pd.DataFrame([[name, text, *row, seconds] for row in judged], columns=COLUMNS)
            table = rows if table.empty else pd.concat([table, rows], ignore_index=True)
            write_csv(table, out)
            value = np.mean([value for *_, value in judged])
            progress.add(note=f"{name} {text}: {value:.3f} in {seconds:.0f} s")
    return table


def main():
    """Read the command line and tune."""
    parser = argparse.ArgumentParser(description="Try settings of every encoder and system on the training side alone")
    parser.add_argument("configfile", nargs="+", help="configuration and overlays of the run")
    parser.add_argument("--run", required=True, help="folder of a finished run (results/paper.done)")
    parser.add_argument("--trials", default="benchmarks/tune.yaml", help="what to try")
    parser.add_argument("--out", default="benchmarks/tune.csv", help="the record, continued where it exists")
    words = parser.parse_args()
    with bars():
        tune(load_config(words.configfile), words.run, load_config([words.trials]), words.out)


if __name__ == "__main__":
    main()
