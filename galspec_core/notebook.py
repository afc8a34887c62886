"""Ask a finished run from Python: what ``from galspec_core import KnowledgeBase`` gives, and what the command line uses, too."""

import os
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from galspec_core.errors import GalspecError, SearchError
from galspec_core.search.answer import Answer, as_text
from galspec_core.search.finder import TOP, Finder

MOST_THREADS = 4  # of one search (our choice)


@dataclass(frozen=True)
class Result(Answer):
    """An Answer that shows itself, in a notebook with its spectrum over its neighbours."""

    finder: Finder = field(repr=False, kw_only=True)

    def __repr__(self):
        return as_text(self)

    def _repr_html_(self):
        from galspec_core.figures.answer_page import fragment

        return fragment(self, self.spectra())

    def spectra(self):
        """Return {specobjid: (rest wavelengths [L], flux[L], ivar[L])} of its neighbours."""
        return self.finder.spectra(self.neighbours["specobjid"])

    def plot(self, neighbours=3):
        """Return a matplotlib figure of the spectrum over its first neighbours, and what is left without their mean."""
        from galspec_core.figures.answer import draw_answer

        return draw_answer(self, self.spectra(), neighbours)

    def write_page(self, path):
        """Write the page that ``galspec search`` writes: one HTML file that needs no network."""
        from galspec_core.figures.answer_page import write_page

        write_page(path, self, self.spectra(), self.finder.run.folder.resolve().name, self.finder.run.archive)


class KnowledgeBase:
    """The knowledge base of a finished run, ready to be asked about spectra.

    Example: ``KnowledgeBase.load("runs/demo").search("8224-57099-463")``
    """

    def __init__(self, finder):
        self.finder = finder

    @classmethod
    def load(cls, folder=".", task=None, method=None, threads=None, say=lambda text: None):
        """Return the knowledge base of the run in ``folder``.

        Parameters
        ----------
        folder : path
            Where ``make demo`` or Snakemake made the run.
        task : str, optional
            ``classes`` (all labels), or a task of the run's configuration such as ``liner``; by default classes where the
            run has votes on them, else its first task.
        method : str, optional
            Encoder and vote: ``galspec`` where the run has it, else its first one.
        threads : int, optional
        say : function, optional
            Called with a sentence when something takes long.

        Raises
        ------
        SearchError
            There is no finished run, or it has no such task or method.
        """
        return cls(Finder.open(folder, task, method, threads or min(MOST_THREADS, os.cpu_count() or 1), say))

    def __len__(self):
        return len(self.finder.base)

    def __repr__(self):
        run, words = self.finder.run, sorted(set(self.finder.classes))
        return f"KnowledgeBase of {run.folder}: {len(self):,} spectra, {run.method} on {run.task} ({', '.join(words)})"

    @property
    def entries(self):
        """The spectra in it: a table of what is known of each, its class last."""
        return self.finder.base.metadata.assign(**{"class": self.finder.classes})

    def search(self, spectrum, z=None, top=TOP, where=None):
        """Return the Result for one spectrum.

        Parameters
        ----------
        spectrum : Spectrum, path, name, or specutils Spectrum
            GalSpec's own on native pixels; a file (spec-lite, CSV, ECSV, or what specutils reads); "plate-mjd-fiber" or a
            specobjid; a one-dimensional spectrum of specutils.
        z : float, optional
            Redshift, over what the spectrum says.
        top : int
            Neighbours to list.
        where : str, optional
            Only neighbours that fit, such as ``"z < 0.1 and class == 'LINER'"``.

        Raises
        ------
        GalspecError
            The spectrum cannot be read or used, or the filter cannot; the sentence says why.
        """
        found = self.answers([spectrum], z, top, where)[0]
        if isinstance(found, GalspecError):
            raise found
        return found

    def answers(self, spectra, z=None, top=TOP, where=None):
        """Return the Result for each of several spectra, or the GalspecError that says why there is none."""
        spectra = list(spectra)
        owns = read_all(spectra, self.finder.run)
        asked = [i for i, own in enumerate(owns) if not isinstance(own, GalspecError)]
        found = self.finder.search([owns[i].at(z) for i in asked], top, where)
        for i, answer in zip(asked, found, strict=True):
            owns[i] = answer if isinstance(answer, GalspecError) else self._result(answer, spectra[i])
        return owns

    def keep_spectra(self, results):
        """Read the spectra of the neighbours of some Results at once: their pages and figures then wait for none."""
        self.finder.keep({int(name) for result in results for name in result.neighbours["specobjid"]})

    def _result(self, answer, spectrum):
        known = {each.name: getattr(answer, each.name) for each in fields(Answer)}
        asked = str(spectrum) if isinstance(spectrum, str | os.PathLike | int | np.integer) else ""
        return Result(**known | {"asked": asked}, finder=self.finder)


def read_all(spectra, run):
    """Return the Own of each of some spectra, whatever they are, or the error that says why not; names go together."""
    owns, names = [], {}
    for i, spectrum in enumerate(spectra):
        try:
            fibre = _name_of(spectrum)
            names |= {i: fibre} if fibre else {}
            owns.append(None if fibre else _read(spectrum))
        except GalspecError as error:
            owns.append(error)
    if names:
        from galspec_core.search.archive import find_named

        for i, own in zip(names, find_named(list(names.values()), run), strict=True):
            owns[i] = own
    return owns


def _name_of(spectrum):
    """Return plate, mjd, fiberid and run2d of an SDSS name that is no file; None for all else."""
    if isinstance(spectrum, int | np.integer):
        spectrum = str(spectrum)
    if not isinstance(spectrum, str) or os.path.exists(spectrum):
        return None
    from galspec_core.spectra.names import parse_name

    return parse_name(spectrum)


def _is_missing(path):
    """Return whether nothing is at a path; what is there but may not be looked at is not missing."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return False


def _read(spectrum):
    from galspec_core.spectra import own
    from galspec_core.spectra.spectrum import Spectrum

    if isinstance(spectrum, own.Own):
        return spectrum
    if isinstance(spectrum, Spectrum):
        return own.Own("spectrum", spectrum)
    if isinstance(spectrum, str | os.PathLike):
        if _is_missing(spectrum):
            expected = "a file, or a name such as 266-51630-12"
            remedy = f"Paths are looked up from {Path.cwd()}"
            raise SearchError(
                "there is no such file, and it is no SDSS name", item=spectrum, expected=expected, remedy=remedy
            )
        return own.read_own(spectrum)
    if hasattr(spectrum, "spectral_axis") and hasattr(spectrum, "flux"):
        return own.from_specutils(spectrum)
    expected = "a Spectrum, a path, an SDSS name or a specutils Spectrum"
    remedy = "Give one spectrum, or several to answers()"
    raise SearchError("this is no spectrum", item=f"a {type(spectrum).__name__}", expected=expected, remedy=remedy)
