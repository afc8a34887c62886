"""Ask a finished run about spectra of one's own, by the way its own test spectra went: prepare, embed, search, vote."""

import copy
from dataclasses import replace
from functools import cached_property
from types import SimpleNamespace

import numpy as np
import pandas as pd

from galspec_core.catalogs.ids import ABSENT
from galspec_core.catalogs.positions import separation
from galspec_core.encoder.embed import describe, load_encoder
from galspec_core.encoder.weights import load_weights
from galspec_core.errors import GalspecError, SearchError, SpectrumError
from galspec_core.files import read_frame
from galspec_core.search.answer import NEIGHBOURS, Answer
from galspec_core.search.entry_spectra import load_entries
from galspec_core.search.knowledge_base import KnowledgeBase
from galspec_core.search.own_lines import find_line_encoder, measure_lines
from galspec_core.search.recorded import CLASSES, Recorded
from galspec_core.search.stored_vote import load_vote
from galspec_core.search.task import Voter, first_seed, open_voter
from galspec_core.search.vote import VoteSettings, labels_of
from galspec_core.search.where import parse_where
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.prepare import PrepareConfig, prepare

RATIOS = ["log_nii_ha", "log_oiii_hb"]
TOP = 10  # neighbours that are listed
FIBRE = ("plate", "mjd", "fiberid")
TEXTS = ("run2d", "subtype", "label")
BATCH = 8  # spectra at a time through a network: a single one does not wait for 64
ENTRY = [
    "specobjid",
    "plate",
    "mjd",
    "fiberid",
    "ra",
    "dec",
    "z",
    "snr",
]  # what a filter and a list can show of an entry


