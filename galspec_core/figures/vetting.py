"""The page on which a person looks through candidates: one file that needs nothing else, its spectra packed small.

A spectrum is three rows of whole numbers: the model, what is left in units of the error, and the logarithm of the error. Noise
then has few different values, a model small steps, and zlib makes a third of them. The browser unpacks what it draws.
"""

import base64
import hashlib
import zlib
from pathlib import Path

import numpy as np

from galspec_core.catalogs.ids import look_up
from galspec_core.encoder.evidence import BACKGROUND
from galspec_core.encoder.lines import LINES
from galspec_core.figures.links import ARCHIVES, link_words
from galspec_core.figures.marked_lines import LINES as FEATURES
from galspec_core.figures.page import fill_page
from galspec_core.search.candidate_lines import spectra_of
from galspec_core.search.residuals import residual_of
from galspec_core.spectra.grid import bridge_bad_pixels
from galspec_core.spectra.names import spectrum_name

STEPS = {
    "model": 1e-3,
    "residual": 0.2,
    "error": 0.02,
    "bad": -1500,
    "bin": 4,
}  # of flux, of the error, of its logarithm
BAD = -2000  # code of an error that nobody knows
FACTS = ["rank", "plate", "mjd", "fiberid", "ra", "dec", "z", "snr", "score", "probability", "reason", "catalogued"]
ABSORPTION = ("Ca K", "Mg b")


def pack(*rows):
    """Return rows of whole numbers [n], each a pair (codes, whether they are summed up), as base64 of zlib.

    Each number is folded to one without sign, and low and high bytes stand apart, so that small numbers pack well.
    """
    planes = []
    for codes, summed in rows:
        codes = np.asarray(codes, dtype="i4").astype("i2")
        codes = np.diff(codes, prepend=np.int16(0)) if summed else codes  # wraps around, and back when it is unpacked
        folded = ((codes << 1) ^ (codes >> 15)).view("u2")
        planes += [(folded & 255).astype("u1"), (folded >> 8).astype("u1")]
    return base64.b64encode(zlib.compress(np.concatenate(planes).tobytes(), 9)).decode()


def _codes(values, step):
    return np.clip(np.round(values / step), -32000, 32000)


def pack_spectrum(flux, ivar, model):
    """Return one spectrum as start, n and data: from its first to its last good pixel; flux, ivar and model are [L]."""
    good = np.flatnonzero(ivar > 0)
    part = slice(int(good[0]), int(good[-1]) + 1) if len(good) else slice(0, 1)
    flux, ivar, model = flux[part], ivar[part], model[part]
    seen = ivar > 0
    error = np.sqrt(1 / np.where(seen, ivar, 1))
    known = _codes(np.log(error), STEPS["error"])
    near = np.exp(known * STEPS["error"])  # the error as the page knows it
    model = _codes(model, STEPS["model"])
    left = np.where(seen, (flux - model * STEPS["model"]) / near, 0)
    data = pack((model, True), (_codes(left, STEPS["residual"]), False), (np.where(seen, known, BAD), True))
    return {"start": part.start, "n": part.stop - part.start, "data": data}


