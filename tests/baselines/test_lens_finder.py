"""Lens finders: a source of known redshift and S/N is found, without labels and at the place that is told."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from galspec_core.baselines.lens_finder import (
    CLASSICAL,
    ORACLE,
    REFUSED,
    classical,
    find_lenses,
    oracle_redshifts,
    read_truth,
)
from galspec_core.encoder.evidence import BACKGROUND, BEHIND
from galspec_core.errors import SearchError
from galspec_core.figures.completeness import draw_completeness
from galspec_core.figures.evidence import draw_evidence, evidence_curves
from galspec_core.figures.style import save_figure
from galspec_core.search.completeness import COLUMNS as COMPLETENESS
from galspec_core.search.evidence_case import choose_case, evidence, find_spectrum
from galspec_core.search.residuals import filtered_lines, joint, lines_behind, residual_of
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.shard import Gridded, write_gridded

GRID = Grid(frame="rest", spacing="log", wave=[2300.0, 9300.0], pixels=6068)
LOGLAM = np.log10(GRID.wavelengths)
Z, Z_SOURCE, SNR = 0.2, 0.6, 9.0
FIRST = np.uint64(2**63)


class Flat:
    """A model of galaxies that are flat: as a FactorEncoder without factors or lines."""

    loglam, pixels = LOGLAM, GRID.pixels
    excess = np.ones(2 * GRID.pixels, "f4")

    def left(self, flux, ivar):
        return np.where(ivar > 0, flux - 1, 0), ivar

    def reconstruct(self, flux, ivar):
        return np.ones_like(flux)


def source(z, z_source):
    sigma = np.log10(1 + 120.0 / 299792.458)
    centres = [(wave * (1 + z_source) / (1 + z), high) for parts in BACKGROUND.values() for wave, high in parts]
    return sum(high * np.exp(-0.5 * ((LOGLAM - np.log10(wave)) / sigma) ** 2) for wave, high in centres)


def spectra(n=60, lenses=10, noise=0.1, seed=0):
    """Return flat galaxies at Z, the first of them with a source at Z_SOURCE of matched-filter S/N SNR."""
    rng = np.random.default_rng(seed)
    flux = 1 + rng.normal(0, noise, (n, GRID.pixels))
    lines = source(Z, Z_SOURCE)
    flux[:lenses] += lines * SNR * noise / np.sqrt((lines**2).sum())
    ivar = np.full(flux.shape, 1 / noise**2, "f4")
    return Gridded(np.arange(n, dtype="u8") + FIRST, np.full(n, Z, "f4"), flux.astype("f4"), ivar)


@pytest.fixture
def survey(tmp_path):
    """Return the paths of two shards, votes on their spectra for two seeds, and the answer key."""
    whole, n, lenses = spectra(), 60, 10
    for i, rows in enumerate((slice(0, 25), slice(25, None))):
        write_gridded(tmp_path / f"{i}.parquet", whole[rows])
    label = np.where(np.arange(n) < lenses, "Lens", "other")
    votes = pd.DataFrame({"specobjid": whole.specobjid, "label": label, "score": 0.0})
    votes = pd.concat([votes.assign(seed=s, method=m) for m in ("a", "b") for s in (0, 1)], ignore_index=True)
    truth = pd.DataFrame({"specobjid": whole.specobjid[:lenses], "z": Z, "z_source": Z_SOURCE, "injected_sn": SNR})
    return sorted(tmp_path.glob("*.parquet")), votes, truth


def test_both_finders_find_sources_of_this_strength(survey):
    shards, votes, truth = survey
    table = find_lenses(votes, "lens", "Lens", Flat(), shards, truth).to_pandas()
    assert len(table) == 2 * 2 * 60
    assert not table.duplicated(["specobjid", "method", "seed"]).any()
    lens = table["label"] == "Lens"
    for method in (CLASSICAL, ORACLE):
        own = table["method"] == method
        assert (table[own & lens]["predicted"] == "Lens").mean() > 0.8
        assert (table[own & ~lens]["predicted"] == "Lens").mean() < 0.1
    oracle = table[(table["method"] == ORACLE) & lens]
    assert oracle["score"].mean() == pytest.approx(SNR, abs=1)
    assert np.allclose(table[(table["method"] == CLASSICAL) & lens]["z_source"], Z_SOURCE, atol=2e-3)


def test_the_oracle_does_not_pay_for_looking_elsewhere(survey):
    """On noise the best of all redshifts is far above the S/N at one that is drawn."""
    shards, votes, truth = survey
    table = find_lenses(votes, "lens", "Lens", Flat(), shards, truth).to_pandas()
    noise = table[table["label"] == "other"].assign(
        score=lambda t: np.where(t["score"] < 0, t["score"] + REFUSED, t["score"])
    )
    mean = noise.groupby("method")["score"].mean()
    assert mean[ORACLE] < 2.5 < mean[CLASSICAL]


def test_labels_change_neither_finder_but_for_where_the_oracle_looks(survey):
    shards, votes, truth = survey
    table = find_lenses(votes, "lens", "Lens", Flat(), shards, truth).to_pandas()
    swapped = votes.assign(label=np.where(votes["specobjid"] % 2 == 0, "Lens", "other"))
    other = find_lenses(swapped, "lens", "Lens", Flat(), shards, truth).to_pandas()
    a, b = (t[t["method"] == CLASSICAL].set_index(["specobjid", "seed"])["score"] for t in (table, other))
    pd.testing.assert_series_equal(a, b)


def test_without_a_key_there_is_no_oracle(survey):
    shards, votes, _ = survey
    table = find_lenses(votes, "lens", "Lens", Flat(), shards, read_truth([])).to_pandas()
    assert set(table["method"]) == {CLASSICAL}


@pytest.mark.parametrize(
    ("lines", "passed"),
    [
        ((3.1, 3.1, 0, 0), True),
        ((3.1, 2.9, 2.9, 2.9), False),
        ((6.1, -2, 0, 0), True),
        ((5.9, 0, 0, 0), False),
        ((0, 0, 0, 9.0), False),
    ],
)
def test_the_cuts_are_two_lines_above_three_or_the_doublet_above_six(lines, passed):
    score, found = classical(np.array([lines]))
    assert found[0] == passed
    assert (score[0] > 0) == passed


def test_a_candidate_is_scored_by_the_lines_above_the_cut():
    score, _ = classical(np.array([[4.0, 3.0, 2.9, -5.0], [0.0, 0.0, 0.0, 30.0]]))
    assert score[0] == pytest.approx(5)
    assert score[1] == pytest.approx(30 - REFUSED)


def test_negatives_are_looked_at_where_lenses_have_their_sources():
    rng = np.random.default_rng(0)
    z = rng.uniform(0.05, 0.5, 4000)
    truth = pd.DataFrame({"specobjid": np.arange(200, dtype="u8") + FIRST, "z": z[:200]})
    truth["z_source"] = truth["z"] + rng.uniform(0.2, 0.7, 200)
    ids = np.arange(4000, dtype="u8") + FIRST
    places = oracle_redshifts(ids, z, ids[:200], truth)
    assert np.allclose(places[:200], truth["z_source"])
    assert (places[200:] >= z[200:] + BEHIND).all()
    assert np.isin(places[200:], truth["z_source"]).all()
    near = places[200:][z[200:] < truth["z_source"].min() - BEHIND]  # every source would lie behind these
    assert ks_2samp(near, truth["z_source"]).pvalue > 0.01


def test_a_target_that_the_key_does_not_know_has_no_place_to_look():
    truth = pd.DataFrame({"specobjid": [FIRST], "z": [0.1], "z_source": [0.5]})
    ids = np.array([2**63, 2**63 + 1], dtype="u8")
    assert np.isnan(oracle_redshifts(ids, np.array([0.1, 0.1]), ids, truth)).tolist() == [False, True]


def test_an_answer_key_keeps_identifiers_whole(tmp_path):
    path = tmp_path / "truth.csv"
    path.write_text(f"specobjid,kind,z,z_source,injected_sn\n{2**63 + 1},Lens,0.1,0.5,8\n7,SF,0.1,nan,0\n")
    table = read_truth([path])
    assert table["specobjid"].tolist() == [2**63 + 1, 7]
    assert table["z_source"].isna().tolist() == [False, True]


def test_the_lines_behind_are_those_that_were_put_in():
    whole = spectra(4, 4, noise=1e-3)
    filtered = filtered_lines(*residual_of(Flat(), whole), LOGLAM)
    at = lines_behind(filtered, LOGLAM, whole.z, np.array([[Z_SOURCE, 0.9]] * 4))
    assert at.shape == (4, 2, len(BACKGROUND))
    assert joint(at)[:, 0] == pytest.approx(np.full(4, SNR), abs=3)
    assert (joint(at)[:, 1] < joint(at)[:, 0]).all()


def test_the_evidence_of_a_lens_peaks_at_its_source(survey, tmp_path):
    shards, votes, truth = survey
    votes.loc[votes["specobjid"] == FIRST + np.uint64(3), "score"] = 1
    case = choose_case("auto", votes, "b", 1)
    assert case == int(FIRST) + 3
    found = evidence(Flat(), find_spectrum(case, shards), truth)
    assert found.z_best == pytest.approx(Z_SOURCE, abs=2e-3)
    assert found.z_true == Z_SOURCE
    curves = evidence_curves(found)
    assert set(curves["panel"]) == {"spectrum", "residual", "redshift"}
    save_figure(draw_evidence(found), tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5000


def test_any_spectrum_can_be_asked_for_and_an_absent_one_is_named(survey):
    shards, votes, _ = survey
    assert choose_case(str(2**63 + 5), votes, "a", 0) == 2**63 + 5
    with pytest.raises(SearchError, match="no shard has it"):
        find_spectrum(7, shards)
    with pytest.raises(SearchError, match="no target"):
        choose_case("auto", votes, "nobody", 0)


def test_completeness_is_drawn_where_a_mix_has_no_recall(tmp_path):
    numbers = [(5, 10, 7, 0.5, 0.3, 0.7, 9, 9, ""), (10, 20, 15, 1.0, 0.8, 1.0, 9, 9, "")]
    rows = [("paper", "m", *row) for row in numbers]
    rows += [("matched", "m", *row[:3], np.nan, np.nan, np.nan, *row[6:]) for row in numbers]
    save_figure(draw_completeness(pd.DataFrame(rows, columns=COMPLETENESS)), tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5000
