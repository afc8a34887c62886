"""Asking a finished run: two routes to one answer, filters that are exact, files that cannot be answered."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from galspec_core.errors import GalspecError, SearchError, SpectrumError
from galspec_core.search.answer import NEIGHBOURS, as_json, as_rows, as_text
from galspec_core.search.finder import Finder
from galspec_core.spectra.own import Own
from tests.search.conftest import own_of


@pytest.mark.parametrize("task", ["classes", "liner"])
@pytest.mark.parametrize("method", ["galspec", "pca"])
def test_a_test_spectrum_gets_the_answer_that_the_pipeline_gave(finished_run, finders, task, method):
    folder, table = finished_run
    votes = pd.read_parquet(folder / f"results/search/{task}/votes.parquet")
    votes = votes[(votes["method"] == method) & (votes["seed"] == 0)].set_index("specobjid")
    tests = table[table["side"] == "test"]
    answers = finders[task, method].search([own_of(folder, row) for row in tests.itertuples()], top=5)
    assert len(votes) == len(answers) == 30
    for specobjid, answer in zip(tests["specobjid"], answers, strict=True):
        vote = votes.loc[specobjid]
        assert (answer.predicted, answer.known) == (vote["predicted"], vote["known"])
        assert answer.share == pytest.approx(vote["share"], abs=1e-6)
        np.testing.assert_allclose(answer.probability, vote["probability"], atol=1e-5)
        n = len(vote["neighbour_ids"])
        assert answer.neighbours["specobjid"].head(n).tolist() == vote["neighbour_ids"].tolist()[:5]
        np.testing.assert_allclose(answer.neighbours["distance"].head(n), vote["distances"][:5], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(answer.neighbours["weight"].head(n), vote["weights"][:5], atol=1e-6)
        assert sum(answer.shares.values()) == pytest.approx(1)


def test_without_the_stored_vote_the_answer_is_the_same_after_a_word(finished_run, finder, own, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished_run[0], folder)
    shutil.rmtree(folder / "results/search/classes/learnt")
    said = []
    again = Finder.open(folder, say=said.append).search([own])[0]
    assert len(said) == 1
    assert "learnt anew" in said[0]
    pd.testing.assert_frame_equal(again.neighbours, finder.search([own])[0].neighbours)
    assert again.shares == finder.search([own])[0].shares


def test_an_entry_is_never_its_own_neighbour(finished_run, finders):
    folder, table = finished_run
    row = next(table[table["side"] == "training"].iloc[3:].itertuples())
    for finder in finders.values():
        known = own_of(folder, row)
        for asked in (known, replace(known, fibre=None)):  # by its name, by its place on the sky
            answer = finder.search([asked])[0]
            assert answer.left_out == (
                row.specobjid in set(finder.base.metadata["specobjid"][finder._voter[0].near(0).where])
            )
            assert row.specobjid not in set(answer.neighbours["specobjid"])
        strange = finder.search([replace(known, fibre=None, ra=np.nan)])[0]
        assert not strange.left_out
        nearest = strange.neighbours.sort_values("distance").iloc[0]
        if answer.left_out:
            assert (nearest["specobjid"], nearest["distance"]) == (row.specobjid, pytest.approx(0, abs=1e-3))


@pytest.mark.parametrize("method", ["galspec", "pca"])
def test_a_filter_is_the_same_as_a_smaller_knowledge_base(finders, own, method):
    """The neighbours are the nearest of those that fit, however far down the list of all they stand."""
    finder = finders["classes", method]
    entries = finder.base.metadata
    answer = finder.search([own], top=6, where="z < 0.1 and class == 'LINER'")[0]
    near = answer.neighbours
    assert len(near) == 6
    assert ((near["z"] < 0.1) & (near["class"] == "LINER")).all()
    fits = (entries["z"] < 0.1) & (finder.classes == "LINER") & finder._voter[0].near(0).where
    everything = finder.search([own], top=len(entries))[0].neighbours
    nearest = everything[everything["specobjid"].isin(entries["specobjid"][fits])].sort_values("distance")
    unweighed = near[near["weight"] == 0]["distance"].to_numpy()
    assert (np.diff(unweighed) >= 0).all()
    if method == "pca":
        assert near["specobjid"].tolist() == nearest["specobjid"].head(6).tolist()
    assert set(near["specobjid"]) <= set(nearest["specobjid"])
    assert np.isnan(answer.probability)
    assert answer.verdict.endswith("among entries with z < 0.1 and class == 'LINER'") or not answer.known


def test_a_filter_that_lets_everything_through_changes_nothing(finder, own):
    free, filtered = (finder.search([own], where=where)[0] for where in (None, "z > -1"))
    assert filtered.shares == pytest.approx(free.shares)
    assert filtered.neighbours["specobjid"].tolist() == free.neighbours["specobjid"].tolist()


@pytest.mark.parametrize("task", ["classes", "liner"])
def test_where_nothing_that_fits_votes_the_answer_is_dont_know(finders, own, task):
    """Of single entries of the knowledge base most lie in no leaf of the query: they are listed, but no class has a share."""
    finder = finders[task, "galspec"]
    entries = finder.base.metadata["specobjid"][finder._voter[0].near(0).where]
    found = [finder.search([own], top=1, where=f"specobjid == {i}")[0] for i in entries]
    silent = [answer for answer in found if not answer.neighbours["weight"].any()]
    assert 0 < len(silent) < len(found)
    for answer in silent:
        assert answer.verdict.startswith("don't know: of the entries that may vote none counts")
        assert not any(answer.shares.values())
        assert not answer.share


def test_filters_know_every_column_of_an_entry(finder, own):
    for text in (
        "plate in (8200, 8201)",
        "run2d == 'v5_13_0'",
        "log_nii_ha > 0",
        "label != 'SF'",
        "snr >= 20",
        "ra < 300 and dec > 0",
    ):
        assert len(finder.search([own], where=text)[0].neighbours) == 10


def test_too_few_that_fit_and_a_wrong_filter_are_said(finders, own):
    found = finders["classes", "galspec"].search([own], where="z > 3")[0]
    assert isinstance(found, SearchError)
    assert own.name in str(found)
    assert "too few entries of the knowledge base fit" in str(found)
    assert "at least 3" in str(finders["classes", "pca"].search([own], where="fiberid < 3")[0])
    with pytest.raises(SearchError, match="no column redshift"):
        finders["classes", "pca"].search([own], where="redshift < 1")
    with pytest.raises(SearchError, match="--top"):
        finders["classes", "pca"].search([own], top=0)


def spoilt(own, **changed):
    return replace(own, spectrum=replace(own.spectrum, **changed))


def test_one_that_cannot_be_used_does_not_keep_the_others_from_an_answer(finder, own):
    n = len(own.spectrum.flux)
    bad = {
        "no redshift": spoilt(own, z=np.nan),
        "a redshift of 0 stands for none that was measured; expected the galaxy's; got 0.0. Give it": own.at(0.0),
        "is a finite number": spoilt(own, flux=np.full(n, np.nan, "f4")),
        "no pixel is good": spoilt(own, ivar=np.zeros(n, "f4")),
        "window": spoilt(own, z=2.0),
        "are good": spoilt(own, ivar=np.where(np.arange(n) < 200, own.spectrum.ivar, 0).astype("f4")),
        "window ": spoilt(own, loglam0=4.1),
    }
    found = finder.search([own, *bad.values(), own])
    assert [isinstance(each, GalspecError) for each in found] == [False, *[True] * len(bad), False]
    for words, error in zip(bad, found[1:-1], strict=True):
        assert isinstance(error, SpectrumError)
        assert words.strip() in str(error)
        assert own.name in str(error)
    assert found[0].shares == found[-1].shares


def test_masked_and_missing_pixels_do_not_move_the_answer_far(finder, own):
    ivar = own.spectrum.ivar.copy()
    ivar[::37], ivar[2000:2040] = 0, 0
    flux = np.where(ivar > 0, own.spectrum.flux, np.nan).astype("f4")
    assert finder.search([spoilt(own, flux=flux, ivar=ivar)])[0].predicted == finder.search([own])[0].predicted


def test_noise_that_is_no_galaxy_is_not_known(finder, own):
    rng = np.random.default_rng(0)
    flux = (1 + 0.2 * rng.normal(size=len(own.spectrum.flux)).cumsum()).astype("f4")
    flux += 5 - flux.min()
    answer = finder.search([spoilt(own, flux=flux, ivar=np.full(len(flux), 100, "f4"))])[0]
    assert not answer.known
    assert answer.verdict.startswith("don't know")


def test_the_spectra_of_neighbours_are_those_of_the_shards(finder, own):
    answer = finder.search([own])[0]
    spectra = finder.spectra(answer.neighbours["specobjid"])
    assert set(spectra) == set(answer.neighbours["specobjid"])
    wave, flux, ivar = spectra[int(answer.neighbours["specobjid"].iloc[0])]
    assert len(wave) == len(flux) == len(ivar) == finder.grid.pixels
    assert np.median(flux[(wave > 5300) & (wave < 5850)]) == pytest.approx(1, abs=0.02)
    assert finder.spectra([]) == finder.spectra([3]) == {}


def test_answers_become_text_json_and_rows(finder, own):
    answer = finder.search([own], top=4)[0]
    assert f"{own.name}: {answer.predicted}" in as_text(answer)
    found = as_json(answer)
    assert found["neighbours"][0]["specobjid"] == str(answer.neighbours["specobjid"].iloc[0])
    small = replace(answer, neighbours=answer.neighbours.assign(specobjid=np.uint64(7)))
    assert {row["specobjid"] for row in as_json(small)["neighbours"]} == {"7"}
    assert found["predicted"] == answer.predicted
    rows = as_rows([answer, answer])
    assert len(rows) == 8
    assert set(NEIGHBOURS) < set(rows)
    assert rows["specobjid"].dtype == np.uint64
    assert rows["own_z"].tolist() == [own.spectrum.z] * 8
    assert len(as_rows([])) == 0
    assert list(as_rows([])) == list(rows)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "nowhere", "no knowledge base is here"),
        (lambda folder: folder, "no knowledge base is here"),
        (lambda folder: __file__, "no knowledge base is here"),
    ],
)
def test_a_folder_without_a_run_is_said(tmp_path, make, words):
    with pytest.raises(SearchError, match=words):
        Finder.open(make(tmp_path))


def test_tasks_and_methods_that_are_not_there_are_said_with_those_that_are(finished_run):
    with pytest.raises(SearchError, match=r"no such task; expected one of classes, liner; got lens"):
        Finder.open(finished_run[0], "lens")
    with pytest.raises(SearchError, match=r"no such method; expected one of galspec, pca; got paper"):
        Finder.open(finished_run[0], method="paper")


def test_an_own_spectrum_far_from_any_entry_has_no_position(finder, own):
    assert finder._identity(Own("x", own.spectrum, (1, 2, 3), 300.0, -40.0)) == (0, 0)