def pack_target(flux, ivar):
    """Return a known target as start, n and data: means of STEPS["bin"] pixels, gaps bridged."""
    good = np.flatnonzero(ivar > 0)
    start, width = (int(good[0]), STEPS["bin"]) if len(good) else (0, STEPS["bin"])
    n = max((int(good[-1]) + 1 - start) // width, 1) if len(good) else 1
    whole = bridge_bad_pixels(flux, ivar > 0)[start : start + n * width]
    return {
        "start": start,
        "n": int(n),
        "data": pack((_codes(whole.reshape(n, -1).mean(axis=1), STEPS["model"]), True)),
    }


def page_data(table, base, manifest, shards, encoder, grid, facts):
    """Return all that the page shows, ready for JSON.

    Parameters
    ----------
    table : DataFrame
        Candidates with their details (``search.candidates``).
    base : DataFrame
        specobjid and label of the knowledge base's entries.
    manifest : DataFrame
        ``candidates.MANIFEST``.
    shards : list of path
        Gridded.
    encoder : FactorEncoder or None
        Whose model is drawn, if it has one.
    grid : Grid
    facts : dict
        task, target, method, run, behind; archive, a name of ARCHIVES; window, the rest wavelengths whose median flux is 1.
    """
    targets = _targets(table, base, manifest, shards)
    place = {one["id"]: number for number, one in enumerate(targets)}
    spectra = {}
    for rows, found in spectra_of(table, shards):
        model, ivar = _model(encoder, found)
        spectra |= {row: pack_spectrum(found.flux[i], ivar[i], model[i]) for i, row in enumerate(rows)}
    candidates = [
        _facts(row) | spectra[i] | {"near": _near(row, place)}
        for i, row in enumerate(table.itertuples())
        if i in spectra
    ]
    return facts | {
        "candidates": candidates,
        "targets": targets,
        "model": encoder is not None,
        "steps": STEPS,
        "lines": _own_lines(),
        "background": {name: [wave for wave, _ in parts] for name, parts in BACKGROUND.items()},
        "grid": _grid(grid),
        "link": ARCHIVES[facts["archive"]][0],
        "key": f"galspec:{facts['run']}:{facts['task']}",
    }


def _own_lines():
    """Return [name, vacuum wavelength] of the lines that a galaxy may show itself; of a doublet the first has the name."""
    parts = [(name.rstrip("0123456789 "), part[0]) for name, doublet in LINES.items() for part in doublet]
    parts += [(name, FEATURES[name]) for name in ABSORPTION]
    first = dict(reversed(parts))
    return [[name if first[name] == wave else "", wave] for name, wave in sorted(parts, key=lambda pair: pair[1])]


def _grid(grid):
    wave = grid.wavelengths
    step = np.log10(wave[1] / wave[0]) if grid.spacing == "log" else wave[1] - wave[0]
    return {"frame": grid.frame, "spacing": grid.spacing, "first": float(wave[0]), "step": float(step)}


def _model(encoder, spectra):
    """Return the model [B, L] of a Gridded and the inverse variance of what is left, 0 and the spectra's own without one."""
    if encoder is None:
        return np.zeros_like(spectra.flux), spectra.ivar
    return encoder.reconstruct(spectra.flux, spectra.ivar), residual_of(encoder, spectra)[1]


def _facts(row):
    """Return what is said of one candidate; identifiers as text, which JavaScript's numbers cannot hold."""
    found = {name: _plain(getattr(row, name)) for name in FACTS}
    behind = {name: _plain(getattr(row, name)) for name in ("z_behind", "snr_behind")}
    lines = {"lines_behind": [_plain(value) for value in row.lines_behind]}
    return found | behind | lines | {"id": str(row.specobjid), "name": spectrum_name(row)}


def _plain(value):
    """Return a value as JSON has it: Python's own, no NaN."""
    value = value.item() if hasattr(value, "item") else value
    return None if value != value else round(value, 6) if isinstance(value, float) else value


def _near(row, place):
    pairs = zip(row.near_ids, row.near_distances, strict=True)
    return [[place[str(i)], round(float(d), 3)] for i, d in pairs if str(i) in place]


def _targets(table, base, manifest, shards):
    """Return every known target that is near a candidate, once."""
    ids = np.unique(np.concatenate([np.empty(0, "u8"), *table["near_ids"]])).astype("u8")
    rows = look_up(ids, manifest["specobjid"].to_numpy())
    known = manifest.iloc[rows[rows >= 0]].reset_index(drop=True)
    labels = dict(zip(base["specobjid"], base["label"], strict=True))
    found = []
    for places, spectra in spectra_of(known, shards):
        for i, row in enumerate(places):
            one = known.loc[row]
            facts = {"id": str(one["specobjid"]), "name": spectrum_name(one), "z": _plain(one["z"])}
            found.append(
                facts | {"label": labels.get(one["specobjid"], "")} | pack_target(spectra.flux[i], spectra.ivar[i])
            )
    return found


def run_name(folder="."):
    """Return a name for a run that no other folder of this machine has: marks of one run never show in another."""
    folder = Path(folder).resolve()
    return f"{folder.name}-{hashlib.sha256(str(folder).encode()).hexdigest()[:6]}"


def vetting_page(data):
    """Return the page as text."""
    return fill_page("vetting", f"{data['target']} candidates", data, **link_words(data["archive"]))
