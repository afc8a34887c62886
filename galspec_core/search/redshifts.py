"""Which catalogue redshifts the spectra themselves contradict."""

import numpy as np
import pandas as pd

from galspec_core.catalogs.roles import PRETRAIN
from galspec_core.encoder.redshift import RedshiftScan, seen_range
from galspec_core.errors import SpectrumError
from galspec_core.log import Progress
from galspec_core.spectra.shard import iterate_native
from galspec_core.spectra.spectrum import check_pixels, good_pixels, mask_value

COLUMNS = ["specobjid", "z", "z_best", "delta_chi2", "delta_continuum", "trusted"]


def make_scan(encoder, settings, roles, manifest):
    """Return the RedshiftScan of an encoder that was fitted to the spectra of role pretrain."""
    trained = roles.loc[roles["role"] == PRETRAIN, "specobjid"]
    return RedshiftScan(encoder, settings, seen_range(manifest.loc[manifest["specobjid"].isin(trained), "z"]))


def scan_spectrum(scan, spectrum, config):
    """Return the improvement [1, 2, S] at every trial redshift of one native Spectrum.

    Raises
    ------
    SpectrumError
        Too few good pixels, no light, or a redshift that is none.
    """
    good = good_pixels(spectrum, mask_value(config.bad_mask_bits))
    check_pixels(spectrum, good, config.min_good_share)
    flux, weight = scan.rebin(spectrum, good)
    return scan.improvement(flux[None], weight[None])


def check_redshifts(shards, ids, scan, config):
    """Return one row with COLUMNS for each spectrum of ``ids`` (uint64) in native shards, read in pieces.

    Where a spectrum cannot be scanned, or the catalogue's redshift is no trial, numbers are NaN and it is not trusted.

    Parameters
    ----------
    scan : RedshiftScan
    config : PrepareConfig
        What makes a pixel bad, and how many must be good.
    """
    wanted, rows = set(np.asarray(ids, dtype="u8").tolist()), []
    progress = Progress("search: check redshifts", len(wanted))
    for shard in shards:
        for row, spectrum in iterate_native(shard):
            if row["specobjid"] in wanted:
                rows.append([row["specobjid"], row["z"], *check_redshift(scan, spectrum, config)])
                progress.add()
    return pd.DataFrame(rows, columns=COLUMNS).astype({"specobjid": "u8", "trusted": bool})


def check_redshift(scan, spectrum, config):
    """Return z_best, delta_chi2, delta_continuum and trusted of one native Spectrum; NaN where it cannot be scanned."""
    try:
        found = scan.compare(scan_spectrum(scan, spectrum, config), [spectrum.z])
    except SpectrumError:
        return np.nan, np.nan, np.nan, False
    return *(float(v[0]) for v in (found.z_best, found.delta_chi2, found.delta_continuum)), bool(scan.trusted(found)[0])
