"""What the nuisance row and the line ratios are made of."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.baselines.features import (
    MISSING,
    Spectra,
    Table,
    line_ratios,
    matrix,
    measure_nuisance,
    read_table,
    write_features,
)
from galspec_core.errors import SearchError
from galspec_core.spectra.shard import Gridded, native_row, native_table, write_native
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
    table = Table(np.array([2**63 + 2, 4, 9], "u8"), np.array([[1.0], [2.0], [3.0]]))
    assert table.rows(np.array([9, 2**63 + 2], "u8"))[:, 0].tolist() == [3.0, 1.0]


def test_flux_is_cut_to_where_galaxies_are(spectra):
    spectra.flux[0, 0] = 1e6
    assert matrix(spectra).max() == 10


def test_coverage_is_that_of_each_spectrums_own_pixels(tmp_path):
    """Spectra of other lengths and starts; pixels without a finite value are bad whatever their ivar."""
    rng = np.random.default_rng(0)
    spectra = [Spectrum(3.55 + 0.01 * i, rng.random(500 + i).astype("f4"), np.ones(500 + i, "f4"),
                        np.zeros(500 + i, "i4"), 0.1 * i) for i in range(4)]  # fmt: skip
    spectra[3].flux[:50] = np.nan
    rows = [dict(specobjid=10 - i, plate=1, mjd=2, fiberid=3, run2d="26", z=s.z) for i, s in enumerate(spectra)]
    for i in (0, 2):
        pairs = zip(rows[i : i + 2], spectra[i : i + 2], strict=True)
        write_native(tmp_path / f"{i}.parquet", [native_table([native_row(*pair) for pair in pairs])])
    manifest = pd.DataFrame({"specobjid": np.arange(5, 12, dtype="u8"), "snr": np.arange(7.0), "instrument": "BOSS"})
    paths = [tmp_path / "0.parquet", tmp_path / "2.parquet"]
    found = measure_nuisance(paths, manifest, ["NOSKY"]).set_index("specobjid").loc[[10, 9, 8, 7]]
    assert found["wave_min"].tolist() == pytest.approx([s.wave[0] for s in spectra])
    assert found["wave_max"].tolist() == pytest.approx([s.wave[-1] for s in spectra])
    assert found["bad_share"].tolist() == pytest.approx([0, 0, 0, 50 / 503])
    assert found["z"].tolist() == [s.z for s in spectra]
    assert found["snr"].tolist() == [5, 4, 3, 2]


def test_flux_is_cut_on_both_sides_and_left_as_it_was(spectra):
    spectra.flux[0, :2] = -99, 99
    before = spectra.flux.copy()
    cut = matrix(spectra)
    assert cut[0, :2].tolist() == [-2, 10]
    assert np.array_equal(cut[1:], before[1:])
    assert np.array_equal(spectra.flux, before)


def test_an_array_is_a_matrix_as_it_is():
    x = np.array([[-99.0, 99.0]])
    assert np.array_equal(matrix(x), x)


def test_ratios_are_trees_inputs_without_a_gap():
    labels = pd.DataFrame({"specobjid": np.arange(1, 5, dtype="u8"), "labels": [["SF"]] * 4})
    labels["log_nii_ha"], labels["log_oiii_hb"] = [0.1, np.nan, -0.4, np.nan], [np.nan, np.nan, 0.2, 1.0]
    ratios = line_ratios(labels)
    assert list(ratios.columns) == ["specobjid", "log_nii_ha", "log_oiii_hb"]
    missing = labels[["log_nii_ha", "log_oiii_hb"]].isna().to_numpy()
    assert np.array_equal(ratios[["log_nii_ha", "log_oiii_hb"]].to_numpy() == MISSING, missing)
    assert np.isfinite(ratios[["log_nii_ha", "log_oiii_hb"]]).all(axis=None)


def test_a_table_comes_back_from_disk_and_an_unknown_spectrum_is_named(tmp_path):
    frame = pd.DataFrame({"specobjid": np.array([2**63 + 2, 4, 9], "u8"), "x": [1.0, 2.0, 3.0], "y": [4.0, 5.0, 6.0]})
    write_features(frame, tmp_path / "features.parquet")
    table = read_table(tmp_path / "features.parquet")
    assert table.rows([9, 2**63 + 2, 9]).tolist() == [[3.0, 6.0], [1.0, 4.0], [3.0, 6.0]]
    for unknown in (5, 2**63 + 3, 1):
        with pytest.raises(SearchError, match=f"specobjid {unknown}"):
            table.rows([9, unknown])


def test_spectra_in_any_order_give_the_rows_asked_for(spectra):
    shuffled = spectra[np.random.default_rng(0).permutation(len(spectra))]
    ids = spectra.specobjid[[7, 0, 100]]
    found = Spectra(shuffled).rows(ids)
    assert isinstance(found, Gridded)
    assert np.array_equal(found.specobjid, ids)
    assert np.array_equal(found.flux, spectra.flux[[7, 0, 100]])