class Finder:
    """A run's knowledge base of one task and method, its encoder and its vote, each made when it is first needed.

    Parameters
    ----------
    run : Recorded
    threads : int
    say : function, optional
        Called with a sentence when something takes long.
    """

    def __init__(self, run, threads=1, say=lambda text: None):
        self.run, self.threads, self.say, self._kept = run, threads, say, {}
        self.target = run.votes["task"].get("target")

    @classmethod
    def open(cls, folder=".", task=None, method=None, threads=1, say=lambda text: None):
        """Return the Finder of the run in ``folder``; raise SearchError where there is none."""
        run = Recorded.find(folder, task, method)
        if task is None and run.task != CLASSES:
            say(
                f"{run.folder} has no vote on all classes: {run.task} is asked; the target results/classes.csv makes one"
            )
        return cls(run, threads, say)

    @cached_property
    def grid(self):
        """The pixels on which the encoder sees spectra."""
        return Grid(**{**self._entry.grid, "wave": tuple(self._entry.grid["wave"])})

    @cached_property
    def _entry(self):
        """The encoder's entry and grid, as its weights have them."""
        _, entry, grid = load_weights(self.run.weights())
        return SimpleNamespace(entry=entry, grid=grid)

    @cached_property
    def encoder(self):
        """The encoder."""
        return load_encoder(self.run.weights(), {**self.run.embedded(), "embed_batch": BATCH})

    @cached_property
    def base(self):
        """The knowledge base with all that is known of its entries."""
        return KnowledgeBase.load(self.run.base)

    @cached_property
    def _voter(self):
        """The voter and the seed whose share of the knowledge base it asks: the first."""
        settings = VoteSettings.from_config(self.run.votes["settings"], self.run.votes["task"])
        learnt, task, method = self.run.votes["learnt"] or {"methods": []}, self.run.task, self.run.method
        base = self.base  # here: a damaged one is no reason to learn the vote anew
        if method not in learnt["methods"]:
            return Voter(task, self.target, base, settings, self.threads), first_seed(base)
        try:
            return load_vote(self.run.stored_vote, task, self.target, base, self.threads)
        except SearchError as error:
            self.say(f"the vote of {method} is learnt anew, some seconds for thousands of entries ({error.what})")
        paths = self.run.shards()
        voter, _ = open_voter(task, self.target, method, self.run.base, paths, settings, learnt, self.threads)
        return voter, first_seed(base)

    @cached_property
    def classes(self):
        """The class of each entry: ndarray[N] of text."""
        return labels_of(self.run.task, self.target, self.base.metadata["label"]).astype(str)

    @cached_property
    def ratios(self):
        """Line ratios (RATIOS) of labelled spectra by specobjid, where the run has them."""
        path = self.run.folder / "results/catalogs/labels.parquet"
        if not path.is_file():
            return pd.DataFrame(columns=RATIOS)
        return read_frame(path, ["specobjid", *RATIOS]).set_index("specobjid")

    @cached_property
    def _line_encoder(self):
        try:
            return find_line_encoder(self.run)
        except GalspecError as error:
            self.say(f"no lines are measured: {error}")
            return error

    def spectra(self, ids):
        """Return {specobjid: (rest wavelengths [L], flux[L], ivar[L])} of some entries, on the method's grid."""
        ids = set(map(int, ids))
        found = self._kept if ids <= set(self._kept) else self._load(ids)
        return {i: (self._rest(z), flux, ivar) for i, (z, flux, ivar) in found.items() if i in ids}

    def keep(self, ids):
        """Read the spectra of some entries, all together, and keep them until others are asked for."""
        self._kept = self._load(ids)

    def _load(self, ids):
        return load_entries(self.run.folder, self._entry.entry["grid"], ids)

    def _rest(self, z):
        """Return the rest wavelengths [L] of the grid's pixels for a galaxy at z."""
        return self.grid.wavelengths / (1 + z if self.grid.frame == "observed" else 1)

    def columns(self):
        """Return {name: function that returns the values [N]} of what a filter can ask of an entry."""
        table = self.base.metadata
        there = [name for name in (*ENTRY, *TEXTS) if name in table]
        known = {name: lambda name=name: table[name].astype(str) if name in TEXTS else table[name] for name in there}
        ratios = {
            name: lambda name=name: self.ratios[name].reindex(table["specobjid"].to_numpy()).to_numpy()
            for name in RATIOS
        }
        return {"class": lambda: self.classes, **known, **ratios}

    def search(self, owns, top=TOP, where=None):
        """Return an Answer for each of ``owns`` (spectra.own.Own), or the GalspecError that stands in its way.

        Parameters
        ----------
        top : int
            Neighbours to list: those that voted, heaviest first, then the nearest of the rest.
        where : str, optional
            A filter (see ``where``): only entries that fit can be neighbours.

        Raises
        ------
        SearchError
            The filter cannot be used, or ``top`` is not positive.
        """
        if top < 1:
            raise SearchError("at least one neighbour must be listed", item="--top", got=top, remedy="Give 1 or more")
        among = None if where is None else parse_where(where, self.columns(), len(self.base))
        prepared = [self._prepared(own) for own in owns]
        rows = [i for i, found in enumerate(prepared) if not isinstance(found, GalspecError)]
        if rows:
            flux, ivar = (np.stack([prepared[i][part] for i in rows]) for part in (0, 1))
            z = np.array([owns[i].spectrum.z for i in rows], dtype="f4")
            vectors = np.hstack(describe(self.encoder, flux, ivar, z))
            for place, i in enumerate(rows):
                found = self._answer(owns[i], flux[place], ivar[place], vectors[[place]], top, among)
                prepared[i] = found if isinstance(found, GalspecError) else replace(found, where=where or "")
        return prepared

    def _prepared(self, own):
        """Return flux[L] and ivar[L] on the grid, or the error that says why not."""
        try:
            z, remedy = own.spectrum.z, "Give it with --z, or as z=… from Python"
            if not np.isfinite(z):
                raise SpectrumError("the file says no redshift", reason="redshift", remedy=remedy)
            if z == 0:
                what, expected = "a redshift of 0 stands for none that was measured", "the galaxy's"
                raise SpectrumError(what, reason="redshift", expected=expected, got=z, remedy=remedy)
            return prepare(own.spectrum, self._prepare_config, self.grid)
        except SpectrumError as error:
            error.item = error.item or own.name
            return error

    @cached_property
    def _prepare_config(self):
        return PrepareConfig(**self.run.prepared(self._entry.entry["grid"]))

    def _answer(self, own, flux, ivar, vector, top, among):
        try:
            return self._vote(own, flux, ivar, vector, top, among)
        except SearchError as error:
            error.item = f"{own.name}, {error.item}" if error.item else own.name
            return error

    def _vote(self, own, flux, ivar, vector, top, among):
        (voter, seed), (specobjid, position) = self._voter, self._identity(own)
        asked = pd.DataFrame({"specobjid": [specobjid], "position": [position], "label": [""]})
        asked = asked.astype({"specobjid": "u8", "position": "u8"})
        where = voter.near(seed).where if among is None else voter.near(seed).where & among
        entries = self.base.metadata
        foreign = (entries["position"].to_numpy() != position) & (entries["specobjid"].to_numpy() != specobjid)
        left, least = int((where & foreign).sum()), getattr(getattr(voter, "settings", None), "top_k", 1)
        if left < least:
            what, expected = "too few entries of the knowledge base fit", f"at least {least}"
            raise SearchError(what, item="--where", expected=expected, got=left, remedy="Widen the filter")
        voter = copy.copy(voter)
        voter.among, voter.shown = among, top
        vote = voter.votes(seed, asked, vector).iloc[0]
        shares = dict(sorted(zip(voter.classes(seed), vote["shares"], strict=True), key=lambda pair: -pair[1]))
        near = self._neighbours(vote, vector[:, : self.base.index.d], asked, min(top, left), where)
        wave = self._rest(own.spectrum.z)
        facts = {key: vote[key] for key in ("predicted", "share", "probability", "known")}
        ratios, behind, unmeasured = measure_lines(own.spectrum, self._line_encoder, own.coarse)
        return Answer(
            own.name, specobjid, bool((where & ~foreign).any()), own.spectrum.z, self.run.task, self.run.method,
            shares=shares, neighbours=near, wave=wave, flux=flux, ivar=ivar,
            ratios=ratios, behind=behind, unmeasured=unmeasured, coarse=own.coarse, **facts,
        )  # fmt: skip

    def _neighbours(self, vote, vector, asked, top, where):
        """Return the table of neighbours: those that voted, then the nearest that did not."""
        names = (asked[key].to_numpy() for key in ("position", "specobjid"))
        found = self.base.search(vector, top, *names, where)
        entries = self.base.metadata
        rows = pd.Index(entries["specobjid"]).get_indexer(np.asarray(vote["neighbour_ids"], dtype="u8"))
        rest = ~np.isin(found.row[0], rows)
        row = np.concatenate([rows, found.row[0][rest]])[:top]
        table = entries.iloc[row].reindex(columns=[name for name in ENTRY if name not in ("ra", "dec")])
        table = table.reset_index(drop=True).assign(rank=np.arange(1, len(row) + 1), **{"class": self.classes[row]})
        table["distance"] = np.concatenate([vote["distances"], found.distance[0][rest]])[:top]
        table["weight"] = np.concatenate([vote["weights"], np.zeros(rest.sum())])[:top]
        table[RATIOS] = self.ratios.reindex(table["specobjid"].to_numpy()).to_numpy(dtype="f8")
        return table[NEIGHBOURS]

    def _identity(self, own):
        """Return the specobjid and position that a spectrum has in the knowledge base, ABSENT where it has none."""
        entries = self.base.metadata
        if own.fibre is not None:
            same = np.logical_and.reduce([entries[key] == value for key, value in zip(FIBRE, own.fibre, strict=True)])
            if same.any():
                return tuple(int(entries[key].to_numpy()[same][0]) for key in ("specobjid", "position"))
        if np.isfinite([own.ra, own.dec]).all():
            apart = separation([own.ra], [own.dec], entries["ra"], entries["dec"])
            if apart.min() <= self.run.link_arcsec:
                return ABSENT, int(entries["position"].to_numpy()[apart.argmin()])
        return ABSENT, ABSENT
