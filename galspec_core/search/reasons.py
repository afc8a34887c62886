"""Why a candidate is one, in words: its neighbours, the lines of a galaxy behind it, and what catalogues say of it."""

import numpy as np

from galspec_core.encoder.evidence import BACKGROUND

SEEN = 2.0  # S/N from which a line is named (our choice)


def reason(row, target, names, learnt, behind=""):
    """Return what speaks for a candidate, strongest first, and what a person should know before looking.

    Parameters
    ----------
    row : named tuple
        neighbour_labels, near_ids, near_distances, score, catalogued, known, repeat_of (see ``candidates``).
    target : str
    names : dict
        {specobjid: name} of known targets.
    learnt : bool
        Neighbours were weighed by a learnt vote.
    behind : str
        Words on lines behind it.
    """
    parts = [behind, _neighbours(row, target, learnt) + _nearest(row, target, names), *_warnings(row, target)]
    return "; ".join(filter(None, parts))


def _neighbours(row, target, learnt):
    n = sum(target in words.split("+") for words in row.neighbour_labels)
    verb = "is" if n == 1 else "are"
    if not learnt:
        return f"{n} of {len(row.neighbour_labels)} nearest {verb} {target}"
    return f"{n} of the {len(row.neighbour_labels)} neighbours that count most {verb} {target}, {row.score:.0%} of the vote"


def _nearest(row, target, names):
    if not len(row.near_ids):
        return ""
    return f" (nearest {target} {names[row.near_ids[0]]} at d {row.near_distances[0]:.2f})"


def _warnings(row, target):
    """Yield what lowers or settles a candidate."""
    if target in row.catalogued.split("+"):
        yield f"catalogued as {target}, not in the knowledge base"
    elif row.catalogued:
        yield f"catalogued as {row.catalogued}"
    if row.repeat_of:
        yield f"same place as the known {target} {row.repeat_of}"
    if not row.known:
        yield "unlike every spectrum of the knowledge base: judge with care"


def behind_words(found):
    """Return the words on the best group of lines behind each of B galaxies; ``found`` is a ``Background``."""
    return [_lines(z, snr, lines) for z, snr, lines in zip(found.z, found.snr, found.lines, strict=True)]


def _lines(z, snr, lines):
    seen = [f"{name} {value:.1f}" for name, value in zip(BACKGROUND, lines, strict=True) if value >= SEEN]
    if not seen or not np.isfinite(snr):
        return "no line behind it"
    return (
        f"{'lines' if len(seen) > 1 else 'one line'} at z {z:.4f} behind it: S/N {', '.join(seen)} (together {snr:.1f})"
    )
