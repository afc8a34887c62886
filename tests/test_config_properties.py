"""What holds for every merge of configurations."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from galspec_core.config import merge

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
KEYS = st.sampled_from("abcd")
CONFIGS = st.dictionaries(
    KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
)


def leaves(section, path=()):
    """Yield (path, value) of everything below a section that is no table with keys."""
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


@given(CONFIGS)
def test_nothing_merged_changes_nothing(config):
    assert merge(config, {}) == merge({}, config) == merge(config, config) == config


@given(CONFIGS, CONFIGS)
def test_the_later_one_wins_leaf_by_leaf_and_neither_is_changed(config, other):
    before = copy.deepcopy((config, other))
    merged = merge(config, other)
    assert (config, other) == before
    assert set(merged) == set(config) | set(other)
    for path, value in leaves(other):
        found = merged
        for key in path:
            found = found[key]
        assert found == value or (value == {} and isinstance(found, dict))


@given(CONFIGS, CONFIGS)
def test_a_key_that_the_later_one_lacks_stays(config, other):
    merged = merge(config, other)
    assert all(merged[key] == value for key, value in config.items() if key not in other)


@given(CONFIGS, CONFIGS)
def test_merging_twice_is_merging_once(config, other):
    assert merge(merge(config, other), other) == merge(config, other)
