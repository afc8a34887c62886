"""What the stress tests do to a spectrum, and no more."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.baselines.stress import BINS, COLUMNS, GAP, by_bins, degraded, macro_f1, remove, shift
from galspec_core.spectra.shard import Gridded


def test_a_shift_by_one_pixel_of_a_log_grid_moves_a_line_by_one_pixel(spectra):
    wave = 10 ** (3.6 + 1e-4 * np.arange(spectra.flux.shape[1]))
    moved = shift(spectra, wave, 10**1e-4 - 1)
    assert np.allclose(moved.flux[:, 1:], spectra.flux[:, :-1], atol=1e-4)
    assert np.allclose(moved.ivar[:, 0], 0)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
def test_the_share_asked_for_is_gone_in_gaps_and_the_rest_is_untouched(spectra, share):
    less = remove(spectra, share, seed=1)
    good = spectra.ivar > 0
    gone = good & (less.ivar == 0)
    assert np.all(np.abs(gone.sum(axis=1) - share * good.sum(axis=1)) <= GAP)
    assert np.array_equal(less.flux[~gone & good], spectra.flux[~gone & good])
    row = 5
    runs = np.flatnonzero(np.diff(np.concatenate([[0], (less.ivar[row] == 0).astype(int), [0]])))
    start, end = next((a, b) for a, b in zip(runs[::2], runs[1::2], strict=True) if a > 0 and b < spectra.flux.shape[1])
    bridge = np.interp(np.arange(start, end), [start - 1, end], less.flux[row, [start - 1, end]])
    assert np.allclose(less.flux[row, start:end], bridge, atol=1e-5)


def test_no_change_is_no_change(spectra):
    wave = np.linspace(4000, 5000, spectra.flux.shape[1])
    for _, value, changed in degraded(spectra, wave, [0.0], [0.0], 0):
        assert value == 0
        assert changed is spectra


def test_macro_f1_is_the_mean_over_classes_and_nothing_where_one_is_missing():
    label, predicted = np.array(["A", "A", "B", "B"]), np.array(["A", "B", "B", "B"])
    assert macro_f1(label, predicted) == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert np.isnan(macro_f1(label, predicted, {"A", "B", "C"}))


@pytest.mark.parametrize("steps", [1, 7, -5])
def test_whole_steps_of_a_log_grid_are_whole_pixels(spectra, steps):
    wave = 10 ** (3.6 + 1e-4 * np.arange(spectra.flux.shape[1]))
    moved = shift(spectra, wave, 10 ** (1e-4 * steps) - 1)
    kept = slice(steps, None) if steps > 0 else slice(None, steps)
    assert np.allclose(moved.flux[:, kept], np.roll(spectra.flux, steps, axis=1)[:, kept], atol=1e-4)
    lost = slice(None, steps) if steps > 0 else slice(steps, None)
    assert (moved.ivar[:, lost] == 0).all()  # beyond the edge nothing was measured
    edge = 0 if steps > 0 else -1
    assert np.allclose(moved.flux[:, lost], spectra.flux[:, [edge]])  # the edge is held


def test_a_line_stands_where_its_redshift_puts_it():
    wave = np.linspace(4000, 9000, 2001)
    flux = 1 + np.exp(-0.5 * ((wave - 5000) / 15) ** 2)[None].astype("f4")
    one = Gridded(np.array([1], "u8"), np.zeros(1, "f4"), flux.astype("f4"), np.ones((1, 2001), "f4"))
    assert wave[shift(one, wave, 0.03).flux[0].argmax()] == pytest.approx(5000 * 1.03, abs=2.5)


def test_nothing_asked_for_is_the_identity(spectra):
    wave = np.linspace(4000, 5000, spectra.flux.shape[1])
    for same in (shift(spectra, wave, 0.0), remove(spectra, 0.0, seed=0)):
        for key in ("specobjid", "z", "flux", "ivar"):
            assert np.array_equal(getattr(same, key), getattr(spectra, key))


def test_what_is_removed_follows_from_the_seed_and_leaves_its_input_alone(spectra):
    before = spectra.flux.copy(), spectra.ivar.copy()
    first, again, other = (remove(spectra, 0.2, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.ivar, again.ivar)
    assert not np.array_equal(first.ivar, other.ivar)
    assert np.array_equal(spectra.flux, before[0])
    assert np.array_equal(spectra.ivar, before[1])
    assert len({row.tobytes() for row in first.ivar}) > len(spectra) / 2  # gaps differ between spectra


def test_removing_bridges_every_gap_by_a_straight_line(spectra):
    less = remove(spectra, 0.3, seed=2)
    pixels = np.arange(spectra.flux.shape[1])
    without = less.ivar[:, 10] > 0  # no gap among the bad first pixels: these stay as they are
    assert np.array_equal(less.flux[without, :10], spectra.flux[without, :10])
    for row in range(len(spectra)):
        gone = (spectra.ivar[row] > 0) & (less.ivar[row] == 0)
        kept = ~gone & ((pixels >= 10) | ~gone[10])  # a gap that starts at the bad first pixels takes some of them
        inner = gone & (pixels > np.flatnonzero(~gone & (pixels >= 10)).min())
        expected = np.interp(pixels, pixels[kept], less.flux[row, kept])
        assert np.allclose(less.flux[row, inner], expected[inner], atol=1e-5)


def test_bins_share_the_test_spectra_and_measure_each_of_them(spectra, manifest):
    rng = np.random.default_rng(0)
    manifest = manifest.assign(z=rng.random(len(manifest)))
    label = rng.choice(["AGN", "SF"], len(spectra))
    parts = []
    for method in ("paper", "pca"):
        predicted = np.where(rng.random(len(spectra)) < 0.8, label, "SF")
        columns = dict(specobjid=spectra.specobjid, method=method, seed=0, label=label, predicted=predicted)
        parts.append(pd.DataFrame(columns))
    votes = pd.concat(parts, ignore_index=True)
    table = by_bins(votes, manifest)
    assert list(table.columns) == COLUMNS
    assert table.groupby(["test", "method"]).size().tolist() == [BINS] * 4
    assert (table["n"] == len(spectra) / BINS).all()
    faint = np.argsort(manifest["snr"])[: len(spectra) // BINS]
    row = table[(table["test"] == "snr") & (table["method"] == "paper")].sort_values("value").iloc[0]
    assert row["value"] == pytest.approx(np.median(manifest["snr"].iloc[faint]))
    assert row["f1"] == pytest.approx(macro_f1(label[faint], votes["predicted"].to_numpy()[faint]))
