"""Lines of a spectrum as the run's own encoder of kind ``factors`` measures them: its place in the BPT diagram, a galaxy behind it."""

import json

import numpy as np

from galspec_core.catalogs.bpt import log_ratio
from galspec_core.encoder.embed import load_encoder
from galspec_core.encoder.lines import LINES
from galspec_core.errors import REMOVE, DamagedError, GalspecError
from galspec_core.search.reasons import behind_words
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.prepare import PrepareConfig, prepare
from galspec_core.spectra.shard import Gridded

LEAST_SNR = 3.0  # of each of the two lines of a ratio, else it is not measured (our choice)
UNMEASURED = (np.nan, np.nan)
LEAST_BEHIND = (
    8.0  # S/N together: of the simulated survey's galaxies without a lens 99 in 100 stay below 6.5 (our choice)
)
RATIOS = (("[N II] 6583", "Hα"), ("[O III] 5007", "Hβ"))


def find_line_encoder(run):
    """Return (encoder, grid, PrepareConfig) of the run's encoder that measures lines, the one that answers if it does.

    None where the run has none. Raises GalspecError where one is damaged.
    """
    paths = run.folder.glob("results/encoder/*/config.json")
    for path in sorted(paths, key=lambda path: (path.parent.name != run.method, path)):
        try:
            config = json.loads(path.read_text())
            entry, grid = config["entry"], {**config["grid"], "wave": tuple(config["grid"]["wave"])}
            measures = entry["kind"] == "factors"
        except (OSError, ValueError, LookupError, TypeError) as error:
            got = f"{type(error).__name__}: {error}"
            raise DamagedError("is damaged: no encoder's configuration", item=path, got=got, remedy=REMOVE) from None
        if measures:
            method, prepared = path.parent.name, PrepareConfig(**run.prepared(entry["grid"]))
            return load_encoder(run.weights(method), run.embedded(method)), Grid(**grid), prepared
    return None


def measure_lines(spectrum, found, coarse=False):
    """Return log [N II]/Hα and log [O III]/Hβ of a spectrum, words on a galaxy behind it, and why nothing was measured.

    ``found`` is what ``find_line_encoder`` returns or raises. A ratio is NaN where a line is too faint. The words are empty
    where the lines behind have less than LEAST_BEHIND together, and of a ``coarse`` spectrum: LEAST_BEHIND was set on native
    pixels; the reason is where all was measured.
    """
    if found is None or isinstance(found, GalspecError):
        return UNMEASURED, "", f"this run measures no lines{f': {found}' if found else ''}"
    encoder, grid, config = found
    try:
        flux, ivar = prepare(spectrum, config, grid)
    except GalspecError as error:
        return UNMEASURED, "", f"its lines were not measured: {error}"
    one = Gridded(np.zeros(1, "u8"), np.array([spectrum.z], "f4"), flux[None], ivar[None])
    _, heights, variance = encoder.coordinates(one.flux, one.ivar)
    behind = encoder.background(one)
    told = behind.snr[0] >= LEAST_BEHIND and not coarse
    return ratios_of(heights[0], variance[0]), behind_words(behind)[0] if told else "", ""


def ratios_of(heights, variance):
    """Return the two ratios from line heights [M] and their variances [M]: all lines are equally wide in km/s."""
    names, waves = list(LINES), np.array([doublet[0][0] for doublet in LINES.values()])
    seen = heights / np.sqrt(variance) >= LEAST_SNR
    flux = np.where(seen, heights * waves, np.nan)
    return tuple(float(log_ratio(*(flux[names.index(line)] for line in pair))) for pair in RATIOS)
