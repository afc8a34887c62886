"""What holds for every identifier: no bit is lost, whatever form it comes in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from galspec_core.catalogs.draws import draw, uniform
from galspec_core.catalogs.ids import fibre_key, look_up, parse_specobjid
from galspec_core.catalogs.repeats import Repeats
from tests.catalogs.conftest import specobjid

IDS = st.lists(st.integers(1, 2**64 - 2), min_size=1, max_size=30)
FIBRES = st.tuples(st.integers(1, 2**14 - 1), st.integers(50000, 50000 + 2**14 - 1), st.integers(1, 2**12 - 1))
FORMS = {
    "uint64": lambda ids: ids,
    "wrapped int64": lambda ids: ids.view("i8"),
    "bytes": lambda ids: ids.astype("S22"),
    "text": lambda ids: ids.astype("U22"),
    "padded": lambda ids: np.array([f"  {i} " for i in ids], dtype=object),
}


@given(IDS, st.sampled_from(sorted(FORMS)))
def test_an_identifier_survives_every_form(ids, form):
    ids = np.array(ids, dtype="u8")
    np.testing.assert_array_equal(parse_specobjid(FORMS[form](ids), "test"), ids)


@given(st.lists(FIBRES, min_size=1, max_size=20, unique=True))
def test_plate_mjd_and_fibre_go_into_a_specobjid_and_come_out(fibres):
    plate, mjd, fiberid = np.array(fibres).T
    ids = specobjid(plate, mjd, fiberid)
    back = parse_specobjid(ids.astype("S20"), "test")
    np.testing.assert_array_equal(back >> np.uint64(50), plate)
    np.testing.assert_array_equal((back >> np.uint64(24)) & np.uint64(2**14 - 1), mjd - 50000)
    np.testing.assert_array_equal((back >> np.uint64(38)) & np.uint64(2**12 - 1), fiberid)
    assert ((back >= 2**63) == (plate >= 2**13)).all()


@given(st.lists(FIBRES, min_size=1, max_size=20, unique=True))
def test_fibre_keys_are_one_to_one_and_can_be_taken_apart(fibres):
    plate, mjd, fiberid = np.array(fibres).T
    key = fibre_key(plate, mjd, fiberid)
    assert len(np.unique(key)) == len(fibres)
    np.testing.assert_array_equal(key >> np.uint64(40), plate)
    np.testing.assert_array_equal((key >> np.uint64(16)) & np.uint64(2**24 - 1), mjd)
    np.testing.assert_array_equal(key & np.uint64(2**16 - 1), fiberid)


@given(IDS, st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_looking_up_is_what_a_dictionary_does(known, wanted):
    first = {}
    for row, value in enumerate(known):
        first.setdefault(value, row)
    wanted = [*wanted, *known[:3], 0]
    assert look_up(wanted, known).tolist() == [first.get(value, -1) for value in wanted]


@given(IDS, st.integers(1, 7))
def test_repeats_are_found_across_any_slices(ids, size):
    repeats, ids = Repeats(), np.array(ids, dtype="u8")
    new = np.concatenate([repeats.first(ids[i : i + size]) for i in range(0, len(ids), size)])
    assert sorted(ids[new].tolist()) == sorted(set(ids.tolist()))
    assert repeats.n == len(ids) - new.sum()


@given(st.lists(st.integers(1, 2**64 - 2), min_size=1, max_size=30, unique=True), st.integers(0, 99), st.randoms())
def test_a_draw_depends_on_the_identifiers_and_not_on_their_order(ids, seed, random):
    shuffled, n = list(ids), (len(ids) + 1) // 2
    random.shuffle(shuffled)
    ours, theirs = (np.array(values, dtype="u8") for values in (ids, shuffled))
    rows = np.arange(len(ids))
    taken = (set(values[draw(rows, values, n, seed, "test")].tolist()) for values in (ours, theirs))
    assert next(taken) == next(taken)
    assert ((uniform(ours, seed, "test") >= 0) & (uniform(ours, seed, "test") < 1)).all()
