"""A finished run, as its folder and the records beside its results describe it: no configuration file is asked for."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from galspec_core.errors import ProvenanceError, SearchError
from galspec_core.record import read_record

CLASSES, PREFERRED = "classes", "galspec"  # task and method where nobody names one
INDEX = "index.faiss"


@dataclass(frozen=True)
class Recorded:
    """A run in a folder, for one task and method."""

    folder: Path
    task: str
    method: str

    @classmethod
    def find(cls, folder=".", task=None, method=None):
        """Return the run in ``folder``: its vote on all classes, or on its first task, where no task is named; ``galspec``, or
        the first method, where no method is.

        Raises
        ------
        SearchError
            There is no finished search in the folder, or none of this task or method; the message lists those there are.
        """
        folder = Path(folder)
        bases = {path.parents[2] for path in folder.glob(f"results/search/*/knowledge_base/*/{INDEX}")}
        tasks = sorted(path.name for path in bases if (path / "votes.parquet").is_file())
        if not tasks:
            remedy = "Name the folder of a finished run, such as runs/demo after make demo"
            raise SearchError("no knowledge base is here", item=folder, expected="results/search/…", remedy=remedy)
        task = task or (CLASSES if CLASSES in tasks else tasks[0])
        _check("task", task, tasks, folder)
        bases = folder / "results/search" / task / "knowledge_base"
        there = sorted(path.parent.name for path in bases.glob(f"*/{INDEX}"))
        voted = [name for name in _votes(folder, task)["methods"] if name in there] or there
        method = method or (PREFERRED if PREFERRED in voted else voted[0])
        _check("method", method, voted, folder)
        return cls(folder, task, method)

    @property
    def base(self):
        """The folder of the knowledge base."""
        return self.folder / "results/search" / self.task / "knowledge_base" / self.method

    @property
    def stored_vote(self):
        """The file of what a learnt vote has learnt; not every run has one."""
        return self.folder / "results/search" / self.task / "learnt" / f"{self.method}.safetensors"

    def weights(self, method=None):
        """Return the file of an encoder's weights, by default those of this method."""
        return self.folder / "results/encoder" / (method or self.method) / "weights.safetensors"

    @cached_property
    def votes(self):
        """How the run voted: its task's entry, the vote's settings, and ``learnt``."""
        return _votes(self.folder, self.task)

    @cached_property
    def fetched(self):
        """Where and how spectra came: ``sas`` (a path from here, or a URL) and ``fetch`` settings."""
        from galspec_core.paths import is_url

        found = self._settings("data/spectra/*.parquet")
        sas = found["sas"]
        return {"sas": sas if is_url(sas) else str(self.folder / sas), "fetch": found["settings"]["fetch"]}

    @property
    def archive(self):
        """Whose pages show its spectra: a survey's archive, or "simulated", which has none."""
        simulated = (self.folder / "data/mock/sas").is_dir()
        return "simulated" if simulated else self._settings("results/catalogs/specobj.parquet")["survey"]

    def prepared(self, grid):
        """Return how spectra came to a grid: the settings of PrepareConfig."""
        return self._settings(f"results/spectra/{grid}/[0-9]*.parquet")["settings"]

    def embedded(self, method=None):
        """Return how an encoder was run."""
        return self._settings(f"results/encoder/{method or self.method}/embedding/[0-9]*.parquet")["run"]

    @cached_property
    def link_arcsec(self):
        """How near spectra of one position stand to each other, in arcsec."""
        return read_record(self.folder / "results/catalogs/manifest.parquet").settings["settings"]["link_arcsec"]

    def shards(self, method=None):
        """Return the shards of an encoder's embeddings."""
        from galspec_core.spectra.shard import listed_shards

        return listed_shards(self.folder / "results/encoder" / (method or self.method) / "embedding/shards.csv")

    def _settings(self, pattern):
        """Return the recorded settings of the first of some files."""
        for path in sorted(self.folder.glob(pattern)):
            return read_record(path).settings
        remedy = "Keep the folder of a run whole: its records say how its spectra were made"
        raise ProvenanceError("the run has lost its files", item=self.folder / pattern, remedy=remedy)


def _votes(folder, task):
    return read_record(folder / "results/search" / task / "votes.parquet").settings


def _check(what, name, known, folder):
    if name not in known:
        expected, remedy = f"one of {', '.join(dict.fromkeys(known))}", f"Name a {what} that this run has votes of"
        raise SearchError(f"there is no such {what}", item=folder, expected=expected, got=name, remedy=remedy)
