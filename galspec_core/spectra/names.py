"""Names of spectra: plate-mjd-fiber, specobjid, and under which reductions a plate of SDSS may stand."""

import re

from galspec_core.paths import SDSS_RUN2D

NAME = re.compile(r"(?:spec-)?(\d{1,5})-(\d{5})-(\d{1,4})(?:\.fits)?", re.ASCII)
SPECOBJID = re.compile(r"\d{18,20}", re.ASCII)
FIRST_BOSS = 3510  # plate; those before were observed with the SDSS-I/II spectrographs
RUN2D_OF = {True: SDSS_RUN2D, False: ("v5_13_0",)}  # by whether it is such a plate: the reductions of DR16
BITS = {"plate": (50, 14), "fiberid": (38, 12), "mjd": (24, 14), "run2d": (10, 14)}  # of a specobjid (SDSS data model)
MJD_ZERO = 50000


def spectrum_name(row):
    """Return how a spectrum is called wherever it is shown: plate-mjd-fiber as in the names of SDSS's files.

    One that no single fibre saw (DESI's have mjd 0) is called by its specobjid. ``row`` has the four as attributes.
    """
    return f"{row.plate:04d}-{row.mjd:05d}-{row.fiberid:04d}" if row.mjd else str(row.specobjid)


def parse_name(text):
    """Return (plate, mjd, fiberid, run2d or None) of an SDSS name or specobjid; None where the text is neither."""
    text = text.strip()
    if named := NAME.fullmatch(text):
        return *map(int, named.groups()), None
    if SPECOBJID.fullmatch(text) and int(text) < 2**64:
        parts = {key: int(text) >> shift & (1 << bits) - 1 for key, (shift, bits) in BITS.items()}
        return parts["plate"], parts["mjd"] + MJD_ZERO, parts["fiberid"], spell_run2d(parts["run2d"])
    return None


def spell_run2d(number):
    """Return the reduction that the number in a specobjid stands for: 26, or v5_13_0 for 1300."""
    if str(number) in SDSS_RUN2D:
        return str(number)
    return f"v{5 + number // 10000}_{number // 100 % 100}_{number % 100}"


def possible_run2d(plate, others=()):
    """Return the reductions under which a plate may stand, likely ones first; ``others`` are those that a survey holds."""
    old = plate < FIRST_BOSS
    return list(dict.fromkeys([*RUN2D_OF[old], *sorted(name for name in others if (name in SDSS_RUN2D) == old)]))
