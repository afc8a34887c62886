"""Spoilt spectra: each is refused with a reason and a message that names it, or is read right where it is sound."""

from dataclasses import replace

import numpy as np
import pytest

from galspec_core.errors import CatalogError, SpectrumError
from galspec_core.spectra.fetch import read_targets
from galspec_core.spectra.grid import Grid
from galspec_core.spectra.prepare import PrepareConfig, grid_shard, prepare
from galspec_core.spectra.shard import native_row, native_table, write_native
from galspec_core.spectra.spectrum import Spectrum, read_spec_lite
from tests.spectra.spec_lite import (
    IDENTITY,
    NAME,
    PIXELS,
    as_bytes,
    coadd,
    columns,
    lines,
    places,
    set_card,
    specobj,
    whole,
)

GOOD = whole()
PLACES = places(GOOD)
LOGLAM = columns()["loglam"]


def cut(hdu, place, more=0):
    """Return the good file cut at the start (0) or end (1) of an HDU's header, or at the end of its data (2)."""
    header, data, span = PLACES[hdu]
    return GOOD[: (header, data, data + span)[place] + more]


def without(start, length):
    return GOOD[:start] + GOOD[start + length :]


def changed(values, at, value):
    """Return values with one of them changed."""
    values = np.array(values)
    values[at] = value
    return values


