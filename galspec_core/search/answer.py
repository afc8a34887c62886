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
VOTING = ("name", "specobjid", "z", "task", "method", "where", "predicted", "share", "probability", "known", "behind")


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
        Its own log [N II]/Hα and log [O III]/Hβ, NaN where they were not measured.
    behind : str
        Words on the lines of a galaxy behind it, empty where none stand out.
    where : str
        The filter that its neighbours had to fit, empty without one.
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
    where: str = ""

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
    rows = [
        {key: _plain(value) for key, value in row.items()} for row in answer.neighbours[NEIGHBOURS].to_dict("records")
    ]
    shares = {name: float(share) for name, share in answer.shares.items()}
    return {key: _plain(getattr(answer, key), key) for key in VOTING} | {"shares": shares, "neighbours": rows}


def _plain(value, key=""):
    if isinstance(value, np.integer | int) and not isinstance(value, bool | np.bool_):
        return str(value) if key == "specobjid" or value > 2**53 else int(value)
    if isinstance(value, np.floating | float):
        return float(value) if np.isfinite(value) else None
    return bool(value) if isinstance(value, np.bool_) else value


def as_rows(answers):
    """Return Answers as one table, a row a neighbour."""
    frames = []
    for answer in answers:
        own = {key: getattr(answer, key) for key in VOTING if key not in ("specobjid", "z")}
        near = answer.neighbours[NEIGHBOURS]
        frames.append(pd.concat([pd.DataFrame([own] * len(near)), near.reset_index(drop=True)], axis=1))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*VOTING[:1], *NEIGHBOURS])


def as_text(answer, classes=5):
    """Return an Answer for people: the verdict, the shares, a table of neighbours."""
    where = f"z {answer.z:.4f}; {answer.method} on {answer.task}"
    lines = [f"{answer.name}: {answer.verdict}", f"  {where}{'; its own position left out' if answer.left_out else ''}"]
    lines += [f"  {answer.behind}"] if answer.behind else []
    shares = [f"{name} {share:.1%}" for name, share in list(answer.shares.items())[:classes] if share >= 0.0005]
    lines.append(f"  shares: {', '.join(shares) or 'none'}")
    near = answer.neighbours
    names = [spectrum_name(row) for row in near.itertuples()]
    table = pd.DataFrame(
        {"": near["rank"], "neighbour": names, "class": near["class"], "z": near["z"].map("{:.4f}".format)}
    )
    table["distance"], table["weight"] = near["distance"].map("{:.3f}".format), near["weight"].map("{:.4f}".format)
    return plain_text("\n".join([*lines, *(f"  {line}" for line in table.to_string(index=False).splitlines())]))
