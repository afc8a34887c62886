"""DESI's three arms become one spectrum that keeps energy and information, or are refused with a reason."""

from contextlib import suppress

import numpy as np
import pytest

from galspec_core.errors import FetchError, SpectrumError
from galspec_core.paths import coadd_path
from galspec_core.sas import FetchConfig, open_root
from galspec_core.spectra.desi import NODATA, STEP, Arms, join_arms, read_coadd_file, to_comb
from galspec_core.spectra.fetch import fetch_shard
from galspec_core.spectra.resample import COVERED, rebin
from galspec_core.spectra.spectrum import DLOGLAM
from tests.sas_server import SasServer
from tests.spectra.coadd_files import BASE, WAVE, arms, write_coadd

IDS = [BASE + k for k in range(4)]


def linear(n=4000, start=3600.0):
    return start + STEP * np.arange(n)


def one(flux, ivar, start=3600.0):
    return Arms(linear(len(flux), start), np.atleast_2d(flux), np.atleast_2d(ivar))


def widths(loglam0, n):
    edges = 10 ** (loglam0 + DLOGLAM * (np.arange(n + 1) - 0.5))
    return np.diff(edges)


def test_energy_is_conserved():
    """A line that lies within the grid has its flux, to float32, whatever the pixels."""
    wave = linear()
    line = np.exp(-0.5 * ((wave - 5000) / 2.3) ** 2)
    loglam0, flux, _, _ = to_comb(one(line, np.ones_like(line)))
    assert (flux[0] * widths(loglam0, flux.shape[1])).sum() == pytest.approx(line.sum() * STEP, rel=1e-5)


def test_information_is_conserved():
    """The sum of ivar, so the S/N of a flat spectrum, is that of the input pixels, but for both ends."""
    ivar = np.random.default_rng(0).uniform(0.5, 2, 4000)
    _, flux, found, _ = to_comb(one(np.ones(4000), ivar))
    assert (flux**2 * found).sum() == pytest.approx(ivar.sum(), rel=1e-3)


def test_a_constant_stays_one_and_a_slope_stays_straight():
    wave = linear()
    loglam0, flux, _, _ = to_comb(one(wave, np.ones_like(wave)))
    middle = 10 ** (loglam0 + DLOGLAM * np.arange(flux.shape[1]))
    assert np.abs(flux[0] / middle - 1).max() < 3e-5


@pytest.mark.parametrize(("wave", "expected"), [(3600.0, 0.21), (6000.0, 0.114), (9500.0, 0.07)])
def test_neighbours_are_correlated_by_the_pixel_that_they_share(wave, expected):
    """Two routes: noise drawn many times, and 1/6 over W - 1/3 for output pixels W input pixels wide, at random phase."""
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(400, 600))
    _, flux, _, _ = to_comb(Arms(linear(600, wave), noise, np.ones_like(noise)))
    flux = flux[:, 2:-2]
    covariance = (flux[:, 1:] * flux[:, :-1]).mean()
    found = covariance / (flux**2).mean()
    width = (wave + 300 * STEP) * DLOGLAM * np.log(10) / STEP
    assert found == pytest.approx((1 / 6) / (width - 1 / 3), abs=0.015)
    assert found == pytest.approx(expected, abs=0.015)


def test_scatter_and_covariance_together_make_the_ivar():
    """ivar counts each input pixel once: 1 / W is the variance of a pixel plus what it shares with both neighbours."""
    noise = np.random.default_rng(2).normal(size=(2000, 400))
    _, flux, ivar, _ = to_comb(Arms(linear(400, 6000.0), noise, np.ones_like(noise)))
    flux, ivar = flux[:, 2:-2], ivar[:, 2:-2]
    total = (flux**2).mean() + 2 * (flux[:, 1:] * flux[:, :-1]).mean()
    assert total == pytest.approx((1 / ivar).mean(), rel=0.03)


def test_parts_of_pixels_are_summed_in_part():
    assert rebin(np.array([[1.0, 2.0, 4.0]]), np.array([0, 0.5, 2.25, 3])).tolist() == [[0.5, 3.5, 3.0]]


def test_bad_pixels_take_no_part_and_mostly_bad_ones_have_no_data():
    flux, ivar = np.ones(4000), np.ones(4000)
    flux[1000:1010], ivar[1000:1010] = 1e6, 0
    _, found, weight, mask = to_comb(one(flux, ivar))
    assert found.max() == 1
    assert set(np.unique(mask)) == {0, NODATA}
    assert ((weight == 0) == (mask == NODATA)).all()
    assert 5 <= (mask == NODATA).sum() <= 11
    assert 0 < COVERED <= 1


