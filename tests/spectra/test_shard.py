"""Shards in Parquet."""

import hashlib
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from galspec_core.errors import CatalogError, FetchError, TooManyRejected
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.prepare import PrepareConfig, grid_shard
from galspec_core.spectra.reject import check_complete, read_rejected, rejected_frame, rejected_row, write_rejected
from galspec_core.spectra.shard import (
    NATIVE_SCHEMA,
    Gridded,
    gridded_ids,
    iterate_native,
    list_shards,
    listed_shards,
    native_row,
    native_table,
    read_gridded,
    write_gridded,
    write_native,
)
from galspec_core.spectra.spectrum import Spectrum

GRID = Grid("observed", "linear", (3850.0, 9000.0), 368)
CONFIG = PrepareConfig(("NODATA",), (5300.0, 5850.0), 0.5, 0.5, 0.2, 2)


def target(i, z=0.1):
    return dict(specobjid=2**63 + i, plate=9001, mjd=57000, fiberid=i + 1, run2d="v5_13_0", z=z)


def spectrum(rng, level=1.0, z=0.1):
    flux = rng.normal(level, 0.05, 3850).astype("f4")
    return Spectrum(3.58, flux, np.full(3850, 400, "f4"), rng.integers(0, 2, 3850).astype("i4"), z)


def test_native_spectra_come_back_as_they_went(tmp_path):
    rng = np.random.default_rng(1)
    spectra = [spectrum(rng) for _ in range(5)]
    write_native(tmp_path / "s.parquet", [native_table([native_row(target(i), s) for i, s in enumerate(spectra)])])
    for i, (row, back) in enumerate(iterate_native(tmp_path / "s.parquet")):
        assert row["specobjid"] == 2**63 + i
        assert np.array_equal(back.flux, spectra[i].flux)
        assert np.array_equal(back.and_mask, spectra[i].and_mask)
        assert back.loglam0 == 3.58


def test_a_real_sized_native_spectrum_takes_at_most_60_kb(tmp_path):
    rng = np.random.default_rng(1)
    rows = [
        native_row(target(i), Spectrum(3.55, *rng.normal(size=(2, 4650)).astype("f4"), np.zeros(4650, "i4"), 0.1))
        for i in range(50)
    ]
    write_native(tmp_path / "s.parquet", [native_table(rows)])
    assert (tmp_path / "s.parquet").stat().st_size / 50 < 60_000


def test_gridded_spectra_come_back_and_can_be_picked_by_id(tmp_path):
    rng = np.random.default_rng(1)
    ids = np.arange(700, dtype="u8") + np.uint64(2**63)
    whole = Gridded(ids, rng.random(700).astype("f4"), *rng.normal(size=(2, 700, 30)).astype("f4"))
    write_gridded(tmp_path / "g.parquet", whole)
    back = read_gridded(tmp_path / "g.parquet")
    assert all(np.array_equal(getattr(back, key), getattr(whole, key)) for key in vars(whole))
    some = read_gridded(tmp_path / "g.parquet", ids[[3, 600]])
    assert np.array_equal(some.flux, whole.flux[[3, 600]])
    assert np.array_equal(gridded_ids(tmp_path / "g.parquet"), ids)
    assert pq.read_schema(tmp_path / "g.parquet").field("specobjid").type == pa.uint64()


def test_an_empty_shard_is_legal(tmp_path):
    write_native(tmp_path / "s.parquet", [])
    gridded, rejected = grid_shard(tmp_path / "s.parquet", "observed", GRID, CONFIG)
    write_gridded(tmp_path / "g.parquet", gridded)
    assert len(read_gridded(tmp_path / "g.parquet")) == len(rejected) == 0
    assert read_gridded(tmp_path / "g.parquet").flux.shape == (0, 368)


def test_spectra_of_different_lengths_and_none_at_all_make_a_table(tmp_path):
    rows = [
        native_row(target(i), Spectrum(3.58, *np.full((2, n), i, "f4"), np.full(n, i, "i4"), 0.1))
        for i, n in enumerate((3, 0, 5))
    ]
    write_native(tmp_path / "s.parquet", [native_table(rows), native_table([])])
    assert [back.flux.tolist() for _, back in iterate_native(tmp_path / "s.parquet")] == [[0, 0, 0], [], [2] * 5]


