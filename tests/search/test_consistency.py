"""A galaxy is known again by what it is, not by its redshift or its S/N."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search.consistency import (
    brightest,
    degrade,
    measure_noise,
    measure_repeats,
    nearest_strangers,
    repeat_pairs,
    score_consistency,
)
from galspec_core.spectra.shard import Gridded

SETTINGS = {"distractors": 40, "snr": [30.0, 8.0], "max_dz": 0.002, "n": 50}


def survey(n=200, seed=0):
    """Return a manifest in which every second position has two spectra of one redshift."""
    rng = np.random.default_rng(seed)
    position = np.arange(n, dtype="u8") // 2
    position[1::4] = 10_000 + np.arange(len(position[1::4]))
    z = rng.uniform(0.05, 0.3, n)
    same = np.flatnonzero(np.append(position[1:] == position[:-1], False))
    z[same + 1] = z[same]
    return pd.DataFrame(
        {
            "specobjid": np.arange(2, n + 2, dtype="u8"),
            "position": position,
            "z": z,
            "snr": rng.uniform(5, 50, n),
            "side": np.where(position % 2 == 0, "test", "training"),
        }
    )


def test_pairs_are_one_galaxy_and_the_fainter_spectrum_asks():
    manifest = survey()
    query, partner = repeat_pairs(manifest, 0.002)
    assert len(query) == 50
    assert (manifest["position"].to_numpy()[query] == manifest["position"].to_numpy()[partner]).all()
    assert (manifest["snr"].to_numpy()[query] <= manifest["snr"].to_numpy()[partner]).all()
    moved = manifest.assign(z=manifest["z"] + 0.01 * (manifest.index % 2))
    assert repeat_pairs(moved, 0.002).shape == (2, 0)


def test_strangers_are_alike_in_redshift_and_never_the_galaxy_itself():
    manifest = survey()
    partner = repeat_pairs(manifest, 0.002)[1]
    strangers = nearest_strangers(manifest, partner, 10)
    position, z = manifest["position"].to_numpy(), manifest["z"].to_numpy()
    assert (position[strangers] != position[partner][:, None]).all()
    assert np.abs(z[strangers] - z[partner][:, None]).mean() < 0.5 * np.abs(z[:, None] - z).mean()
    assert nearest_strangers(manifest, partner, 1000).shape[1] == len(manifest) - 2


def test_an_embedding_of_the_galaxy_finds_it_and_one_of_its_redshift_does_not():
    manifest, rng = survey(), np.random.default_rng(1)
    galaxy = np.random.default_rng(2).normal(size=(20_000, 6))[manifest["position"].to_numpy().astype(int)]
    good = measure_repeats(galaxy + 0.1 * rng.normal(size=galaxy.shape), manifest, SETTINGS)
    bad = measure_repeats(np.column_stack([manifest["z"], rng.normal(size=len(manifest))]), manifest, SETTINGS)
    assert good["recall_at_1"] > 0.95 > 0.2 > bad["recall_at_1"]
    assert good["median_rank"] == 1
    assert good["distance_ratio"] < 0.3 < 1 < bad["distance_ratio"]
    assert good["n"] == good["n_positions"] == 50
    assert good["n_distractors"] == 40


def test_noise_is_added_as_the_errors_say_and_only_downwards():
    flux, ivar = np.ones((2, 20_000), "f4"), np.full((2, 20_000), 400.0, "f4")
    ivar[:, :100] = 0
    noisy, weight = degrade(flux, ivar, np.array([20.0, 5.0]), 8.0, [3, 4])
    assert np.array_equal(noisy[1], flux[1])
    assert np.array_equal(noisy[:, :100], flux[:, :100])
    assert noisy[0, 100:].std() == pytest.approx(np.sqrt((2.5**2 - 1) / 400), rel=0.03)
    assert weight[0, 500] == pytest.approx(400 / 2.5**2)
    assert np.array_equal(noisy, degrade(flux, ivar, np.array([20.0, 5.0]), 8.0, [3, 4])[0])


def test_an_encoder_that_averages_noise_away_knows_a_galaxy_at_low_snr():
    manifest = survey()
    rows = brightest(manifest, "test", 40)
    assert manifest["position"].iloc[rows].is_unique
    level = np.random.default_rng(4).normal(size=(len(manifest), 3))
    flux = np.repeat(level, 500, axis=1).astype("f4")
    ivar = np.repeat(manifest["snr"].to_numpy()[:, None] ** 2, 1500, axis=1).astype("f4")
    spectra = Gridded(
        *(values[rows] for values in (manifest["specobjid"].to_numpy(), manifest["z"].to_numpy("f4"), flux, ivar))
    )
    means = measure_noise(level, manifest, lambda f, w, z: f.reshape(len(f), 3, -1).mean(axis=2), spectra, SETTINGS)
    pixel = measure_noise(
        flux[:, ::500], manifest, lambda f, w, z: 20 * f[:, ::500] - 19 * f[:, 1::500], spectra, SETTINGS
    )
    assert means["recall_at_1"] > 0.9 > pixel["recall_at_1"]
    assert means["test"] == "S/N 30 to 8"
    assert means["snr_from"] <= 30
    assert means["snr_to"] <= 8


def test_ranks_and_ratios_by_hand():
    rank, ratio = score_consistency(np.array([[0.0]]), np.array([[2.0]]), np.array([[[1.0], [4.0], [-1.5]]]))
    assert rank.tolist() == [3]
    assert ratio.tolist() == [2.0]
