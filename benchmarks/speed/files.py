"""Files: spec-lite files to normalised rows of a shard, and the reader alone.

Ours reads and checks a file, normalises, brings to the paper's grid and writes a gridded shard. A peer does the same to the
same files, each with its own reader. The rules fetch_shard and grid_shard do more, which is measured beside: they keep what has
come so that a killed job goes on there, write a native shard, and read it again for each grid.
"""

import io
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, suppress
from functools import cache, partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits

from benchmarks.speed import files_peers
from benchmarks.speed.ratio import LIMIT, PEER, Comparison
from galspec_core.config import load_config
from galspec_core.errors import SpectrumError
from galspec_core.sas import FetchConfig, open_root, spec_path
from galspec_core.spectra.fetch import fetch_shard, forget_partial, read_targets, write_shard
from galspec_core.spectra.fits_bytes import split_hdus
from galspec_core.spectra.prepare import PrepareConfig, grid_from_config, grid_shard, prepare
from galspec_core.spectra.reject import write_rejected
from galspec_core.spectra.shard import empty_gridded, write_gridded
from galspec_core.spectra.spectrum import check_measured, read_coadd, read_spec_lite

ROOT = Path(__file__).parents[2]
CONFIG = load_config([ROOT / "config.yaml"])
SETTINGS, EXCLUDED = CONFIG["spectra"], set(CONFIG["catalogs"]["select"]["exclude_run2d"])
PREPARE = ("bad_mask_bits", "norm_window", "norm_min_good", "min_good_share", "max_rejected", "max_rejected_floor")
PREPARATION = PrepareConfig(**{key: SETTINGS[key] for key in PREPARE} | {"max_rejected": 1.0})
GRID = grid_from_config("observed", SETTINGS["grids"]["observed"])
FULL, SMALL = 512, 96  # spectra
PEERS = {"spender": 96, "specutils": 96, "flux": 12}  # spectra that a slow one gets, at most
CORES = 2
UNIT = "s a spectrum"


def comparisons(setting):
    """Return what is measured about files: in small mode the whole path alone, against spender and against the limit."""
    warnings.simplefilter("ignore")  # peers warn about their own dependencies
    sas = setting.sas or _simulate(setting)
    targets = _targets(sas, SMALL if setting.small else FULL)
    paths = [sas / _path(target) for target in targets]
    listed = setting.scratch / "0000.csv"
    pd.DataFrame(targets).to_csv(listed, index=False)
    ours = partial(make_rows, paths, targets, setting.scratch / "rows.parquet")
    rules = partial(make_shard, sas, listed, setting.scratch / "ours")
    whole = [_against_bytes(ours, paths), *_against_spender(ours, rules, paths, targets, setting)]
    if setting.small:
        return whole
    others = [*_against_specutils(ours, paths, targets, setting.scratch), *_readers(paths, targets)]
    return [*whole, *others, _cores(sas, listed, setting.scratch)]


def make_rows(paths, targets, shard):
    """Bring spectra from their files into a gridded shard; those that cannot be used are left out."""
    gridded, n = empty_gridded(len(paths), GRID.pixels), 0
    for path, target in zip(paths, targets, strict=True):
        with suppress(SpectrumError):
            identity = tuple(target[key] for key in ("plate", "mjd", "fiberid"))
            spectrum = read_spec_lite(path.read_bytes(), target["z"], path.name, identity)
            check_measured(spectrum.z)
            gridded.flux[n], gridded.ivar[n] = prepare(spectrum, PREPARATION, GRID)
            gridded.specobjid[n], gridded.z[n] = target["specobjid"], target["z"]
            n += 1
    write_gridded(shard, gridded[:n])


def make_shard(sas, listed, folder):
    """Bring the spectra of a list from their files into a gridded shard below ``folder``, as the jobs of a run do."""
    partial_folder = folder / "partial"
    with redirect_stderr(io.StringIO()):  # lines of progress
        targets, fetch = read_targets(listed), FetchConfig(**SETTINGS["fetch"])
        native, rejected = fetch_shard(targets, open_root(sas), fetch, partial_folder, "0000", 1.0, 0)
        write_shard(folder / "native.parquet", native, targets)
        write_rejected(folder / "native.csv", rejected)
        forget_partial(partial_folder)
        gridded, rejected = grid_shard(folder / "native.parquet", "observed", GRID, PREPARATION)
        write_gridded(folder / "observed.parquet", gridded)
        write_rejected(folder / "observed.csv", rejected)


def _simulate(setting):
    """Write a simulated survey and return its SAS folder."""
    from galspec_core.mock.survey import MockConfig, write_survey

    with redirect_stderr(io.StringIO()):
        write_survey(MockConfig(SMALL if setting.small else FULL), setting.scratch / "survey")
    return setting.scratch / "survey/sas"


def _path(target):
    return spec_path(*(target[key] for key in ("run2d", "plate", "mjd", "fiberid")))


