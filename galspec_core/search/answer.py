"""What a finished run says about one spectrum: class shares, the neighbours behind them, and what it rests on."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from galspec_core.errors import plain_text
from galspec_core.spectra.names import spectrum_name

NEIGHBOURS = [
    *("rank", "specobjid", "plate", "mjd", "fiberid", "class", "z", "snr", "distance", "weight"),
    *("log_nii_ha", "log_oiii_hb"),
]
VOTING = [
    *("name", "asked", "specobjid", "z", "task", "method", "where", "predicted", "share", "probability", "known"),
    *("behind", "coarse"),
]
OWN = {key: "own_z" if key == "z" else key for key in VOTING if key != "specobjid"}  # names beside a neighbour's
TOO_COARSE = "its pixels are too wide to look for lines of a galaxy behind it"


@dataclass(frozen=True)
class Answer:
    """The answer for one spectrum.

    Attributes
    ----------
    name : str
        How the spectrum was called.
    specobjid : int
        Its own in the run's knowledge base, 0 where it is not there.
    left_out : bool
        Whether entries of its own position were left out of its neighbours.
    z : float
    task, method : str
    predicted : str
        The class with the most votes.
    share, probability : float
        Of that class; the probability is NaN where the vote is not a learnt one.
    known : bool
        False where no entry is near: "don't know", whatever is predicted.
    shares : dict
        {class: share of the vote}, largest first.
    neighbours : DataFrame
        NEIGHBOURS, those that count most first.
    flux, ivar : ndarray[L]
        The normalised spectrum on the pixels of the method's grid, ``wave`` [L] their rest wavelengths in Angstrom.
    ratios : tuple
        Its own log [N II]/Hα and log [O III]/Hβ, NaN where a line is too faint or was not measured.
    unmeasured : str
        Why its lines were not measured, empty where they were.
    behind : str
        Words on the lines of a galaxy behind it, empty where none stand out.
    coarse : bool
        Whether its pixels were too wide to look for such lines.
    where : str
        The filter that its neighbours had to fit, empty without one.
    asked : str
        The path or name by which it was asked about, as given; empty where it was given as an object.
    """

    name: str
    specobjid: int
    left_out: bool
    z: float
    task: str
    method: str
    predicted: str
    share: float
    probability: float
    known: bool
    shares: dict
    neighbours: pd.DataFrame
    wave: np.ndarray = field(repr=False)
    flux: np.ndarray = field(repr=False)
    ivar: np.ndarray = field(repr=False)
    ratios: tuple = (np.nan, np.nan)
    behind: str = ""
    coarse: bool = False
    where: str = ""
    asked: str = ""
    unmeasured: str = ""

    @property
    def said_behind(self):
        """What people are told of lines behind it, empty where nothing is."""
        return TOO_COARSE if self.coarse else self.behind

    @property
    def verdict(self):
        """The answer in a few words."""
        if not any(self.shares.values()):
            return "don't know: of the entries that may vote none counts; the nearest are listed"
        named = f"{self.predicted}, {self.share:.0%} of the vote"
        if np.isfinite(self.probability):
            named += f", probability {self.probability:.2f}"
        named += f", among entries with {self.where}" if self.where else ""
        return named if self.known else f"don't know: no entry is near (nearest guess: {named})"


def as_json(answer):
    """Return an Answer as JSON values; a specobjid is text, because JSON's readers keep 53 bits of a number."""
    rows = answer.neighbours[NEIGHBOURS].to_dict("records")
    rows = [{key: _plain(value, key) for key, value in row.items()} for row in rows]
    shares = {name: float(share) for name, share in answer.shares.items()}
    return {key: _plain(getattr(answer, key), key) for key in VOTING} | {"shares": shares, "neighbours": rows}


def _plain(value, key):
    """Return a value as JSON has it: Python's own, no NaN."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return str(value) if key == "specobjid" else value


def as_rows(answers):
    """Return Answers as one table, a row a neighbour; without any the same columns."""
    frames = [pd.DataFrame(columns=[*OWN.values(), *NEIGHBOURS])]
    for answer in answers:
        own = {name: getattr(answer, key) for key, name in OWN.items()}
        own = {name: plain_text(value) if isinstance(value, str) else value for name, value in own.items()}
        near = answer.neighbours[NEIGHBOURS]
        frames.append(pd.concat([pd.DataFrame([own] * len(near)), near.reset_index(drop=True)], axis=1))
    return pd.concat(frames[1:] or frames, ignore_index=True)


def as_text(answer, classes=5):
    """Return an Answer for people: the verdict, the shares, a table of neighbours."""
    where = f"z {answer.z:.4f}; {answer.method} on {answer.task}"
    lines = [f"{answer.name}: {answer.verdict}", f"  {where}{'; its own position left out' if answer.left_out else ''}"]
    lines += [f"  {answer.said_behind}"] if answer.said_behind else []
    shares = [f"{name} {share:.1%}" for name, share in list(answer.shares.items())[:classes] if share >= 0.0005]
    lines.append(f"  shares: {', '.join(shares) or 'none'}")
    near = answer.neighbours
    names = [spectrum_name(row) for row in near.itertuples()]
    table = pd.DataFrame(
        {"": near["rank"], "neighbour": names, "class": near["class"], "z": near["z"].map("{:.4f}".format)}
    )
    table["distance"], table["weight"] = near["distance"].map("{:.3f}".format), near["weight"].map("{:.4f}".format)
    return plain_text("\n".join([*lines, *(f"  {line}" for line in table.to_string(index=False).splitlines())]))
