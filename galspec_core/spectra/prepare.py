"""From native shards to gridded ones: check, normalise, resample."""

from dataclasses import dataclass, fields

import numpy as np

from galspec_core.errors import ConfigError, SpectrumError
from galspec_core.log import Progress
from galspec_core.spectra.grid import Grid, to_grid
from galspec_core.spectra.reject import check_share, rejected_row
from galspec_core.spectra.shard import Gridded, iterate_native
from galspec_core.spectra.spectrum import check_measured, check_pixels, good_pixels, mask_value, normalise


@dataclass(frozen=True)
class PrepareConfig:
    """How spectra are checked and normalised: the keys of ``spectra`` that the grid stage uses."""

    bad_mask_bits: tuple
    norm_window: tuple
    norm_min_good: float
    min_good_share: float
    max_rejected: float
    max_rejected_floor: int


def grid_from_config(name, entry):
    """Return the Grid of an entry of ``spectra.grids``; raise ConfigError naming a key it does not have."""
    unknown = set(entry) - {field.name for field in fields(Grid)}
    if unknown:
        raise ConfigError("unknown key", item=f"spectra.grids.{name}", got=sorted(unknown))
    return Grid(**{**entry, "wave": tuple(entry["wave"])})


def prepare(spectrum, config, grid):
    """Return one spectrum checked, normalised and on the grid: flux[L], ivar[L].

    Raises
    ------
    SpectrumError
        With the reason why it cannot be used.
    """
    good = good_pixels(spectrum, mask_value(config.bad_mask_bits))
    check_pixels(spectrum, good, config.min_good_share)
    spectrum = normalise(spectrum, good, config.norm_window, config.norm_min_good)
    good &= good_pixels(spectrum, 0)  # float32 ends at 3e38: a number beyond is infinite once normalised
    check_pixels(spectrum, good, config.min_good_share)
    return to_grid(spectrum, good, grid)


def grid_shard(native, grid_name, grid, config):
    """Return (gridded spectra, rejected rows) of one native shard, in its order.

    Raises
    ------
    TooManyRejected
        If more than the configured share of the shard cannot be used.
    """
    kept, rejected = [], []
    rows = list(iterate_native(native))
    progress = Progress(f"spectra: grid {grid_name}", len(rows))
    for row, spectrum in rows:
        try:
            check_measured(row["z"])
            kept.append((row["specobjid"], row["z"], *prepare(spectrum, config, grid)))
        except SpectrumError as error:
            rejected.append(rejected_row(row, f"grid {grid_name}", error))
        progress.add()
    check_share(rejected, len(rows), config.max_rejected, config.max_rejected_floor, native)
    return _stack(kept, grid.pixels), rejected


def _stack(kept, pixels):
    ids = np.array([k[0] for k in kept], dtype="u8")
    z = np.array([k[1] for k in kept], dtype="f4")
    flux, ivar = (np.array([k[i] for k in kept], dtype="f4").reshape(-1, pixels) for i in (2, 3))
    return Gridded(ids, z, flux, ivar)
