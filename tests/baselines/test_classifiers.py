"""Classifiers tell apart what can be told apart, and give scores that add up to 1."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config

from galspec_core.baselines import forest, mlp, svm, template
from galspec_core.baselines.features import Spectra
from galspec_core.baselines.votes import Case, classify
from galspec_core.search.weights import softmax
from galspec_core.spectra.shard import Gridded
from tests.baselines.conftest import make_spectra

ENTRIES = {
    forest: dict(trees=30, min_leaf=1, balanced=True),
    mlp: dict(components=5, hidden=[16], alpha=1e-3, epochs=500),
    svm: dict(components=5, c=1.0, balanced=True),
    template: dict(components=2),
}


@pytest.mark.parametrize("module", ENTRIES, ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_a_line_is_found_in_spectra_not_seen_before(module, spectra, codes):
    scores = module.train(ENTRIES[module], spectra, codes, 2, 0)(make_spectra(seed=1)[0])
    assert scores.shape == (120, 2)
    assert np.allclose(scores.sum(axis=1), 1)
    assert (scores.argmax(axis=1) == codes).mean() > 0.9


@pytest.mark.parametrize("module", [forest, mlp], ids=["forest", "mlp"])
def test_the_seed_decides(module, spectra, codes):
    first, again, other = (module.train(ENTRIES[module], spectra, codes, 2, s)(spectra) for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_forest_gives_the_same_bits_on_any_number_of_threads(spectra, codes):
    """Sums of many trees differ in the last bit where threads add them up as they end."""
    score = forest.train({**ENTRIES[forest], "trees": 200, "min_leaf": 7}, spectra, codes, 2, 0)
    alone = score(spectra)
    with parallel_config(backend="threading", n_jobs=4):
        assert all(np.array_equal(score(spectra), alone) for _ in range(10))


class Rows:
    def __init__(self, spectra):
        self.spectra = spectra

    def rows(self, ids):
        return self.spectra[np.searchsorted(self.spectra.specobjid, ids)]


@pytest.mark.parametrize("code", [None, 0])
def test_a_class_that_the_knowledge_base_lacks_is_never_named(spectra, codes, code):
    """Three names, of which the middle one has no entry; and a knowledge base of one class alone."""
    known = np.where(codes == 1, 2, 0) if code is None else np.full(120, code)
    frame = pd.DataFrame({"specobjid": spectra.specobjid, "label": "x"})
    case = Case("bpt3", None, 0, ["AGN", "Normal", "SF"], frame, known, frame.iloc[:10])
    votes = classify(forest, ENTRIES[forest], Rows(spectra), case)
    assert "Normal" not in set(votes["predicted"])
    assert len(votes) == 10


def test_templates_chi_square_is_that_of_least_squares(spectra, codes):
    basis = template.eigenspectra(spectra[codes == 1], 3)
    some = spectra[:4]
    root = np.sqrt(np.minimum(some.ivar, template.MOST_IVAR)).astype("f8")
    for f, r, found in zip(some.flux.astype("f8"), root, template.chi_square(some, basis), strict=True):
        fit = np.linalg.lstsq((basis * r).T, f * r, rcond=None)[0]
        assert found == pytest.approx(((r * (f - fit @ basis)) ** 2).sum(), rel=1e-3)


def test_eigenspectra_do_not_depend_on_which_matrix_is_smaller():
    rng = np.random.default_rng(3)
    flux = (1 + rng.standard_normal((60, 3)) @ rng.standard_normal((3, 40))).clip(-2, 10).astype("f4")
    many = Gridded(np.arange(60, dtype="u8"), np.zeros(60, "f4"), flux, np.ones_like(flux))
    x = flux - flux.mean(axis=0)
    expected = np.linalg.svd(x, full_matrices=False)[2][:2]
    assert np.allclose(np.abs((template.eigenspectra(many, 2)[1:] * expected).sum(axis=1)), 1, atol=1e-4)
    few = many[:20]
    expected = np.linalg.svd(few.flux - few.flux.mean(axis=0), full_matrices=False)[2][:2]
    assert np.allclose(np.abs((template.eigenspectra(few, 2)[1:] * expected).sum(axis=1)), 1, atol=1e-4)


def three_classes(seed):
    """Return spectra whose line stands nowhere, in the middle or at the side, and which: 0, 1 or 2."""
    spectra, has = make_spectra(seed=seed)
    codes = np.arange(len(has)) // 3 % 2 + 1
    codes[has == 0] = 0
    spectra.flux[codes == 2] = np.roll(spectra.flux[codes == 2], 80, axis=1)
    return spectra, codes


@pytest.mark.parametrize("module", ENTRIES, ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_three_classes_are_told_apart(module):
    scores = module.train(ENTRIES[module], *three_classes(0), 3, 0)(three_classes(1)[0])
    assert scores.shape == (120, 3)
    assert np.allclose(scores.sum(axis=1), 1)
    assert (scores.argmax(axis=1) == three_classes(1)[1]).mean() > 0.9


@pytest.mark.parametrize("module", [svm, template], ids=["svm", "template"])
def test_what_draws_nothing_heeds_no_seed(module, spectra, codes):
    one, two = (module.train(ENTRIES[module], spectra, codes, 2, seed)(spectra) for seed in (0, 1))
    assert np.allclose(one, two, atol=1e-6)


@pytest.mark.parametrize("module", ENTRIES, ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_a_class_of_a_single_spectrum_stops_no_classifier(module, spectra, codes):
    codes = codes.copy()
    codes[1] = 2
    scores = module.train(ENTRIES[module], spectra, codes, 3, 0)(spectra)
    assert scores.shape == (120, 3)
    assert np.allclose(scores.sum(axis=1), 1)


def test_the_only_class_of_a_knowledge_base_is_named_everywhere(spectra):
    frame = pd.DataFrame({"specobjid": spectra.specobjid, "label": "SF"})
    case = Case("bpt3", None, 0, ["AGN", "Normal", "SF"], frame, np.full(120, 1), frame.iloc[:10])
    votes = classify(svm, ENTRIES[svm], Spectra(spectra), case)
    assert set(votes["predicted"]) == {"Normal"}
    assert (votes["score"] == 1).all()


@pytest.mark.parametrize("code", [0, 1])
def test_a_class_is_fitted_best_by_its_own_eigenspectra(spectra, codes, code):
    fits = [template.chi_square(spectra[codes == code], template.eigenspectra(spectra[codes == c], 2)) for c in (0, 1)]
    assert (fits[code] < fits[1 - code]).mean() > 0.95


def test_a_sum_of_the_templates_is_fitted_without_residual(spectra, codes):
    basis = template.eigenspectra(spectra[codes == 1], 3)
    flux = (np.array([[1.0, 0.5, -0.2, 0.1], [0.8, 0.0, 0.0, 0.3]]) @ basis).astype("f4")
    some = Gridded(spectra.specobjid[:2], spectra.z[:2], flux, spectra.ivar[:2])
    assert (template.chi_square(some, basis) < 1e-3 * template.chi_square(some, basis[:1])).all()


def test_a_bad_pixel_has_no_say_in_a_template_fit(spectra, codes):
    bad = spectra[:20]
    bad.flux[:, :10] = 7.0  # ivar is 0 there
    predict = template.train(ENTRIES[template], spectra, codes, 2, 0)
    assert np.allclose(predict(bad), predict(make_spectra()[0][:20]), atol=1e-6)


def test_template_scores_are_likelihoods_over_their_sum(spectra, codes):
    bases = [template.eigenspectra(spectra[codes == c], 2) for c in (0, 1)]
    faint = Gridded(spectra.specobjid, spectra.z, spectra.flux, spectra.ivar / 500)  # no class is sure
    chi2 = np.stack([template.chi_square(faint, basis) for basis in bases], axis=1)
    scores = template.train(ENTRIES[template], spectra, codes, 2, 0)(faint)
    assert np.allclose(scores, softmax(-0.5 * chi2))
    assert ((scores > 0.05) & (scores < 0.95)).any()
