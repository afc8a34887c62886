"""Where SDSS keeps a file below its Science Archive Server, and paths that never leave their folder."""

import re

from galspec_core.errors import FetchError

SDSS_RUN2D = ("26", "103", "104")  # reductions of the SDSS-I/II spectrograph; all others are BOSS and eBOSS
CATALOG_PATHS = {  # below the SAS root (SDSS data model; the directory of the Portsmouth files is inferred)
    "specobj": "dr16/sdss/spectro/redux/specObj-dr16.fits",
    "galspecextra": "dr8/common/sdss-spectro/redux/galSpecExtra-dr8.fits",
    "portsmouth_boss": "dr12/boss/spectro/redux/galaxy/v1_1/portsmouth_emlinekin_full-DR12-boss.fits",
    "portsmouth_legacy": "dr12/boss/spectro/redux/galaxy/v1_1/portsmouth_emlinekin_full-DR12.fits",
    "silo": "dr16/eboss/spectro/lensing/silo/v5_13_0/v5_13_0/1.0.1/silo_eboss_detections-1.0.1.fits",
}
RUN2D = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,30}", re.ASCII)  # 26, v5_13_0, and nothing that leaves its folder

DESI_RUN2D = re.compile(r"[a-z0-9]{1,15}-[a-z0-9]{1,15}")


def spec_path(run2d, plate, mjd, fiberid):
    """Return the path of a spec-lite file below the SAS root (SDSS data model, spec-lite).

    ``run2d`` is a string, or the number 26, 103 or 104; the others are integers. Raises FetchError where they are such
    that the path would lead elsewhere.
    """
    run2d, plate, mjd, fiberid = str(run2d).strip(), int(plate), int(mjd), int(fiberid)
    check_names(run2d, plate, mjd, fiberid)
    survey = "sdss" if run2d in SDSS_RUN2D else "eboss"
    name = f"spec-{plate:04d}-{mjd:05d}-{fiberid:04d}.fits"
    return f"dr16/{survey}/spectro/redux/{run2d}/spectra/lite/{plate:04d}/{name}"


def coadd_path(run2d, healpix):
    """Return the path of a DESI coadd file below a reduction's folder, such as …/spectro/redux/iron (DESI data model).

    ``run2d`` is "SURVEY-PROGRAM", such as "main-dark". Raises FetchError where the path would lead elsewhere.
    """
    run2d, healpix = str(run2d).strip(), int(healpix)
    check_names(run2d, healpix)
    if not DESI_RUN2D.fullmatch(run2d):
        expected = "SURVEY-PROGRAM, such as main-dark"
        raise FetchError("the catalogue names no file", reason="bad name", expected=expected, got=repr(run2d))
    survey, program = run2d.split("-")
    return f"healpix/{survey}/{program}/{healpix // 100}/{healpix}/coadd-{run2d}-{healpix}.fits"


def is_url(place):
    """Return whether ``place`` is an http or https address and not a path."""
    return str(place).lower().startswith(("http://", "https://"))


def check_names(run2d, *numbers):
    """Raise FetchError unless a catalogue's run2d and numbers can stand in a path: they never leave their folder."""
    if RUN2D.fullmatch(run2d) and all(number >= 0 for number in numbers):
        return
    expected = "a run2d of up to 31 letters, digits, _ . and -, and plate, mjd and fiberid from 0"
    what, got = "the catalogue names no file", f"run2d {run2d[:60]!r}, {'-'.join(map(str, numbers))}"
    raise FetchError(what, reason="bad name", expected=expected, got=got, remedy="Correct the catalogue")


def check_below(rel):
    """Raise FetchError if a path below a root leads out of it: "..", an absolute path, or a NUL."""
    if rel.startswith("/") or "\0" in rel or ".." in rel.split("/"):
        raise FetchError("the path leaves the SAS root", reason="bad name", item=repr(rel[:200]))
