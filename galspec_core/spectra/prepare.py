"""From native shards to gridded ones: check, normalise, resample."""

from dataclasses import dataclass, fields
from functools import cached_property

from galspec_core.errors import ConfigError, SpectrumError
from galspec_core.log import Progress
from galspec_core.spectra.grid import Grid, to_grid
from galspec_core.spectra.reject import check_share, rejected_row
from galspec_core.spectra.shard import count_rows, empty_gridded, iterate_native
from galspec_core.spectra.spectrum import check_measured, check_pixels, good_pixels, mask_value, normalise, usable


@dataclass(frozen=True)
class PrepareConfig:
    """How spectra are checked and normalised: the keys of ``spectra`` that the grid stage uses."""

    bad_mask_bits: tuple
    norm_window: tuple
    norm_min_good: float
    min_good_share: float
    max_rejected: float
    max_rejected_floor: int

    @cached_property
    def bad_bits(self):
        """The and_mask bits of a bad pixel as one number."""
        return mask_value(self.bad_mask_bits)


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
    good = good_pixels(spectrum, config.bad_bits)
    check_pixels(spectrum, good, config.min_good_share)
    spectrum = normalise(spectrum, good, config.norm_window, config.norm_min_good)
    good &= usable(spectrum)  # float32 ends at 3e38: a number beyond is infinite once normalised
    check_pixels(spectrum, good, config.min_good_share)
    return to_grid(spectrum, good, grid)


def grid_shard(native, grid_name, grid, config):
    """Return (gridded spectra, rejected rows) of one native shard, in its order.

    Raises
    ------
    TooManyRejected
        If more than the configured share of the shard cannot be used.
    """
    total = count_rows(native)
    gridded, rejected, n = empty_gridded(total, grid.pixels), [], 0
    progress = Progress(f"spectra: grid {grid_name}", total)
    for row, spectrum in iterate_native(native):
        try:
            check_measured(row["z"])
            gridded.flux[n], gridded.ivar[n] = prepare(spectrum, config, grid)
            gridded.specobjid[n], gridded.z[n] = row["specobjid"], row["z"]
            n += 1
        except SpectrumError as error:
            rejected.append(rejected_row(row, f"grid {grid_name}", error))
        progress.add()
    check_share(rejected, total, config.max_rejected, config.max_rejected_floor, native)
    return gridded[:n], rejected
