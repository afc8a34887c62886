"""What the nuisance row and the line ratios are made of."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.baselines.features import MISSING, Table, line_ratios, matrix, measure_nuisance
from galspec_core.spectra.shard import native_row, native_table, write_native
from galspec_core.spectra.spectrum import Spectrum


def test_nuisance_measures_coverage_and_bad_pixels_and_no_flux(tmp_path):
    ivar = np.ones(1000, "f4")
    ivar[:100] = 0
    mask = np.zeros(1000, "i4")
    mask[100:150] = 1 << 22  # NOSKY
    row = dict(specobjid=2**63 + 5, plate=1, mjd=2, fiberid=3, run2d="26", z=0.2)
    tables = []
    for number, level in enumerate((1.0, 50.0)):
        spectrum = Spectrum(3.6, np.full(1000, level, "f4"), ivar, mask, 0.2)
        tables.append(native_table([native_row({**row, "specobjid": 2**63 + number}, spectrum)]))
    write_native(tmp_path / "0000.parquet", tables)
    ids = np.array([2**63, 2**63 + 1], "u8")
    manifest = pd.DataFrame({"specobjid": ids, "snr": [7.0, 7.0], "instrument": ["SDSS", "BOSS"]})
    found = measure_nuisance([tmp_path / "0000.parquet"], manifest, ["NOSKY"])
    assert found["bad_share"].tolist() == pytest.approx([0.15, 0.15])
    assert found["wave_min"].tolist() == pytest.approx([10**3.6] * 2)
    assert found["wave_max"].tolist() == pytest.approx([10 ** (3.6 + 0.0999)] * 2)
    assert found["instrument"].nunique() == 2
    columns = ["z", "snr", "wave_min", "wave_max", "bad_share"]
    assert found[columns].iloc[0].tolist() == found[columns].iloc[1].tolist()  # fifty times the flux, the same features


def test_a_ratio_that_was_not_measured_is_a_value_of_its_own():
    labels = pd.DataFrame({"specobjid": np.array([1], "u8"), "log_nii_ha": [np.nan], "log_oiii_hb": [0.3]})
    assert line_ratios(labels).iloc[0, 1:].tolist() == [MISSING, 0.3]


def test_rows_come_in_the_order_asked_for():
    table = Table(pd.DataFrame({"specobjid": np.array([2**63 + 2, 4, 9], "u8"), "x": [1.0, 2.0, 3.0]}))
    assert table.rows(np.array([9, 2**63 + 2], "u8"))[:, 0].tolist() == [3.0, 1.0]


def test_flux_is_cut_to_where_galaxies_are(spectra):
    spectra.flux[0, 0] = 1e6
    assert matrix(spectra).max() == 10
