"""The simulated survey's catalogues, with SDSS's columns and each catalogue's own way to class a galaxy."""

import csv
from pathlib import Path

import numpy as np
from astropy.table import Table

from galspec_core.catalogs.bpt import classify_bpt
from galspec_core.files import replace

PATHS = {
    "specobj": "dr16/sdss/spectro/redux/specObj-dr16.fits",
    "galspecextra": "dr8/common/sdss-spectro/redux/galSpecExtra-dr8.fits",
    "portsmouth_boss": "dr12/boss/spectro/redux/galaxy/v1_1/portsmouth_emlinekin_full-DR12-boss.fits",
    "portsmouth_legacy": "dr12/boss/spectro/redux/galaxy/v1_1/portsmouth_emlinekin_full-DR12.fits",
    "silo": "dr16/eboss/spectro/lensing/silo/v5_13_0/v5_13_0/1.0.1/silo_eboss_detections-1.0.1.fits",
}
MPA_LIMIT, PORTSMOUTH_LIMIT = 3.0, 1.5  # S/N that every line needs to be classed
LOW_SN_LIMIT = 3.0  # Ha and [N II] alone, with a ratio of star formation: galSpecExtra's low-S/N star-forming class
PORTSMOUTH_INDEX = {"hb": 15, "oiii": 17, "ha": 24, "nii": 25}  # SDSS data model, emissionLinesPort
TRUTH = (
    "specobjid", "kind", "subtype", "z", "z_source", "snr", "injected_sn", "grade", "hb_sn", "oiii_sn", "ha_sn", "nii_sn",
    "repeat_of", "host", "vdisp", "age", "d4000", "ha_ew", "metallicity", "e_bv",
)  # fmt: skip


def bpt_word(measured, limit):
    """Return the class of measured lines, "" where one of the four has no S/N above ``limit``."""
    fluxes = {name: value for name, (value, error) in measured.items() if error > 0 and value > limit * error}
    if len(fluxes) < len(measured):
        return ""
    x, y = np.log10(fluxes["nii"] / fluxes["ha"]), np.log10(fluxes["oiii"] / fluxes["hb"])
    return str(classify_bpt(np.array([x]), np.array([y]))[0])


def mpa_class(measured):
    """Return galSpecExtra's BPTCLASS: -1 unclassifiable, 1 and 2 star forming, 3 composite, 4 AGN, 5 LINER."""
    word = bpt_word(measured, MPA_LIMIT)
    if word:
        return {"SF": 1, "Composite": 3, "Seyfert": 4, "LINER": 5}[word]
    (ha, ha_error), (nii, nii_error) = measured["ha"], measured["nii"]
    if ha > LOW_SN_LIMIT * ha_error > 0 and nii > LOW_SN_LIMIT * nii_error > 0:
        return -1 if nii / ha > 0.6 else 2
    return -1


def portsmouth_class(measured):
    """Return Portsmouth's BPT word, BLANK where the lines are too faint."""
    word = bpt_word(measured, PORTSMOUTH_LIMIT)
    return {"": "BLANK", "SF": "Star Forming"}.get(word, word)


def specobj_row(plan, seen, instrument):
    """Return the row of specObj; a spoiled spectrum has what makes the selection cut it."""
    boss = instrument.name == "BOSS"
    wave = instrument.wave
    good = float((seen.ivar > 0).sum()) * 1e-4
    spoiled = {
        "zwarning": dict(ZWARNING=4, ZWARNING_NOQSO=4),
        "star": dict(CLASS="STAR", CLASS_NOQSO="STAR"),
        "bad plate": dict(PLATEQUALITY="bad"),
    }
    z = np.float32(plan.z)
    row = dict(
        SURVEY=instrument.survey, INSTRUMENT=instrument.name, PROGRAMNAME="boss" if boss else "legacy", PLATEQUALITY="good",
        SPECPRIMARY=int(plan.repeat_of < 0), SPECOBJID=str(plan.specobjid), RUN2D=plan.run2d, RUN1D="" if boss else plan.run2d,
        PLATE=plan.plate, MJD=plan.mjd, FIBERID=plan.fiberid, PLUG_RA=plan.ra, PLUG_DEC=plan.dec, CLASS="GALAXY", SUBCLASS="",
        Z=z, Z_ERR=np.float32(2e-5), Z_NOQSO=z if boss else np.float32(0), Z_ERR_NOQSO=np.float32(2e-5 if boss else 0),
        CLASS_NOQSO="GALAXY" if boss else "",
        ZWARNING=0, ZWARNING_NOQSO=0, WAVEMIN=np.float32(wave[0]), WAVEMAX=np.float32(wave[-1]), WCOVERAGE=np.float32(good),
        SN_MEDIAN_ALL=np.float32(seen.snr),
    )  # fmt: skip
    return row | spoiled.get(plan.spoil, {})


def line_rows(plan, seen, errors_rng):
    """Return the rows of galSpecExtra and Portsmouth; each catalogue measures the lines in its own way."""
    again = {
        name: (value + errors_rng.normal(0, 0.7 * error), 1.2 * error) for name, (value, error) in seen.measured.items()
    }
    mpa = dict(
        SPECOBJID=str(plan.specobjid),
        PLATEID=np.int16(plan.plate),
        MJD=plan.mjd,
        FIBERID=np.int16(plan.fiberid),
        BPTCLASS=mpa_class(seen.measured),
    )
    flux, error = np.zeros(28, "f4"), np.zeros(28, "f4")
    for name, index in PORTSMOUTH_INDEX.items():
        flux[index], error[index] = again[name]
    redshift = {
        "Z" if plan.instrument == "BOSS" else "REDSHIFT": np.float32(plan.z)
    }  # each file has its own name for it
    port = redshift | dict(
        PLATE=plan.plate,
        MJD=plan.mjd,
        FIBERID=plan.fiberid,
        BPT=f"{portsmouth_class(again):<14}",
        FLUX=flux,
        FLUX_ERR=error,
        FIT_WARNING=np.zeros(28, "i4"),
    )
    return mpa, port


def silo_row(plan, seen):
    """Return the row of the lens catalogue; FIBER_INDEX counts from 0."""
    return dict(
        SPECOBJID=str(plan.specobjid), PLATE=plan.plate, MJD=plan.mjd, FIBER_INDEX=plan.fiberid - 1, RA=plan.ra, DEC=plan.dec,
        Z_NOQSO=np.float32(plan.z), DETECTION_Z=np.float32(seen.truth["z_source"]), TOTAL_GRADE=seen.truth["grade"],
    )  # fmt: skip


def truth_row(plan, seen, repeat_ids):
    """Return the row of the answer key."""
    facts = seen.truth | dict(
        specobjid=plan.specobjid, kind=plan.kind, z=plan.z, repeat_of=repeat_ids.get(plan.repeat_of, "")
    )
    return [f"{facts[key]:.6g}" if isinstance(facts[key], float) and key != "z" else facts[key] for key in TRUTH]


def write_table(rows, path):
    """Write rows as a FITS table, whole or not at all."""
    with replace(path) as temporary:
        Table(rows).write(temporary, format="fits")


def write_rows(header, rows, path):
    """Write a header and rows as CSV, whole or not at all."""
    with replace(Path(path)) as temporary, open(temporary, "w", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])