def test_shards_of_earlier_versions_are_read(tmp_path):
    rng = np.random.default_rng(2)
    rows = [native_row(target(i), spectrum(rng)) for i in range(3)]
    nullable = pa.schema(
        [(f.name, pa.list_(f.type.value_type) if pa.types.is_list(f.type) else f.type) for f in NATIVE_SCHEMA]
    )
    pq.write_table(pa.Table.from_pylist(rows, nullable), tmp_path / "s.parquet", compression="zstd")
    for row, (_, back) in zip(rows, iterate_native(tmp_path / "s.parquet"), strict=True):
        assert np.array_equal(back.flux, row["flux"])
    values = pa.list_(pa.float32(), 4)
    columns = dict(specobjid=pa.array([1], pa.uint64()), z=pa.array([0.1], pa.float32()))
    pq.write_table(
        pa.table(columns | {key: pa.array([[1, 2, 3, 4]], values) for key in ("flux", "ivar")}), tmp_path / "g"
    )
    assert read_gridded(tmp_path / "g").flux.tolist() == [[1, 2, 3, 4]]


def test_rejected_rows_come_back_whatever_their_detail_holds(tmp_path):
    error = FetchError('a "quoted", thing; é', reason="refused", got="two\nlines")
    rows = [rejected_row(target(0), "fetch", error)]
    write_rejected(tmp_path / "r.csv", rows)
    assert read_rejected([tmp_path / "r.csv"]).equals(rejected_frame(rows))


def test_every_spectrum_is_kept_or_rejected_with_a_reason(tmp_path):
    rng = np.random.default_rng(1)
    spectra = [spectrum(rng, level) for level in (1, 1, -1, 1, 1)] + [spectrum(rng, z=0.9)]
    rows = [native_row(target(i, s.z), s) for i, s in enumerate(spectra)]
    write_native(tmp_path / "s.parquet", [native_table(rows)])
    gridded, rejected = grid_shard(tmp_path / "s.parquet", "observed", GRID, CONFIG)
    assert [row["reason"] for row in rejected] == ["median not positive", "no normalisation window"]
    assert sorted([*gridded.specobjid, *(row["specobjid"] for row in rejected)]) == [2**63 + i for i in range(6)]
    write_rejected(tmp_path / "r.csv", rejected)
    assert read_rejected([tmp_path / "r.csv"])["specobjid"].tolist() == [2**63 + 2, 2**63 + 5]


def test_a_shard_with_too_many_rejected_says_the_counts(tmp_path):
    rng = np.random.default_rng(1)
    rows = [native_row(target(i), spectrum(rng, level=-1)) for i in range(4)]
    write_native(tmp_path / "s.parquet", [native_table(rows)])
    with pytest.raises(TooManyRejected, match="4 of 4 spectra were rejected: 4 median not positive"):
        grid_shard(tmp_path / "s.parquet", "observed", GRID, CONFIG)


def test_a_rejected_row_names_the_stage():
    class Fault(Exception):
        reason = "missing"

    row = rejected_row(target(1), "fetch", Fault("not on the server"))
    assert (row["stage"], row["reason"], row["detail"]) == ("fetch", "missing", "not on the server")


def test_a_sample_that_was_not_fetched_is_named():
    rejected = rejected_frame(
        [rejected_row(dict(specobjid=2**63 + 1, plate=1, mjd=2, fiberid=3), "fetch", FetchError("x"))]
    )
    fetched = [np.array([5, 2**63 + 7], "u8"), np.array([], "u8")]
    check_complete(np.array([5, 2**63 + 1, 2**63 + 7], "u8"), fetched, rejected)
    with pytest.raises(CatalogError, match=r"2 spectra of the sample.*got specobjid 6, for one"):
        check_complete(np.array([6, 5, 2**63 + 8], "u8"), fetched, rejected)


def test_a_list_of_shards_names_them_in_order_with_their_spectra(tmp_path):
    paths = [tmp_path / f"{i:04d}.parquet" for i in (2, 0, 1)]
    for path, n in zip(paths, (3, 0, 5), strict=True):
        write_gridded(path, Gridded(np.arange(n, dtype="u8"), np.zeros(n), np.zeros((n, 4)), np.zeros((n, 4))))
    listed = list_shards(map(str, paths))
    assert listed[["shard", "n"]].to_dict("list") == {"shard": ["0002", "0000", "0001"], "n": [3, 0, 5]}
    assert listed["sha256"].tolist() == [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    listed.to_csv(tmp_path / "shards.csv", index=False)
    assert listed_shards(tmp_path / "shards.csv") == list(map(str, paths))


def test_a_shard_written_anew_changes_the_list(tmp_path):
    path = tmp_path / "0000.parquet"
    lists = []
    for level in (1.0, 2.0):
        write_gridded(path, Gridded(np.arange(2, dtype="u8"), np.zeros(2), np.full((2, 4), level), np.ones((2, 4))))
        os.utime(path, ns=(0, int(level)))  # clocks may be too coarse to tell the two apart
        lists.append(list_shards([path]))
    assert not lists[0].equals(lists[1])
    assert lists[0]["n"].equals(lists[1]["n"])
