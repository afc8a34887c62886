"""The consistency measure: an embedding that ignores noise finds every galaxy, one that ignores galaxies finds none."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.search import consistency as c
from galspec_core.spectra.shard import Gridded

SETTINGS = c.Consistency(
    distractors=20, snr=(30.0, 8.0), galaxies=50, least_drop=1.5, max_dz=0.002, test_side=5, seed=0
)


@pytest.fixture
def survey():
    """Sixty spectra at thirty positions, two of each galaxy at one redshift."""
    place = np.repeat(np.arange(30), 2)
    return pd.DataFrame(
        {
            "specobjid": np.arange(60, dtype="u8") + 2**63,
            "position": place.astype("u8"),
            "z": 0.1 + 0.001 * place,
            "snr": 20.0,
            "side": np.where(place < 10, "test", "training"),
        }
    )


def test_one_position_at_two_redshifts_is_no_repeat(survey):
    """A position may join spectra that were made of one parent at other redshifts."""
    survey.loc[1, "z"] += 0.1
    queries, targets = c.repeat_pairs(survey, 0.002)
    assert len(targets) == 29
    assert (queries != targets).all()
    assert (survey["position"].to_numpy()[queries] == survey["position"].to_numpy()[targets]).all()
    assert 0 not in survey["position"].to_numpy()[targets]


def test_pairs_do_not_depend_on_the_order_of_rows(survey):
    mixed = survey.sample(frac=1, random_state=0).reset_index(drop=True)
    ids = [
        {tuple(table["specobjid"].to_numpy()[list(pair)]) for pair in zip(*c.repeat_pairs(table, 0.002), strict=True)}
        for table in (survey, mixed)
    ]
    assert ids[0] == ids[1]


def test_strangers_are_at_other_positions_and_nearest_in_redshift(survey):
    (found,) = c.distractors(survey, np.array([20]), 4)
    assert set(survey["position"].to_numpy()[found]) == {9, 11}


def test_all_strangers_serve_where_there_are_too_few(survey):
    (found,) = c.distractors(survey, np.array([20]), 500)
    assert len(found) == 58


def test_degraded_spectra_have_the_noise_that_their_ivar_says():
    """chi of the added noise has variance 1, and ivar gives the S/N that was asked for."""
    flux, ivar = np.ones((1, 20000), "f4"), np.full((1, 20000), 900, "f4")
    noisy, less = c.degrade(flux, ivar, np.array([30.0]), 8.0, [2**63 + 5], 0)
    assert less == pytest.approx(64.0)
    added = 1 / 64 - 1 / 900
    assert np.var(noisy - flux) == pytest.approx(added, rel=0.05)


def test_faint_spectra_stay_and_filled_pixels_follow_their_neighbours():
    flux, ivar = np.ones((2, 50), "f4"), np.full((2, 50), 100, "f4")
    ivar[:, 30:] = 0
    noisy, less = c.degrade(flux, ivar, np.array([10.0, 5.0]), 8.0, [1, 2], 0)
    np.testing.assert_array_equal(noisy[1], flux[1])
    np.testing.assert_array_equal(noisy[0, 30:], noisy[0, 29])
    assert (less[:, 30:] == 0).all()
    assert flux[0, 0] == 1


def test_an_embedding_that_ignores_noise_finds_every_galaxy(survey):
    embedding = survey["position"].to_numpy()[:, None].astype("f4")
    row = c.score_repeats("perfect", survey, embedding, SETTINGS, 100)
    assert (row["n"], row["n_positions"], row["n_distractors"]) == (10, 10, 20)
    assert row["recall_at_1"] == row["recall_at_1_lo"] == row["median_rank"] == 1
    assert row["distance_ratio"] == 0
    assert row["note"] == "test side"


def test_an_embedding_that_knows_nothing_finds_none(survey):
    """Ties go to the strangers."""
    row = c.score_repeats("constant", survey, np.zeros((60, 3), "f4"), SETTINGS, 100)
    assert row["recall_at_1"] == 0
    assert row["median_rank"] == 21


def test_both_sides_serve_where_the_test_side_has_too_few(survey):
    settings = c.Consistency(**{**vars(SETTINGS), "test_side": 11})
    row = c.score_repeats("any", survey, np.zeros((60, 3), "f4"), settings, 10)
    assert (row["n"], row["note"]) == (30, "both sides")


def test_a_survey_without_repeats_says_so(survey):
    alone = survey.drop_duplicates("position").reset_index(drop=True)
    row = c.score_repeats("any", alone, np.zeros((30, 3), "f4"), SETTINGS, 10)
    assert row["n"] == 0
    assert "no pair" in row["note"]


class Mean:
    """An encoder whose embedding is the mean flux."""

    def embed(self, flux, ivar, z):
        return flux.mean(axis=1, keepdims=True)


def test_added_noise_is_the_same_every_time_and_bright_spectra_are_brought_down(survey, monkeypatch):
    """A mean over many pixels keeps galaxies apart whatever the noise."""
    survey = survey.drop_duplicates("position").reset_index(drop=True).assign(snr=60.0)
    level = 1 + np.arange(30, dtype="f4")[:, None]
    flux, ivar = level * np.ones((30, 4000), "f4"), (60 / level) ** 2 * np.ones((30, 4000), "f4")

    def read(path, ids):
        keep = survey["specobjid"].isin(ids).to_numpy()
        return Gridded(survey["specobjid"].to_numpy()[keep], survey["z"].to_numpy()[keep], flux[keep], ivar[keep])

    monkeypatch.setattr(c, "read_gridded", read)
    embedding = Mean().embed(flux, ivar, None)
    rows = [c.score_noise("mean", survey, embedding, Mean(), ["one"], SETTINGS, 50) for _ in range(2)]
    assert rows[0] == rows[1]
    assert rows[0]["recall_at_1"] == 1
    assert 0 < rows[0]["distance_ratio"] < 1
    assert (rows[0]["snr_from"], rows[0]["snr_to"]) == (30, 8)
    assert "median S/N of distractors 30.0" in rows[0]["note"]
