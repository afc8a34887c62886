"""Table B1 says why a target was missed, by a rule that can be checked on made spectra."""

import numpy as np
import pandas as pd
import pytest

from galspec_core.errors import SearchError
from galspec_core.search.failures import (
    ANOTHER,
    COLUMNS,
    NARROW,
    STARVED,
    chi_square,
    count_subtypes,
    excess_share,
    feature_mode,
    missed_targets,
    missed_votes,
    read_spectra,
    spectra_needed,
)
from galspec_core.spectra.shard import Gridded, write_gridded

BASE, PIXELS, SD = 2**63, 3000, 0.05
AT = np.arange(PIXELS)
LINE = 2.0 * np.exp(-0.5 * ((AT - 1200) / 4) ** 2)
TILT = 0.4 * (AT / PIXELS - 0.5)


def spectrum(seed, feature=0.0):
    """Return flux and ivar of a flat continuum of 1 with noise, and a feature on it."""
    noise = np.random.default_rng(seed).normal(0, SD, PIXELS)
    return 1 + noise + feature, np.full(PIXELS, SD**-2)


@pytest.fixture
def spectra():
    return {BASE + i: spectrum(i) for i in range(1, 10)}


@pytest.fixture
def votes():
    rows = [
        (BASE, "pca", seed, label, predicted, [BASE + 1, BASE + 2, BASE + 3])
        for seed in (1, 0)
        for label, predicted in (("Outlier", "other"), ("Outlier", "Outlier"), ("other", "other"), ("other", "Outlier"))
    ]
    columns = ["specobjid", "method", "seed", "label", "predicted", "neighbour_ids"]
    return pd.DataFrame(rows, columns=columns).astype({"specobjid": "uint64"})


@pytest.fixture
def entries():
    n = 30
    return pd.DataFrame(
        {
            "specobjid": np.arange(BASE + 1, BASE + 1 + n, dtype="u8"),
            "label": ["SF", "", "Lens+LINER", *["LINER+Outlier"] * 12, *["Outlier"] * 3, *["SF"] * 12],
            "subtype": ["", "", "", *["sodium excess"] * 12, *["broad lines"] * 3, *["sodium excess"] * 12],
            "seeds": [[0, 1]] * 10 + [[0]] * 20,
        }
    )


@pytest.fixture
def roles():
    ids = np.array([BASE, BASE, BASE], dtype="u8")
    return pd.DataFrame(
        {"specobjid": ids, "task": ["outlier", "outlier", "lens"], "subtype": ["sodium excess", "sodium excess", ""]}
    )


def near_vote(votes, **own):
    return next(missed_votes(votes, "Outlier", "pca").assign(**own).head(1).itertuples())


def test_only_missed_targets_of_one_method_are_listed_seed_by_seed(votes):
    missed = missed_votes(votes, "Outlier", "pca")
    assert missed["seed"].tolist() == [0, 1]
    assert (missed["predicted"] == "other").all()
    assert spectra_needed(missed).tolist() == [BASE, BASE + 1, BASE + 2, BASE + 3]
    with pytest.raises(SearchError, match="paper"):
        missed_votes(votes, "Outlier", "paper")


def test_an_added_line_is_a_narrow_feature_window(votes, spectra):
    assert feature_mode(near_vote(votes), spectra | {BASE: spectrum(0, LINE)}) == NARROW


@pytest.mark.parametrize("feature", [TILT, 0.0], ids=["tilted continuum", "noise alone"])
def test_a_tilted_continuum_and_mere_noise_are_other(votes, spectra, feature):
    assert feature_mode(near_vote(votes), spectra | {BASE: spectrum(0, feature)}) == ANOTHER


def test_a_spectrum_that_is_not_there_is_other(votes, spectra):
    assert feature_mode(near_vote(votes), spectra) == ANOTHER


def test_chi_square_of_noise_is_one_a_pixel():
    near = [spectrum(i) for i in (1, 2, 3)]
    flux, ivar = (np.stack(values) for values in zip(*near, strict=True))
    assert chi_square(*spectrum(0), flux, ivar).mean() == pytest.approx(1, abs=0.1)


def test_bad_pixels_do_not_count():
    ivar, near_ivar = np.array([1.0, 0, 1, 1]), np.array([[1.0, 1, 0, 0], [1, 1, 0, 1]])
    near = np.array([[1.0, 1, 1, 99], [3, 1, 1, 5]])
    chi2 = chi_square(np.array([4.0, 50, 50, 5]), ivar, near, near_ivar)
    assert chi2.tolist() == pytest.approx([2**2 / (1 + 0.5), 0])


def test_the_share_of_one_high_pixel_is_its_window():
    chi2 = np.ones(1000)
    chi2[500] += 1e6
    assert excess_share(chi2, window=10, half=0.5) == pytest.approx(5 / 1000)
    assert excess_share(chi2 * 0) == 1
    assert excess_share(np.ones(3)) == 1


def test_a_rare_subtype_starves_whatever_its_spectrum(votes, entries, roles, spectra):
    missed = missed_votes(votes, "Outlier", "pca")
    table = missed_targets("outlier", "Outlier", missed, entries, roles, spectra | {BASE: spectrum(0, LINE)})
    assert list(table.columns) == COLUMNS
    assert table["n_subtype_in_kb"].tolist() == [12, 7]
    assert table["failure_mode"].tolist() == [NARROW, STARVED]
    assert table["neighbour_classes"].tolist() == ["SF/unlabelled/Lens+LINER"] * 2
    assert table["specobjid"].tolist() == [BASE, BASE]
    assert set(missed_targets("outlier", "Outlier", missed, entries, roles, spectra, few=13)["failure_mode"]) == {
        STARVED
    }


def test_none_missed_is_an_empty_table(votes, entries, roles):
    missed = missed_votes(votes, "Outlier", "pca").head(0)
    assert spectra_needed(missed).tolist() == []
    assert list(missed_targets("outlier", "Outlier", missed, entries, roles, {}).columns) == COLUMNS


def test_subtypes_are_counted_among_targets_of_the_seed(entries):
    assert count_subtypes(entries, "Outlier", 0).to_dict() == {"sodium excess": 12, "broad lines": 3}
    assert count_subtypes(entries, "Outlier", 9).empty


def test_spectra_are_read_from_the_shards_that_hold_them(tmp_path):
    ids = np.arange(BASE, BASE + 4, dtype="u8")
    manifest = pd.DataFrame({"specobjid": ids, "shard": ["0", "0", "1", "2"]})
    paths = {name: tmp_path / f"{name}.parquet" for name in "01"}
    for name, rows in (("0", [0, 1]), ("1", [2])):
        values = np.repeat(np.array(rows, dtype="f4")[:, None], 5, axis=1)
        write_gridded(paths[name], Gridded(ids[rows], np.zeros(len(rows), "f4"), values, values + 1))
    read = read_spectra(ids[1:3], manifest, paths)
    assert sorted(read) == [BASE + 1, BASE + 2]
    assert read[BASE + 2][0].tolist() == [2.0] * 5
    assert read[BASE + 2][1].tolist() == [3.0] * 5
