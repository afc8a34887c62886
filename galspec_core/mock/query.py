"""A second simulated set, only to be asked about: ordinary galaxies of the survey's mix, no lens and no outlier."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from galspec_core.log import Progress
from galspec_core.mock.catalogs import TRUTH, truth_row, write_rows
from galspec_core.mock.plan import ON_PLATE, MockConfig, make_plans
from galspec_core.mock.stars import load_library
from galspec_core.mock.survey import _Facts, _map, make_one

NEVER = ("Lens", "Outlier")
SEED_OFFSET = 100_000  # no galaxy of the survey with seed s is drawn again
SPARE = 1.5  # plans made for each one kept


def query_plans(config, n):
    """Return the plans of ``n`` galaxies on plates after those of the survey ``config``: neither repeated nor spoiled."""
    drawn = make_plans(MockConfig(int(SPARE * n) + 50, config.seed + SEED_OFFSET))
    kept = [plan for plan in drawn if plan.kind not in NEVER and not plan.spoil and plan.repeat_of < 0][:n]
    after = 1 + config.n // ON_PLATE
    return [replace(plan, plate=plan.plate + after, mjd=plan.mjd + 3 * after) for plan in kept]


def write_query(config, n, out, min_snr=0.0, processes=1):
    """Write ``n`` query spectra below ``out``: sas/ and truth.csv; return their rows (pa.Table), those below ``min_snr`` aside.

    Raises
    ------
    GalspecError
        If the stellar-population grids are not installed.
    """
    plans, out = query_plans(config, n), Path(out)
    load_library()
    progress, rows = Progress("mock: simulate query spectra", len(plans)), []
    for made in _map(partial(make_one, sas=out / "sas"), plans, processes):
        rows.append(made)
        progress.add()
    answers = [truth_row(plan, _Facts(row[4]), {}) for plan, row in zip(plans, rows, strict=True)]
    write_rows(TRUTH, answers, out / "truth.csv")
    return _table([pair for pair in zip(plans, rows, strict=True) if pair[1][0]["SN_MEDIAN_ALL"] >= min_snr])


def _table(pairs):
    names = ("plate", "mjd", "fiberid", "run2d", "ra", "dec", "z", "instrument")
    columns = {name: [getattr(plan, name) for plan, _ in pairs] for name in names}
    columns["snr"] = [float(row[0]["SN_MEDIAN_ALL"]) for _, row in pairs]
    ids = pa.array([plan.specobjid for plan, _ in pairs], pa.uint64())
    return pa.table(columns | {"specobjid": ids, "position": ids})
