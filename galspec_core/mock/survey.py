"""Simulate a whole survey and write it as a SAS tree, with an answer key that no run may read."""

from functools import partial
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, parallel_config

from galspec_core.log import Progress
from galspec_core.mock.catalogs import (
    PATHS,
    TRUTH,
    line_rows,
    silo_row,
    specobj_row,
    truth_row,
    write_rows,
    write_table,
)
from galspec_core.mock.galaxy import instrument_of, make_galaxy, observe
from galspec_core.mock.plan import MockConfig, make_plans
from galspec_core.mock.spec_lite import write_spec_lite
from galspec_core.mock.stars import load_library
from galspec_core.sas import spec_path

__all__ = ["MockConfig", "write_survey"]


def write_survey(config, out, processes=1):
    """Write a simulated survey below ``out``: sas/, outliers.csv and truth.csv.

    Spectra come first and specObj last, so a survey that was cut short is not taken for a whole one. One seed gives the
    same bytes, however many processes.

    Raises
    ------
    GalspecError
        If the stellar-population grids are not installed.
    """
    out = Path(out)
    plans = make_plans(config)
    load_library()
    progress = Progress("mock: simulate", len(plans))
    rows = []
    for made in _map(partial(make_one, sas=out / "sas"), plans, processes):
        rows.append(made)
        progress.add()
    _write_catalogs(plans, rows, out)


def _map(function, plans, processes):
    """Yield the results in order, whatever the number of processes."""
    with parallel_config("loky", inner_max_num_threads=1):
        yield from Parallel(processes, return_as="generator", batch_size=16)(delayed(function)(plan) for plan in plans)


def make_one(plan, sas):
    """Make and write one spectrum; return its rows: specObj, galSpecExtra, Portsmouth, SILO or None, truth facts."""
    seen = observe(plan, make_galaxy(plan))
    instrument = instrument_of(plan)
    row = specobj_row(plan, seen, instrument)
    write_spec_lite(Path(sas) / spec_path(plan.run2d, plan.plate, plan.mjd, plan.fiberid), plan, seen, instrument, row)
    mpa, port = line_rows(plan, seen, np.random.default_rng([*plan.noise_seed, 3]))
    silo = silo_row(plan, seen) if plan.kind == "Lens" else None
    return row, mpa, port, silo, seen.truth


class _Facts:
    """Stand for an observation whose pixels are already on disk."""

    def __init__(self, truth):
        self.truth = truth


def _write_catalogs(plans, rows, out):
    classed = [i for i, plan in enumerate(plans) if plan.kind not in ("Lens", "Outlier")]
    port = {name: [rows[i][2] for i in classed if plans[i].instrument == name] for name in ("SDSS", "BOSS")}
    sas = out / "sas"
    write_table([rows[i][1] for i in classed], sas / PATHS["galspecextra"])
    write_table(port["BOSS"], sas / PATHS["portsmouth_boss"])
    write_table(port["SDSS"], sas / PATHS["portsmouth_legacy"])
    write_table([row[3] for row in rows if row[3]], sas / PATHS["silo"])
    odd = [
        (p.plate, p.mjd, p.fiberid, row[4]["subtype"])
        for p, row in zip(plans, rows, strict=True)
        if p.kind == "Outlier"
    ]
    write_rows(("plate", "mjd", "fiberid", "class"), odd, out / "outliers.csv")
    ids = {plan.index: plan.specobjid for plan in plans}
    answers = [truth_row(plan, _Facts(row[4]), ids) for plan, row in zip(plans, rows, strict=True)]
    write_rows(TRUTH, answers, out / "truth.csv")
    write_table([row[0] for row in rows], sas / PATHS["specobj"])
