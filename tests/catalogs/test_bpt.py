"""Emission-line diagrams: the curves, the classes, and two real measurements of the same galaxies."""

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from galspec_core.catalogs import bpt

LINES = ("hb", "oiii", "ha", "nii")
SETS = ("mpa", "port")
HYPERBOLAS = [(bpt.kauffmann2003, 0.05), (bpt.kewley2001, 0.47), (bpt.kewley2006_sii, 0.32), (bpt.kewley2006_oi, -0.59)]
STRAIGHT = [bpt.schawinski2007, bpt.cidfernandes2010, bpt.kewley2006_sii_liner, bpt.kewley2006_oi_liner, bpt.paper_b1]


@pytest.mark.parametrize(
    ("curve", "line", "x", "y"),
    [
        (bpt.kauffmann2003, bpt.kewley2001, -1.2805, 0.8415),  # where SDSS's plots begin the pair
        (bpt.kewley2001, bpt.schawinski2007, -0.1838, 0.2570),  # plots begin the line at -0.18
        (bpt.kewley2006_sii, bpt.kewley2006_sii_liner, -0.3146, 0.1654),  # at -0.31
        (bpt.kewley2006_oi, bpt.kewley2006_oi_liner, -1.1269, -0.0297),  # at -1.13
    ],
)
def test_curves_cross_where_their_equations_do(curve, line, x, y):
    assert curve(x) == pytest.approx(y, abs=5e-4)
    assert line(x) == pytest.approx(y, abs=5e-4)


def test_known_points():
    assert bpt.kauffmann2003(-0.56) == pytest.approx(0.3)  # 0.61 / -0.61 = -1
    assert bpt.kewley2001(-0.14) == pytest.approx(0.19)
    assert bpt.kewley2006_sii(-0.40) == pytest.approx(0.30)
    assert bpt.kewley2006_oi(-1.32) == pytest.approx(0.33)
    assert [float(line(0.0)) for line in STRAIGHT] == [0.45, 0.48, 0.76, 1.30, 0.77]
    assert [float(line(1.0) - line(0.0)) for line in STRAIGHT] == pytest.approx([1.05, 1.01, 1.89, 1.18, 1.18])


@pytest.mark.parametrize(("curve", "pole"), HYPERBOLAS)
def test_everything_right_of_a_pole_is_above_the_curve(curve, pole):
    right = np.array([pole, pole + 1e-9, pole + 0.1, 3.0])
    assert (curve(right) == -np.inf).all()
    left = np.linspace(-3, pole - 1e-6, 1000)
    assert (np.diff(curve(left)) < 0).all()
    assert curve(pole - 1e-9) < -1e6
    assert np.isnan(curve(np.nan))


def test_the_empirical_edge_lies_below_the_theoretical_limit():
    x = np.linspace(-1.28, 2, 1000)
    edge, limit = bpt.kauffmann2003(x), bpt.kewley2001(x)
    assert (edge[np.isfinite(limit)] < limit[np.isfinite(limit)]).all()


def test_regions_of_the_nitrogen_diagram():
    x = [-1.0, -0.2, 0.0, 0.0, 0.6, 0.6, -2.0]
    y = [0.0, -0.1, 0.9, 0.0, 1.5, -1.5, 1.5]
    expected = ["SF", "Composite", "Seyfert", "LINER", "Seyfert", "LINER", "Seyfert"]
    assert bpt.classify_bpt(x, y).tolist() == expected
    assert bpt.classify_bpt(0.2, -2.0) == "Composite"  # right of one pole, left of the other
    assert bpt.classify_bpt([-1.5, -1.28055], [0.9, 0.8405]).tolist() == ["SF", "SF"]  # left of the crossing


def test_classes_are_counts_of_curves_below_the_point():
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-1.28, 1, 5000), rng.uniform(-2, 2, 5000)
    for name, line in bpt.LINER_LINES.items():
        above = (y > bpt.kauffmann2003(x)) * (1 + (y > bpt.kewley2001(x)) * (1 + (y > line(x))))
        assert (bpt.classify_bpt(x, y, name) == np.array(["SF", "Composite", "LINER", "Seyfert"])[above]).all()
        assert set(above) == {0, 1, 2, 3}


