"""The filter in words: what it means, and that nothing in it is ever run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galspec_core.errors import SearchError
from galspec_core.search.where import parse_where

Z = np.array([0.05, 0.2, np.nan, 0.1])
WORD = np.array(["LINER", "SF", "Lens", "SF"], dtype=object)
ID = np.array([1, 2**63 + 5, 7, 8], dtype="u8")
COLUMNS = {"z": lambda: Z, "class": lambda: WORD, "specobjid": lambda: ID}


def where(text):
    return parse_where(text, COLUMNS, 4).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("z < 0.1 and class == 'LINER'", [1, 0, 0, 0]),
        ("class in ('SF', 'Lens')", [0, 1, 1, 1]),
        ("class not in ['SF']", [1, 0, 1, 0]),
        ("not z < 0.1", [0, 1, 0, 1]),  # the third has no z: whatever is asked of it, it never fits
        ("z != 0.2", [1, 0, 0, 1]),
        ("z not in (0.2,)", [1, 0, 0, 1]),
        ("not (z in (0.2,) or z > 0.1)", [1, 0, 0, 1]),
        ("not (0.07 < z < 0.3)", [1, 0, 0, 0]),
        ("not not z < 0.1", [1, 0, 0, 0]),
        ("not (z < 0.1 and class == 'LINER')", [0, 1, 1, 1]),  # the third is no LINER, with any z
        ("1 < 2 <= specobjid", [0, 1, 1, 1]),
        ("0 < z <= .1 or class == 'Lens'", [1, 0, 1, 1]),
        ("0.1 >= z", [1, 0, 0, 1]),
        ("specobjid == 9223372036854775813", [0, 1, 0, 0]),
        ("z > -1", [1, 1, 0, 1]),
        ('class != "SF"', [1, 0, 1, 0]),
        ("(z < 0.3 and not class == 'SF')", [1, 0, 0, 0]),
        ("class in ()", [0, 0, 0, 0]),
        ("1 < 2", [1, 1, 1, 1]),
    ],
)
def test_it_means_what_it_says(text, expected):
    assert where(text) == [bool(one) for one in expected]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('id')", "z.__class__ == 1", "(lambda: 1)() == 1", "@z < 1", "z < 1; z", "z := 1", "[z for z in z]",
        "z if z else z", "f'{z}' == class", "class[0] == 'SF'", "z + 1 < 2", "z ** 9 ** 9 ** 9 < 1", "z is None", "z < True",
        "-class == 'a'", "z < 1j", "*z", "{'a': 1}", "print(z)", "z in class", "await z", "yield", "z & 1", "b'a' == class",
    ],
)  # fmt: skip
def test_whatever_is_no_comparison_is_refused(text):
    with pytest.raises(SearchError, match="--where"):
        where(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "z <",
        "(" * 300 + "z<1" + ")" * 300,
        "z<" + "9" * 1900,
        "z\0<1",
        "z<1\nz<2",
        "z" * 2001,
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(text):
    with pytest.raises(SearchError, match="--where"):
        where(text)


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(SearchError, match=r"no column clas; expected one of z, class, specobjid. Did you mean class\?"):
        where("clas == 'SF'")


@pytest.mark.parametrize("text", ["z == 'SF'", "class < 3", "class in (1, 2)", "z in ('a',)"])
def test_numbers_and_texts_are_not_compared(text):
    with pytest.raises(SearchError, match="a number and a text"):
        where(text)


def test_a_column_is_made_only_when_it_is_asked_for():
    def never():
        raise AssertionError

    assert parse_where("z < 1", {"z": lambda: Z, "class": never}, 4).sum() == 3


CONDITIONS = st.recursive(
    st.sampled_from(["z < 0.1", "z != 0.1", "z in (0.2,)", "0 < z <= 0.1", "class == 'SF'", "class not in ('SF',)"]),
    lambda inner: st.builds("not ({})".format, inner) | st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner),
)  # fmt: skip


@given(CONDITIONS)
def test_a_condition_and_its_contrary_share_the_entries_that_were_measured(text):
    fits, fails = np.array(where(text)), np.array(where(f"not ({text})"))
    assert not (fits & fails).any()
    assert (fits | fails)[np.isfinite(Z)].all()
    assert "class" in text or not (fits | fails)[2]


@given(st.text(alphabet="z class<>=!()[]'\"0.1andornti,_-+*/\\\n\t#", max_size=40))
def test_any_text_gives_an_answer_or_a_sentence(text):
    try:
        found = parse_where(text, COLUMNS, 4)
    except SearchError:
        return
    assert (found.dtype, found.shape) == (bool, (4,))