BAD_FILES = [  # name, bytes, reason, a word of the message
    ("no bytes", b"", "cut short", "empty"),
    ("a web page", b"<html>Sorry</html>", "not FITS", "first bytes"),
    ("zeros", b"\0" * 5760, "not FITS", "first bytes"),
    ("cut within the first header", cut(0, 0, 800), "cut short", "HDU 0"),
    ("cut after the first header", cut(0, 1), "cut short", "HDU 1"),
    ("cut within the header of COADD", cut(1, 0, 160), "cut short", "HDU 1"),
    ("cut after the header of COADD", cut(1, 1), "cut short", "HDU 1"),
    ("cut a block before COADD ends", cut(1, 2, -2880), "cut short", "HDU 1"),
    ("cut a byte before COADD ends", cut(1, 2, -1), "cut short", "HDU 1"),
    ("cut within the header of SPECOBJ", cut(2, 0, 2000), "cut short", "HDU 2"),
    ("cut after the header of SPECOBJ", cut(2, 1), "cut short", "HDU 2"),
    ("cut a byte before SPECOBJ ends", cut(2, 2, -1), "cut short", "HDU 2"),
    ("cut within the header of SPZLINE", cut(3, 0, 81), "cut short", "HDU 3"),
    ("cut after the header of SPZLINE", cut(3, 1), "cut short", "HDU 3"),
    ("cut a byte before the file ends", cut(3, 2, -1), "cut short", "HDU 3"),
    ("a block lost in COADD", without(PLACES[1][1], 2880), "damaged", "HDU 2"),
    ("a block twice in COADD", GOOD[: PLACES[1][1]] + GOOD[PLACES[1][1] - 2880 :], "damaged", "HDU 2"),
    ("the header of COADD lost", without(PLACES[1][0], PLACES[1][1] - PLACES[1][0]), "damaged", "HDU 1"),
    ("zeros behind the last HDU", GOOD + b"\0" * 2880, "damaged", "HDU 4"),
    ("SPECOBJ before COADD", as_bytes(specobj(), coadd(), lines()), "missing column", "SPECOBJ"),
    ("no flux", whole(flux=None), "missing column", "without flux"),
    ("no ivar", whole(ivar=None), "missing column", "without ivar"),
    ("no loglam", whole(loglam=None), "missing column", "without loglam"),
    ("no and_mask", whole(and_mask=None), "missing column", "without and_mask"),
    ("flux of words", whole({"flux": "4A"}, flux=["bad"] * PIXELS), "wrong type", "flux"),
    ("flux of pairs", whole({"flux": "2E"}, flux=np.ones((PIXELS, 2))), "wrong type", "2E"),
    ("complex flux", whole({"flux": "C"}), "wrong type", "flux"),
    ("logical ivar", whole({"ivar": "L"}, ivar=np.ones(PIXELS, bool)), "wrong type", "ivar"),
    ("a mask of floats", whole({"and_mask": "E"}), "wrong type", "and_mask"),
    ("no rows", as_bytes(coadd(**{k: v[:0] for k, v in columns().items()})), "no pixels", "no rows"),
    ("loglam unsorted", whole(loglam=LOGLAM[np.r_[1, 0, 2:PIXELS]]), "irregular wavelengths", "1e-4"),
    ("loglam backwards", whole(loglam=LOGLAM[::-1]), "irregular wavelengths", "1e-4"),
    ("loglam with a value twice", whole(loglam=changed(LOGLAM, 7, LOGLAM[6])), "irregular wavelengths", "1e-4"),
    ("loglam with a gap", whole(loglam=LOGLAM + 1e-4 * (np.arange(PIXELS) > 90)), "irregular wavelengths", "1e-4"),
    ("loglam NaN", whole(loglam=changed(LOGLAM, 7, np.nan)), "irregular wavelengths", "1e-4"),
    ("loglam infinite", whole(loglam=changed(LOGLAM, 7, -np.inf)), "irregular wavelengths", "1e-4"),
    ("loglam in Angstrom", whole(loglam=10**LOGLAM), "irregular wavelengths", "1e-4"),
    ("loglam of nanometres", whole(loglam=LOGLAM - 1), "irregular wavelengths", "Angstrom"),
    ("loglam of metres", whole(loglam=LOGLAM - 10), "irregular wavelengths", "Angstrom"),
    ("another plate", whole(identity=(9002, 57001, 1)), "another spectrum", "PLATEID 9002"),
    ("another night", whole(identity=(9001, 57002, 1)), "another spectrum", "MJD 57002"),
    ("another fibre", whole(identity=(9001, 57001, 2)), "another spectrum", "FIBERID 2"),
    ("a plate in words", set_card(GOOD, "PLATEID", "'plate'", 0), "another spectrum", "PLATEID plate"),
    ("10^12 rows", set_card(GOOD, "NAXIS2", "1000000000000"), "cut short", "16,000,000,007,040 bytes"),
    ("10^60 rows", set_card(GOOD, "NAXIS2", "1" + "0" * 60), "cut short", "HDU 1"),
    ("-1 rows", set_card(GOOD, "NAXIS2", "-1"), "damaged", "NAXIS2 -1"),
    ("rows of 17 bytes", set_card(GOOD, "NAXIS1", "17"), "damaged", "NAXIS1 17"),
    ("rows in words", set_card(GOOD, "NAXIS2", "'many'"), "damaged", "NAXIS2 many"),
    ("no number of axes", set_card(GOOD, "NAXIS", "T"), "damaged", "NAXIS T"),
    ("a billion axes", set_card(GOOD, "NAXIS", "1000000000"), "damaged", "NAXIS 1000000000"),
    ("7 bits", set_card(GOOD, "BITPIX", "7"), "damaged", "BITPIX 7"),
    ("a heap of -1 bytes", set_card(GOOD, "PCOUNT", "-1"), "damaged", "PCOUNT -1"),
    ("an image", set_card(GOOD, "XTENSION", "'IMAGE   '"), "damaged", "IMAGE"),
    ("-4 columns", set_card(GOOD, "TFIELDS", "-4"), "damaged", "TFIELDS -4"),
    ("a billion columns", set_card(GOOD, "TFIELDS", "1000000000"), "damaged", "TFIELDS"),
    ("5 columns of 4", set_card(GOOD, "TFIELDS", "5"), "damaged", "column 5"),
    ("a column of kind Z", set_card(GOOD, "TFORM2", "'Z'"), "damaged", "'Z'"),
    ("a wider column", set_card(GOOD, "TFORM2", "'D'"), "damaged", "20 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "reason", "words"), [row[1:] for row in BAD_FILES], ids=[row[0] for row in BAD_FILES]
)
def test_a_spoilt_file_is_refused_by_name_and_reason(content, reason, words):
    with pytest.raises(SpectrumError) as caught:
        read_spec_lite(content, 0.1, NAME, IDENTITY)
    assert caught.value.reason == reason
    assert NAME in str(caught.value)
    assert words in str(caught.value)


UNSIGNED = columns()["and_mask"].astype("u4") | np.uint32(1 << 31)
SOUND_FILES = [  # name, bytes, what differs from the good spectrum
    ("as SDSS writes it", GOOD, {}),
    ("cut right behind COADD, all of which is there", cut(1, 2), {}),
    ("cut right behind SPECOBJ", cut(2, 2), {}),
    ("wavelengths in float64", whole({"loglam": "D"}), {}),
    ("flux and ivar in float64", whole({"flux": "D", "ivar": "D"}), {}),
    ("the mask in 64 bits", whole({"and_mask": "K"}), {}),
    ("little-endian in memory, big-endian in the file", whole(flux=columns()["flux"].astype("<f4")), {}),
    ("columns in another order", as_bytes(coadd(flux=None, sky=np.ones(PIXELS), **{"FLUX": columns()["flux"]})), {}),
    ("a column of words between", as_bytes(coadd([("note", "7A")], note=["x"] * PIXELS)), {}),
    ("whole numbers of flux", whole({"flux": "J"}, flux=np.arange(PIXELS)), {"flux": np.arange(PIXELS)}),
    ("an unsigned mask", whole({"and_mask": "J"}, and_mask=UNSIGNED), {"and_mask": UNSIGNED.view("i4")}),
    ("flux NaN", whole(flux=np.full(PIXELS, np.nan)), {"flux": np.full(PIXELS, np.nan)}),
    ("flux beyond float32", whole({"flux": "D"}, flux=np.full(PIXELS, 1e300)), {"flux": np.full(PIXELS, np.inf)}),
    ("a star by its own table: the catalogue decides", whole(kind="STAR"), {}),
    ("a sky fibre by its own table: the catalogue decides", whole(kind="SKY"), {}),
    ("a header that names no spectrum", as_bytes(coadd(), identity=()), {}),
]  # fmt: skip


@pytest.mark.parametrize(("content", "differs"), [row[1:] for row in SOUND_FILES], ids=[row[0] for row in SOUND_FILES])
def test_a_sound_file_is_read_right_whatever_it_looks_like(content, differs):
    spectrum, expected = read_spec_lite(content, 0.1, NAME, IDENTITY), columns() | differs
    assert spectrum.loglam0 == 3.58
    for key, kind in (("flux", "f4"), ("ivar", "f4"), ("and_mask", "i4")):
        values = getattr(spectrum, key)
        assert values.dtype == np.dtype(kind)
        np.testing.assert_array_equal(values, np.asarray(expected[key]).astype(kind))


GRID = Grid("observed", "linear", (3850.0, 9000.0), 368, min_coverage=0.8)
CONFIG = PrepareConfig(("NODATA",), (5300.0, 5850.0), 0.5, 0.5, 1.0, 0)
N, ID = 3850, 2**64 - 2
WINDOW = slice(1850, 2300)  # native pixels that hold the normalisation window at z = 0.1


def native(pixels=N, loglam0=3.58, z=0.1, level=3.0, **values):
    """Return a flat spectrum; an array or (pixels, value) of flux, ivar or and_mask takes the place of its own."""
    own = dict(flux=np.full(pixels, level, "f4"), ivar=np.full(pixels, 4, "f4"), and_mask=np.zeros(pixels, "i4"))
    for key, (where, value) in values.items():
        own[key][where] = value
    return Spectrum(loglam0, *own.values(), z)


ALL, NODATA = slice(None), 1 << 24
BAD_SPECTRA = [  # name, spectrum, reason, a word of the detail
    ("z NaN", native(z=np.nan), "redshift", "nan"),
    ("z infinite", native(z=np.inf), "redshift", "inf"),
    ("z exactly 0", native(z=0.0), "redshift", "not 0"),
    ("z = -0.5", native(z=-0.5), "redshift", "-0.5"),
    ("z = -1, where the rest frame ends", native(z=-1.0), "redshift", "-1.0"),
    ("z = 0.75 on SDSS's wavelengths", native(z=0.75), "no normalisation window", "z = 0.7500"),
    ("z = 7", native(z=7.0), "no normalisation window", "z = 7.0000"),
    ("all masked", native(and_mask=(ALL, NODATA)), "all masked", "mask bit"),
    ("ivar 0", native(ivar=(ALL, 0)), "all masked", "ivar is 0"),
    ("ivar negative", native(ivar=(ALL, -4)), "all masked", "ivar"),
    ("ivar NaN", native(ivar=(ALL, np.nan)), "all masked", "ivar"),
    ("ivar infinite", native(ivar=(ALL, np.inf)), "all masked", "ivar"),
    ("flux NaN", native(flux=(ALL, np.nan)), "all NaN", "finite"),
    ("flux infinite", native(flux=(ALL, np.inf)), "all NaN", "finite"),
    ("a third good", native(ivar=(slice(N // 3, None), 0)), "few good pixels", "33.3% of 3850"),
    ("no good pixel in the window", native(flux=(WINDOW, np.nan)), "no normalisation window", "only 0 of 429"),
    ("no light", native(level=0.0), "median not positive", "got 0"),
    ("negative light", native(level=-2.0), "median not positive", "got -2"),
    ("light that float32 cannot square", native(level=1e30), "all masked", "no pixel"),
    ("light too faint for float32", native(level=1e-30), "all masked", "no pixel"),
    ("one pixel", native(pixels=1, loglam0=3.78), "no normalisation window", "only 1 of 429"),
    ("half the grid", native(pixels=2500, loglam0=3.7), "little coverage", "observed-frame grid"),
]


@pytest.mark.parametrize(
    ("spectrum", "reason", "words"), [row[1:] for row in BAD_SPECTRA], ids=[row[0] for row in BAD_SPECTRA]
)
def test_a_useless_spectrum_becomes_a_row_with_its_id_and_reason(tmp_path, spectrum, reason, words):
    target = dict(specobjid=ID, plate=9001, mjd=57001, fiberid=1, run2d="v5_13_0", z=spectrum.z)
    write_native(tmp_path / "s.parquet", [native_table([native_row(target, spectrum)])])
    gridded, rejected = grid_shard(tmp_path / "s.parquet", "observed", GRID, CONFIG)
    assert len(gridded) == 0
    assert [(row["specobjid"], row["reason"]) for row in rejected] == [(ID, reason)]
    assert words in rejected[0]["detail"]


SOUND_SPECTRA = [  # name, spectrum: pixel 100 is bad at most
    ("one flux infinite, its ivar positive", native(flux=(100, np.inf))),
    ("one flux NaN", native(flux=(100, np.nan))),
    ("one flux of 3e38", native(flux=(100, 3e38), level=1e-3)),
    ("one ivar NaN", native(ivar=(100, np.nan))),
    ("one ivar negative", native(ivar=(100, -1))),
    ("one ivar of 1e-45", native(ivar=(100, 1e-45))),
    ("one ivar of 3e38", native(ivar=(100, 3e38))),
    ("one pixel masked", native(and_mask=(100, NODATA))),
    ("every bit of a mask set", native(and_mask=(100, -1))),
    ("z = -0.001, a neighbour", native(z=-0.001)),
    ("z = 0.75 on BOSS's wavelengths", native(pixels=4600, loglam0=3.56, z=0.75)),
]


@pytest.mark.parametrize("interpolation", ["linear", "nearest", "average"])
@pytest.mark.parametrize("spectrum", [row[1] for row in SOUND_SPECTRA], ids=[row[0] for row in SOUND_SPECTRA])
def test_one_bad_pixel_leaves_a_spectrum_sound_and_no_nan_gets_through(spectrum, interpolation):
    flux, ivar = prepare(spectrum, CONFIG, replace(GRID, interpolation=interpolation))
    assert np.isfinite(flux).all()
    assert np.isfinite(ivar).all()
    assert (ivar >= 0).all()
    assert (ivar > 0).mean() > 0.9


def test_a_target_that_stands_twice_in_a_shard_is_named(tmp_path):
    row = f"{ID},9001,57001,1,26,0.1"
    (tmp_path / "t.csv").write_text("\n".join(["specobjid,plate,mjd,fiberid,run2d,z", row, row]))
    with pytest.raises(CatalogError, match=f"{ID}.*twice"):
        read_targets(tmp_path / "t.csv")


def test_targets_without_a_column_are_named(tmp_path):
    (tmp_path / "t.csv").write_text(f"specobjid,plate,mjd\n{ID},9001,57001\n")
    with pytest.raises(CatalogError, match="fiberid, run2d, z"):
        read_targets(tmp_path / "t.csv")


@pytest.mark.parametrize("spoil", ["cut", "shifted", "other"])
def test_real_files_are_refused_too(sdss_sample, spoil):
    first, second = sorted(sdss_sample.glob("dr16/*/spectro/redux/*/spectra/lite/*/spec-*.fits"))[:2]
    identity = tuple(map(int, first.stem.split("-")[1:]))
    content = {"cut": first.read_bytes()[:-2880], "other": second.read_bytes()}.get(spoil)
    if spoil == "shifted":
        at = places(first.read_bytes())[1][1]
        content = first.read_bytes()[:at] + first.read_bytes()[at + 2880 :]
    with pytest.raises(SpectrumError, match=first.name) as caught:
        read_spec_lite(content, 0.1, first.name, identity)
    assert caught.value.reason == {"cut": "cut short", "shifted": "damaged", "other": "another spectrum"}[spoil]


def test_a_header_that_asks_for_a_number_of_twenty_thousand_digits_is_refused():
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                  999"]
    cards += [f"{f'NAXIS{i}':8}= {'9' * 20}" for i in range(1, 1000)] + ["END"]
    content = "".join(card.ljust(80) for card in cards).encode()
    with pytest.raises(SpectrumError, match="cut short"):
        read_spec_lite(content.ljust(-(-len(content) // 2880) * 2880), 0.1, NAME)
