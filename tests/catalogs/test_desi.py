"""DESI's redshift catalogue becomes the table that the cuts and the sample know."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from galspec_core.catalogs.layouts import SPECOBJ
from galspec_core.catalogs.select import SelectConfig, select
from galspec_core.catalogs.tables import read_catalog, read_counts
from galspec_core.config import load_config
from galspec_core.errors import CatalogError
from tests.conftest import ROOT

BASE = 39_627_000_000_000_001  # a float64 would round it


def zcatalog(n=6, **changed):
    """Return rows of zall-pix: the last is a second spectrum of the first target."""
    ids = BASE + np.arange(n)
    ids[-1] = ids[0]
    rows = {
        "TARGETID": ids.astype("i8"), "SURVEY": np.full(n, "main"), "PROGRAM": np.full(n, "dark"),
        "HEALPIX": (10016 + np.arange(n)).astype("i4"), "TARGET_RA": np.linspace(10, 20, n), "TARGET_DEC": np.zeros(n),
        "Z": np.linspace(0.1, 0.3, n), "ZERR": np.full(n, 1e-5), "ZWARN": np.zeros(n, "i8"),
        "SPECTYPE": np.full(n, "GALAXY"), "SUBTYPE": np.full(n, ""), "OBJTYPE": np.full(n, "TGT"),
        "COADD_FIBERSTATUS": np.zeros(n, "i4"), "ZCAT_PRIMARY": np.array([False] + [True] * (n - 1)),
    }  # fmt: skip
    return rows | changed


def read(tmp_path, rows):
    Table(rows).write(tmp_path / "zall.fits", overwrite=True)
    read_catalog("specobj", tmp_path / "zall.fits", tmp_path / "specobj.parquet", survey="desi")
    return pq.read_table(tmp_path / "specobj.parquet")


def test_the_primary_spectrum_of_each_target_stays_with_its_id(tmp_path):
    table = read(tmp_path, zcatalog())
    assert table.schema.equals(SPECOBJ.schema)
    assert table["specobjid"].to_pylist() == [BASE + 1, BASE + 2, BASE + 3, BASE + 4, BASE]
    assert table["plate"].to_pylist() == [10017, 10018, 10019, 10020, 10021]
    assert set(table["run2d"].to_pylist()) == {"main-dark"}
    assert set(table["mjd"].to_pylist()) == {0} == set(table["fiberid"].to_pylist())
    assert read_counts(tmp_path / "specobj.parquet") == {
        "not the primary spectrum of its target": 1,
        "repeated specobjid": 0,
    }


def test_the_overlays_cuts_apply_and_are_counted(tmp_path):
    rows = zcatalog(
        9,
        SPECTYPE=["GALAXY", "GALAXY", "QSO", "GALAXY", "GALAXY", "GALAXY", "STAR", "GALAXY", "GALAXY"],
        ZWARN=np.array([0, 0, 0, 4, 0, 0, 0, 0, 0]),
        OBJTYPE=["TGT", "TGT", "TGT", "TGT", "SKY", "TGT", "TGT", "TGT", "TGT"],
        COADD_FIBERSTATUS=np.array([0, 0, 0, 0, 0, 8, 0, 0, 0], "i4"),
    )
    read(tmp_path, rows)
    section = load_config([ROOT / "config.yaml", ROOT / "config/desi.yaml"])["catalogs"]["select"]
    selected, drops = select(tmp_path / "specobj.parquet", SelectConfig.from_config(section))
    assert selected["specobjid"].to_pylist() == [BASE + 1, BASE + 7, BASE]
    assert {row.reason: row.n for row in drops.itertuples() if row.n} == {
        "not the primary spectrum of its target": 1,
        "CLASS is not GALAXY": 2,
        "ZWARNING is not 0": 1,
        "PLATEQUALITY is not good": 2,
    }


def test_signal_to_noise_comes_where_the_catalogue_has_it(tmp_path):
    assert np.isnan(read(tmp_path, zcatalog())["snr"].to_numpy()).all()
    table = read(tmp_path, zcatalog(MEDIAN_COADD_SNR_R=np.arange(6.0)))
    assert table["snr"].to_pylist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("column", ["TARGETID", "HEALPIX", "ZCAT_PRIMARY", "SPECTYPE"])
def test_a_missing_column_is_named(tmp_path, column):
    with pytest.raises(CatalogError, match=column):
        read(tmp_path, {name: values for name, values in zcatalog().items() if name != column})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"TARGETID": np.arange(6.0)}, "float"),
        ({"HEALPIX": np.full(6, "x")}, "healpix"),
        ({"SURVEY": np.arange(6)}, "survey"),
        ({"ZWARN": np.full(6, 2**40)}, "zwarning"),
        ({"ZCAT_PRIMARY": np.full(6, "T")}, "primary"),
    ],
)
def test_a_column_of_another_kind_is_named(tmp_path, changed, said):
    with pytest.raises(CatalogError, match=said):
        read(tmp_path, zcatalog(**changed))