def test_pixels_stand_on_the_comb_of_sdss():
    loglam0, flux, _, _ = to_comb(one(np.ones(4000), np.ones(4000)))
    assert loglam0 == round(loglam0, 4)
    edges = 10 ** (loglam0 + DLOGLAM * np.array([-0.5, flux.shape[1] - 0.5]))
    assert edges[0] >= 3600 - STEP / 2
    assert edges[1] <= linear()[-1] + STEP / 2


def test_arms_are_weighted_by_ivar_where_they_overlap():
    wave = linear(10)
    b = (wave[:6], np.full((1, 6), 1.0), np.full((1, 6), 1.0))
    r = (wave[4:], np.full((1, 6), 4.0), np.full((1, 6), 2.0))
    found = join_arms([b, r])
    assert found.flux[0].tolist() == [1, 1, 1, 1, 3, 3, 4, 4, 4, 4]
    assert found.ivar[0].tolist() == [1, 1, 1, 1, 3, 3, 2, 2, 2, 2]


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_gives_the_targets_that_it_holds(tmp_path, packed):
    path = write_coadd(tmp_path / "coadd.fits", IDS, arms(4, flux=lambda wave: wave / 5000), packed)
    found = read_coadd_file(path, [IDS[2], IDS[0], 5])
    assert set(found) == {IDS[0], IDS[2]}
    spectrum = found[IDS[2]]
    assert spectrum.wave[0] == pytest.approx(3600, abs=2)
    assert spectrum.wave[-1] == pytest.approx(9824, abs=3)
    assert np.mean(spectrum.flux / (spectrum.wave / 5000)) == pytest.approx(1, abs=0.02)
    assert not np.array_equal(found[IDS[0]].flux, spectrum.flux)
    overlap = (spectrum.wave > 5765) & (spectrum.wave < 5795)
    beside = (spectrum.wave > 5700) & (spectrum.wave < 5750)
    assert np.median(spectrum.ivar[overlap]) == pytest.approx(2 * np.median(spectrum.ivar[beside]), rel=0.05)


def test_rows_read_in_parts_are_the_same(tmp_path, monkeypatch):
    path = write_coadd(tmp_path / "coadd.fits", IDS, arms(4))
    whole = read_coadd_file(path, IDS)
    monkeypatch.setattr("galspec_core.spectra.desi.ROWS_AT_ONCE", 3)
    parts = read_coadd_file(path, IDS)
    assert list(parts) == IDS
    assert all(np.array_equal(whole[i].flux, parts[i].flux) for i in IDS)


def test_masked_pixels_and_numbers_that_are_none_are_bad(tmp_path):
    images = arms(1, seed=None)
    images["B"]["MASK"][0, 100:110] = 4
    images["B"]["FLUX"][0, 200:210] = np.nan
    images["B"]["IVAR"][0, 300:310] = -1
    images["B"]["IVAR"][0, 400:410] = np.inf
    spectrum = read_coadd_file(write_coadd(tmp_path / "c.fits", IDS[:1], images), IDS)[IDS[0]]
    assert np.isfinite(spectrum.flux).all()
    for first in (100, 200, 300, 400):
        wave = WAVE["B"][first + 5]
        assert spectrum.ivar[np.abs(spectrum.wave - wave).argmin()] == 0
    assert (spectrum.ivar == 0).sum() < 60


def without(images, name):
    arm, kind = name.split("_")
    return {key: {k: v for k, v in kinds.items() if (key, k) != (arm, kind)} for key, kinds in images.items()}


@pytest.mark.parametrize("name", ["R_FLUX", "Z_WAVELENGTH", "B_IVAR", "B_MASK"])
def test_a_missing_part_is_named(tmp_path, name):
    path = write_coadd(tmp_path / "c.fits", IDS, without(arms(4), name))
    with pytest.raises(SpectrumError, match=f"c.fits: there is no HDU {name}") as caught:
        read_coadd_file(path, IDS, "c.fits")
    assert caught.value.reason == "missing arm"


def spoil(images, arm, kind, values):
    images[arm][kind] = values
    return images


