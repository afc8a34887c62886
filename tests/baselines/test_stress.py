"""What the stress tests do to a spectrum, and no more."""

import numpy as np
import pytest

from galspec_core.baselines.stress import GAP, degraded, macro_f1, remove, shift


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