def test_what_is_not_measured_has_no_class():
    missing = bpt.log_ratio([1.0, 0.0, -1.0, np.nan, 5.0, 1.0], [10.0, 1.0, 1.0, 1.0, 0.0, np.inf])
    assert missing[0] == -1.0
    assert np.isnan(missing[1:]).all()
    for x, y in ((np.nan, 0.0), (0.0, np.nan), (np.inf, 0.0), (0.0, -np.inf)):
        assert bpt.classify_bpt(x, y) == ""
        assert bpt.classify_whan(x, y) == ""
        assert bpt.classify_kewley2006(x, y, "sii") == ""
    assert bpt.classify_bpt([], []).shape == (0,)
    assert bpt.classify_bpt(np.zeros((2, 3)), 0.9).shape == (2, 3)


def test_sulphur_and_oxygen_diagrams():
    assert bpt.classify_kewley2006([-0.6, 0.0, 0.0, 0.5], [0.0, 1.0, 0.3, 0.5], "sii").tolist() == [
        "SF",
        "Seyfert",
        "LINER",
        "LINER",
    ]
    assert bpt.classify_kewley2006([-1.6, -0.9, -0.9, -0.3], [0.0, 0.8, 0.0, 1.1], "oi").tolist() == [
        "SF",
        "Seyfert",
        "LINER",
        "Seyfert",
    ]


def test_the_five_classes_of_whan():
    x = [-0.8, -0.1, -0.1, -0.1, -0.8, 0.0, 0.4]
    width = [20.0, 20.0, 4.0, 1.0, 2.0, 0.3, 0.3]
    expected = ["SF", "sAGN", "wAGN", "retired", "retired", "passive", "retired"]  # the last: [N II] is 0.75 Angstrom
    assert bpt.classify_whan(x, width).tolist() == expected
    assert bpt.classify_whan(0.0, [3.0, 6.0, 6.1, -1.0]).tolist() == ["wAGN", "wAGN", "sAGN", "passive"]


@pytest.fixture(scope="module")
def galaxies(sdss_sample):
    """Give the galaxies with MPA-JHU and Portsmouth fluxes, and where all lines and errors are positive in both."""
    path = sdss_sample.parent / "resolve_lines.csv"
    if not path.is_file():
        pytest.skip("the table of line fluxes is not beside this checkout")
    table = pd.read_csv(path)
    sound = np.all([(table[f"{s}_{line}{e}"] > 0) for s in SETS for line in LINES for e in ("", "_err")], axis=0)
    return table, sound


def ratios(table, name, factors=None):
    """Return x [n] and y [n] of the [N II] diagram; ``factors`` {line: array[n]} scale the fluxes."""
    flux = {line: table[f"{name}_{line}"].to_numpy() * (factors[line] if factors else 1) for line in LINES}
    return bpt.log_ratio(flux["nii"], flux["ha"]), bpt.log_ratio(flux["oiii"], flux["hb"])


def lowest_snr(table):
    """Return the S/N of the least significant of the eight fluxes: array[n]."""
    snr = [table[f"{s}_{line}"] / table[f"{s}_{line}_err"].where(lambda e: e > 0) for s in SETS for line in LINES]
    return np.min(snr, axis=0)


def test_both_sets_are_measured_in_most_galaxies(galaxies):
    table, sound = galaxies
    classes = [bpt.classify_bpt(*ratios(table, name)) for name in SETS]
    assert len(table) == 1913
    assert ((classes[0] != "") & (classes[1] != "")).sum() == 1675
    assert sound.sum() == 1620