def _targets(sas, n):
    """Return at most ``n`` targets from all over a SAS folder, of reductions that a run uses; redshifts from the files."""
    targets, paths = [], [p for p in sorted(sas.rglob("spec-*.fits")) if p.parents[3].name not in EXCLUDED]
    for i in np.linspace(0, len(paths) - 1, min(n, len(paths))).astype(int).tolist():
        path = paths[i]
        plate, mjd, fiberid = map(int, path.stem.split("-")[1:])
        z = float(fits.getdata(path, 2)["Z"][0])
        target = dict(specobjid=i + 1, plate=plate, mjd=mjd, fiberid=fiberid, run2d=path.parents[3].name, z=z)
        targets.append(target)
    return targets


def _comparison(name, against, kind, ours, other, work, goal, note, **more):
    return Comparison("files", name, against, kind, ours, other, goal, work, note=note, **{"unit": UNIT, **more})


WHOLE, RULES = "file to shard row", "file to native shard to shard row, as the rules do"


def _against_bytes(ours, paths):
    places = [_pixels_of(path) for path in paths]
    note = "the limit does no checks, no Parquet, no grid: it cannot be reached, it only shows how far off we are"
    against = "reading the bytes, one pass over the pixels"
    return _comparison(WHOLE, against, LIMIT, ours, partial(_pass_over, places), (len(paths),) * 2, None, note)


def _pixels_of(path):
    """Return where the pixels of a file are: its path, the first byte of HDU 1's rows, their dtype and number."""
    table = fits.getdata(path, 1)
    return path, split_hdus(path.read_bytes(), path.name)[1].data, table.dtype, len(table)


def _pass_over(places):
    """Read every file, and multiply flux and ivar once, into float32."""
    for path, start, layout, count in places:
        rows = np.frombuffer(np.fromfile(path, "u1"), layout, count, start)
        np.multiply(rows["flux"], np.float32(2), dtype="f4"), np.multiply(rows["ivar"], np.float32(4), dtype="f4")


def _against_spender(ours, rules, paths, targets, setting):
    """Yield the comparison with spender told the redshift and, as that takes longer, with spender that looks for it."""
    n = min(PEERS["spender"], len(paths))
    told, looking = (
        partial(files_peers.spender_shard, paths[:n], targets[:n], setting.scratch / "spender", catalogue)
        for catalogue in (True, False)
    )
    work, note = (len(paths), n), "prepare_spectrum, which puts native pixels on a fixed comb, then write_dataset"
    yield _comparison(WHOLE, "spender 0.3", PEER, ours, told, work, 8, note)
    yield _comparison(RULES, "spender 0.3", PEER, rules, told, work, None, "which keeps no native pixels")
    if not setting.small:
        yield _comparison(WHOLE, "spender 0.3, redshift from the file", PEER, ours, looking, work, 8, note)


def _against_specutils(ours, paths, targets, scratch):
    """Yield the comparison with each of two resamplers."""
    for resampler, n in (
        ("LinearInterpolatedResampler", PEERS["specutils"]),
        ("FluxConservingResampler", PEERS["flux"]),
    ):
        few = (resampler, paths[:n], targets[:n], GRID, SETTINGS["norm_window"], scratch / "specutils")
        note = "Spectrum.read with its format named, its median over the window, resampled to our grid, our Parquet"
        other, work = partial(files_peers.specutils_shard, *few), (len(paths), min(n, len(paths)))
        yield _comparison(WHOLE, f"astropy and specutils 2.4.0, {resampler}", PEER, ours, other, work, 25, note)


def _readers(paths, targets):
    """Yield the comparison of our reader with each library's that is installed."""
    identities = [tuple(target[key] for key in ("plate", "mjd", "fiberid")) for target in targets]
    ours, n = partial(_read_all, paths, identities), min(PEERS["specutils"], len(paths))
    for against, (package, read, note) in files_peers.READERS.items():
        if find_spec(package):
            other = partial(_each, read, paths[:n])
            yield _comparison("reader", against, PEER, ours, other, (len(paths), n), 3, note)


def _read_all(paths, identities):
    for path, identity in zip(paths, identities, strict=True):
        read_coadd(path.read_bytes(), path.name, identity)


def _each(read, paths):
    for path in paths:
        read(path)


@cache
def _pool():
    return ProcessPoolExecutor(CORES, get_context("spawn"))


def _cores(sas, listed, scratch):
    """Return the comparison of two processes, each with a shard of its own, with one of them alone."""

    def run(processes):
        places = [scratch / f"process{i}" for i in range(processes)]
        list(_pool().map(make_shard, [sas] * processes, [listed] * processes, places))

    against = f"linear: one process with one of {CORES} shards"
    ours, alone = partial(run, CORES), partial(run, 1)
    note = "wall clock; processes are started before; a machine with other work or shared cores gives less"
    return _comparison(f"{CORES} processes", against, LIMIT, ours, alone, (1, 1), 0.9, note, clock="wall", unit="s")
