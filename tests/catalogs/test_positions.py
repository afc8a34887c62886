"""Positions and draws: who shares a place on the sky, and dice that any machine throws alike."""

import math

import numpy as np
import pytest

from galspec_core.catalogs.draws import draw, hashed, splitmix64, uniform
from galspec_core.catalogs.positions import chord, link, on_training_side, position_ids, separation, unit_vectors


@pytest.mark.parametrize("seed", range(6))
def test_linking_is_that_of_every_pair(make, seed):
    rng = np.random.default_rng(seed)
    centre = [(0.0, 0.0), (359.9999, 10.0), (123.0, 90.0), (200.0, -89.9999), (10.0, 60.0), (77.0, -45.0)][seed]
    offsets = np.deg2rad(rng.uniform(-8, 8, (40, 3)) / 3600)  # a crowded field, also across the pole and ra = 0
    x, y, z = (unit_vectors([centre[0]], [centre[1]]) + offsets).T
    ra, dec = np.rad2deg(np.arctan2(y, x)) % 360, np.rad2deg(np.arctan2(z, np.hypot(x, y)))
    ours, brute = link(ra, dec, 1.5), make["groups"](ra, dec, 1.5)
    np.testing.assert_array_equal(ours[:, None] == ours, brute[:, None] == brute)
    assert 1 < len(set(ours)) < 40


def test_a_chain_is_one_position():
    dec = np.arange(4) * 1.4 / 3600  # A-B-C-D: each 1.4 arcsec from the next, the ends 4.2 apart
    assert len(set(link(np.zeros(4), dec, 1.5))) == 1
    assert len(set(link(np.zeros(4), dec, 1.3))) == 4


def test_chord_and_separation_are_inverse():
    for arcsec in (0.5, 1.5, 2.0, 3600.0):
        np.testing.assert_allclose(separation([10.0], [0.0], [10.0], [arcsec / 3600]), arcsec, rtol=1e-8)
        np.testing.assert_allclose(chord(arcsec), math.radians(arcsec / 3600), rtol=1e-4)


def test_separations_from_one_place_are_great_circles():
    apart = separation([10.0], [60.0], [10.0, 10.0, 12.0, 190.0], [60.0, 61.0, 60.0, -60.0])
    np.testing.assert_allclose(apart, [0, 3600, 3600, 648000], rtol=5e-3, atol=1e-6)


def test_position_id_is_the_smallest_of_its_group_above_2_63_too():
    big = np.array([2**63 + 5, 7, 2**63 + 1, 9], dtype="u8")
    assert position_ids(big, np.array([0, 1, 0, 1])).tolist() == [2**63 + 1, 7, 2**63 + 1, 7]


def test_test_side_has_its_share_of_positions():
    share = 1 - on_training_side(np.arange(1, 20_001, dtype="u8"), 0.3, 2025).mean()
    assert abs(share - 0.3) < 5 * math.sqrt(0.3 * 0.7 / 20_000)


def test_splitmix64_gives_its_published_numbers():
    first = splitmix64(np.array([0], "u8"))[0]
    second = splitmix64(np.array([0x9E3779B97F4A7C15], "u8"))[0]
    assert (first, second) == (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4)  # of seed 0 (Vigna's reference code)


def test_hashes_are_uniform_and_independent():
    own = np.arange(100_000, dtype="u8") << np.uint64(24)
    u, other, purpose = uniform(own, 1, "a"), uniform(own, 2, "a"), uniform(own, 1, "b")
    assert u.min() >= 0
    assert u.max() < 1
    assert np.abs(np.histogram(u, 20)[0] - 5000).max() < 5 * np.sqrt(5000)
    assert max(abs(np.corrcoef(u, v)[0, 1]) for v in (other, purpose)) < 0.02
    assert len(np.unique(hashed(own, 1, "a"))) == len(own)


def test_a_draw_grows_without_changing_and_ignores_order():
    own = np.random.default_rng(0).integers(0, 2**63, 200).astype("u8")
    rows = np.arange(200)
    few, many = set(own[draw(rows, own, 20, 5, "x")]), set(own[draw(rows, own, 60, 5, "x")])
    assert len(few) == 20
    assert few < many
    assert set(own[::-1][draw(rows, own[::-1], 20, 5, "x")]) == few