def test_two_real_measurements_agree_better_than_independent_ones_would(galaxies):
    """The two sets fit the same spectra: they must beat two draws around one truth with the stated errors."""
    table, sound = galaxies
    table, rng = table[sound], np.random.default_rng(0)
    agreement = np.mean(bpt.classify_bpt(*ratios(table, "mpa")) == bpt.classify_bpt(*ratios(table, "port")))

    def draw(name):
        relative = {line: table[f"{name}_{line}_err"] / table[f"{name}_{line}"] for line in LINES}
        factors = {line: 1 + rng.normal(size=len(table)) * relative[line].to_numpy() for line in LINES}
        return bpt.classify_bpt(*ratios(table, "mpa", factors))

    independent = np.mean([np.mean(draw("mpa") == draw("port")) for _ in range(10)])
    assert independent < agreement < 1


def test_agreement_rises_with_signal_and_breaks_near_the_curves(galaxies):
    table, sound = galaxies
    (x, y), other = ratios(table, "mpa"), bpt.classify_bpt(*ratios(table, "port"))
    same, snr = bpt.classify_bpt(x, y) == other, lowest_snr(table)
    bins = [sound & (snr >= low) & (snr < high) for low, high in ((0, 1), (1, 3), (3, 10), (10, np.inf))]
    assert (np.diff([same[rows].mean() for rows in bins]) > 0).all()
    gap = np.abs(y - np.array([curve(x) for curve in (bpt.kauffmann2003, bpt.kewley2001)]))
    line = np.where(y > bpt.kewley2001(x), np.abs(y - bpt.schawinski2007(x)), np.inf)
    gap = np.minimum(gap.min(axis=0), line)
    sure = sound & (snr >= 3)
    assert np.median(gap[sure & ~same]) < 0.5 * np.median(gap[sure & same])


def test_the_printed_line_would_make_liners_of_most_seyferts(galaxies):
    table, _ = galaxies
    measured = np.all([(table[f"port_{line}{e}"] > 0) for line in LINES for e in ("", "_err")], axis=0)
    x, y = ratios(table[measured], "port")
    seyfert = bpt.classify_bpt(x, y) == "Seyfert"
    assert seyfert.sum() == 35
    assert (y[seyfert] <= bpt.paper_b1(x[seyfert])).sum() == 21


def test_galaxies_that_both_samples_hold(galaxies, sdss_sample):
    """Classes from the real fluxes against those derived from the spectra's own line fits, where these have one."""
    table, _ = galaxies
    mpa = fits.getdata(sdss_sample / "dr8/common/sdss-spectro/redux/galSpecExtra-dr8.fits")
    port = fits.getdata(sdss_sample / "dr12/boss/spectro/redux/galaxy/v1_1/portsmouth_emlinekin_full-DR12-boss.fits")
    fibre = {tuple(int(row[k]) for k in ("PLATE", "MJD", "FIBERID")): row["BPT"].strip() for row in port}
    derived = {
        int(row["SPECOBJID"]): (int(row["BPTCLASS"]), fibre[tuple(int(row[k]) for k in ("PLATEID", "MJD", "FIBERID"))])
        for row in mpa
    }
    table = table[table["specobjid"].isin([i for i in derived if i < 2**63])]
    assert len(table) == 28
    words = {1: "SF", 3: "Composite", 4: "Seyfert", 5: "LINER", -1: ""}
    words |= {"Star Forming": "SF", "BLANK": "", "Seyfert/LINER": ""}
    right, known = {}, {}
    for name, opinions in zip(SETS, zip(*(derived[i] for i in table["specobjid"]), strict=True), strict=True):
        expected = np.array([words.get(opinion, opinion) for opinion in opinions])
        known[name] = expected != ""
        right[name] = bpt.classify_bpt(*ratios(table, name)) == expected
    assert {s: (int((right[s] & known[s]).sum()), int(known[s].sum())) for s in SETS} == {
        "mpa": (10, 11),
        "port": (9, 10),
    }
    x, y = ratios(table, "port")
    assert (np.abs(y - bpt.schawinski2007(x))[known["port"] & ~right["port"]] < 0.1).all()
