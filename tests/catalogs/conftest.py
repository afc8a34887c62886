"""Small catalogues with known answers."""

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import Table

from galspec_core.catalogs.labels import SCHEMA, as_lists
from galspec_core.catalogs.sample import SampleConfig, draw_sample

SECTION = {
    "draw_seed": 2025,
    "seeds": [0, 1, 2],
    "link_arcsec": 1.5,
    "test_side": 0.3,
    "n_pretrain": "all",
    "validation": 0.1,
    "labelled": {},
    "knowledge_base": 0.9,
    "test": {"SF": 0.8, "LINER": 0.8, "Normal": 0.8, "Lens": 0.8, "Composite": 0.8},
}
CONFIG = SampleConfig.from_config(SECTION)
TASKS = {
    "liner": {"target": "LINER", "source": "bpt", "negatives": {"from": "labels"}},
    "lens": {"target": "Lens", "source": "silo", "negatives": {"from": "labels"}},
}
BPT = ["Composite", "LINER", "Normal", "SF"]


def specobjid(plate, mjd, fiberid, run2d=1300):
    """Return identifiers in SDSS's bit layout: plate 14 bits, fiber 12, mjd - 50000 14, run2d 14, 10 unused."""
    plate, mjd, fiberid = (np.asarray(v, dtype="u8") for v in (plate, mjd, fiberid))
    shifted = (plate << np.uint64(50)) | (fiberid << np.uint64(38)) | ((mjd - np.uint64(50000)) << np.uint64(24))
    return shifted | np.uint64(run2d << 10)


def specobj_rows(n, plate=9001, seed=0, **changed):
    """Return ``n`` rows of specObj in SDSS's columns, a thousand fibres a plate, positions all over the sky."""
    rng, index = np.random.default_rng(seed), np.arange(n)
    plates, fibres = plate + index // 1000, 1 + index % 1000
    mjd = 50000 + plates % 10000
    rows = {
        "SPECOBJID": specobjid(plates, mjd, fibres).astype("S22"),
        "PLATE": plates.astype("i4"), "MJD": mjd.astype("i4"), "FIBERID": fibres.astype("i4"),
        "RUN2D": np.full(n, "v5_13_0"), "CLASS": np.full(n, "GALAXY"), "SUBCLASS": np.full(n, ""),
        "PLATEQUALITY": np.full(n, "good"), "Z": rng.uniform(0.02, 0.6, n).astype("f4"),
        "ZWARNING": np.zeros(n, "i4"), "SN_MEDIAN_ALL": rng.uniform(3, 30, n).astype("f4"),
        "PLUG_RA": rng.uniform(0, 360, n), "PLUG_DEC": np.rad2deg(np.arcsin(rng.uniform(-1, 1, n))),
    }  # fmt: skip
    return rows | changed


def write_fits(path, rows):
    """Write a dict of columns as a FITS table and return its path."""
    Table(rows).write(path, overwrite=True)
    return path


def selected_rows(n, seed=0, plate=9001, **changed):
    """Return a table as ``select`` returns it: ``n`` spectra at places far from each other."""
    rows = specobj_rows(n, plate, seed)
    columns = {
        "specobjid": rows["SPECOBJID"].astype("u8"), "plate": rows["PLATE"], "mjd": rows["MJD"],
        "fiberid": rows["FIBERID"], "run2d": rows["RUN2D"].tolist(), "instrument": ["BOSS"] * n,
        "ra": rows["PLUG_RA"], "dec": rows["PLUG_DEC"],
        "z": rows["Z"].astype("f8"), "z_source": ["Z"] * n, "snr": rows["SN_MEDIAN_ALL"].astype("f8"),
    }  # fmt: skip
    return pa.table(columns | changed)


def config(**changed):
    """Return the settings of the sample with some of them changed."""
    return SampleConfig.from_config(SECTION | changed)


def label_table(selected, seed=1, unlabelled=0.3):
    """Return labels as ``make_labels`` does: a class each, some lenses, some of them with a class, some held out."""
    rng, n = np.random.default_rng(seed), selected.num_rows
    bpt = np.where(rng.random(n) < unlabelled, "", rng.choice(BPT, n, p=[0.1, 0.1, 0.5, 0.3]))
    lens, held = rng.random(n) < 0.06, rng.random(n) < 0.04
    member = np.column_stack([bpt == name for name in BPT] + [lens & ~held])
    names, order = [*BPT, "Lens"], [0, 1, 4, 2, 3]
    lists = as_lists(member[:, order], [names[i] for i in order]), as_lists(held[:, None], ["Lens"])
    grade = np.where(held, "possible", np.where(lens, "likely", ""))
    nothing = np.full(n, np.nan)
    table = pa.Table.from_arrays(
        [
            selected["specobjid"].combine_chunks(),
            *lists,
            pa.array(grade.tolist()),
            pa.array(bpt.tolist()),
            pa.array(nothing),
            pa.array(nothing),
        ],
        schema=SCHEMA,
    )
    return table.filter(pa.array(member.any(axis=1) | held))


def haversine(ra, dec, other_ra, other_dec):
    """Return the angle in arcsec by the haversine formula: another route than the package's."""
    ra, dec, other_ra, other_dec = (np.deg2rad(v) for v in (ra, dec, other_ra, other_dec))
    half = np.sin((dec - other_dec) / 2) ** 2 + np.cos(dec) * np.cos(other_dec) * np.sin((ra - other_ra) / 2) ** 2
    return np.rad2deg(2 * np.arcsin(np.sqrt(half))) * 3600


def brute_groups(ra, dec, arcsec):
    """Link positions by asking every pair, then by walking until nothing changes."""
    group = np.arange(len(ra))
    near = np.array([haversine(r, d, ra, dec) < arcsec for r, d in zip(ra, dec, strict=True)])
    while True:
        lowest = np.array([group[row].min() for row in near])
        if (lowest == group).all():
            return group
        group = lowest


@pytest.fixture(scope="session")
def make():
    """Return the builders of this file by name."""
    builders = {"specobjid": specobjid, "specobj": specobj_rows, "fits": write_fits, "selected": selected_rows}
    return builders | {"config": config, "labels": label_table, "groups": brute_groups}


@pytest.fixture(scope="session")
def tasks():
    """Return two tasks as the configuration has them."""
    return TASKS


@pytest.fixture(scope="session")
def survey(make):
    """Return 900 spectra of 600 galaxies, a third of them observed twice, and their labels."""
    selected = make["selected"](900, plate=9001)
    ra, dec = selected["ra"].to_numpy().copy(), selected["dec"].to_numpy().copy()
    ra[600:], dec[600:] = ra[:300], dec[:300] + 0.4 / 3600
    dec = np.clip(dec, -89.9, 89.9)
    selected = (
        selected.drop_columns(["ra", "dec"]).append_column("ra", pa.array(ra)).append_column("dec", pa.array(dec))
    )
    return selected, label_table(selected)


@pytest.fixture(scope="session")
def sample(survey):
    return draw_sample(*survey, TASKS, CONFIG, n_shards=5)