SPOILT = {
    "wave shifted": ("irregular wavelengths", lambda i: spoil(i, "R", "WAVELENGTH", WAVE["R"] + 0.3)),
    "wave of other steps": ("irregular wavelengths", lambda i: spoil(i, "B", "WAVELENGTH", 3600 + np.arange(2751.0))),
    "wave far away": ("irregular wavelengths", lambda i: spoil(i, "Z", "WAVELENGTH", WAVE["Z"] * 1e6)),
    "wave that is none": ("irregular wavelengths", lambda i: spoil(i, "Z", "WAVELENGTH", WAVE["Z"] * np.nan)),
    "wave too short": ("wrong type", lambda i: spoil(i, "B", "WAVELENGTH", WAVE["B"][:-1])),
    "flux too short": ("wrong type", lambda i: spoil(i, "B", "FLUX", i["B"]["FLUX"][:, :-1])),
    "rows missing": ("wrong type", lambda i: spoil(i, "B", "IVAR", i["B"]["IVAR"][:-1])),
    "mask of floats": ("wrong type", lambda i: spoil(i, "B", "MASK", i["B"]["FLUX"])),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_spoilt_file_is_refused_with_its_reason(tmp_path, case):
    reason, change = SPOILT[case]
    path = write_coadd(tmp_path / "c.fits", IDS, change(arms(4)), packed=False)
    with pytest.raises(SpectrumError) as caught:
        read_coadd_file(path, IDS)
    assert caught.value.reason == reason


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.9999])
def test_a_file_cut_anywhere_is_refused(tmp_path, share):
    path = write_coadd(tmp_path / "c.fits", IDS, arms(4))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(SpectrumError) as caught:
        read_coadd_file(path, IDS)
    assert caught.value.reason in ("cut short", "damaged", "missing arm")


def test_bytes_spoilt_at_random_are_read_or_refused(tmp_path):
    path = write_coadd(tmp_path / "c.fits", IDS, arms(4))
    content, rng = path.read_bytes(), np.random.default_rng(7)
    for _ in range(12):
        spoilt = bytearray(content)
        for place in rng.integers(0, 12_000, 6):  # headers and the first table
            spoilt[place] = rng.integers(0, 256)
        path.write_bytes(spoilt)
        with suppress(SpectrumError):  # any other error fails
            assert all(np.isfinite(spectrum.flux).all() for spectrum in read_coadd_file(path, IDS).values())


@pytest.mark.parametrize("run2d", ["main", "main-dark-x", "../..-dark", "main-..", "MAIN-dark", "main-dark/..", ""])
def test_no_catalogue_leads_out_of_the_folder(run2d):
    with pytest.raises(FetchError) as caught:
        coadd_path(run2d, 100)
    assert caught.value.reason == "bad name"


def test_a_path_is_the_data_models():
    assert coadd_path("main-dark", 10016) == "healpix/main/dark/100/10016/coadd-main-dark-10016.fits"


def target(i, healpix, z=0.1):
    return dict(specobjid=i, plate=healpix, mjd=0, fiberid=0, run2d="main-dark", z=z)


def test_every_file_is_read_once_and_no_target_vanishes(tmp_path, monkeypatch):
    from galspec_core.spectra import surveys

    for healpix, ids in ((7, IDS[:2]), (8, IDS[2:])):
        write_coadd(tmp_path / coadd_path("main-dark", healpix), ids, arms(2, seed=healpix))
    asked, read = [], surveys.read_coadd_file
    monkeypatch.setattr(surveys, "read_coadd_file", lambda *args: asked.append(args[2]) or read(*args))
    targets = [target(IDS[2], 8), target(IDS[0], 7, 0.3), target(IDS[3], 7), target(IDS[1], 7), target(BASE + 9, 9)]
    config = FetchConfig()
    native, rejected = fetch_shard(
        targets, open_root(tmp_path, config), config, tmp_path / "part", "0000", 1.0, 9, survey="desi"
    )
    assert sorted(asked) == ["coadd-main-dark-7.fits", "coadd-main-dark-8.fits"]
    assert {row["specobjid"]: row["z"] for row in native} == {IDS[0]: 0.3, IDS[1]: 0.1, IDS[2]: 0.1}
    assert {row["specobjid"]: row["reason"] for row in rejected} == {IDS[3]: "another spectrum", BASE + 9: "missing"}


def test_a_file_from_a_server_gives_the_same_rows_and_stays_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    write_coadd(tmp_path / "iron" / coadd_path("main-dark", 7), IDS, arms(4))
    targets, config = [target(i, 7) for i in [*IDS, BASE + 9]] + [target(BASE + 10, 8)], FetchConfig(retries=0)
    found = []
    with SasServer(tmp_path / "iron") as server:
        for place in (tmp_path / "iron", server.url):
            part = tmp_path / str(len(found))
            found.append(fetch_shard(targets, open_root(place, config), config, part, "0", 1.0, 9, survey="desi"))
    (here, refused), (there, also) = found
    assert [row["specobjid"] for row in here] == [row["specobjid"] for row in there] == IDS
    assert all(np.array_equal(a["flux"], b["flux"]) for a, b in zip(here, there, strict=True))
    assert [row["reason"] for row in refused] == [row["reason"] for row in also] == ["another spectrum", "missing"]
    assert not list((tmp_path / "1").rglob("coadd*"))
