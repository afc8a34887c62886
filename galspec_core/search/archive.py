"""Spectra by name: out of the run's own shards, or brought as the run brought those.

Its catalogues then say the reduction, its records where the archive is.
"""

from dataclasses import replace

import numpy as np

from galspec_core.errors import GalspecError
from galspec_core.files import read_frame
from galspec_core.paths import spec_path
from galspec_core.sas import FetchConfig, open_root
from galspec_core.spectra.named import fetch_named
from galspec_core.spectra.own import Own
from galspec_core.spectra.shard import find_native

MANIFESTS = ("manifest", "query")  # of a run: they say which shard holds a spectrum
CATALOGS = ("selected", "query")  # of a run: they know the reduction and the redshift of many spectra
FIBRE = ["plate", "mjd", "fiberid"]


def find_named(fibres, run):
    """Return the Own of each of ``fibres`` (plate, mjd, fiberid, run2d or None) at the catalogue's redshift, or an error.

    What the run has on native pixels is read there, the rest is fetched.
    """
    try:
        found = _from_shards({fibre[:3] for fibre in fibres}, run.folder)
        left = [fibre for fibre in fibres if fibre[:3] not in found]
        fetched = iter(_from_archive(left, run) if left else [])
    except GalspecError as error:
        return [error] * len(fibres)
    return [found[fibre[:3]] if fibre[:3] in found else next(fetched) for fibre in fibres]


def _from_shards(wanted, folder):
    """Return {(plate, mjd, fiberid): Own} of those that stand in the run's own shards, or the error of a damaged shard."""
    found, plates = {}, sorted({plate for plate, _, _ in wanted})
    for name in MANIFESTS:
        path = folder / f"results/catalogs/{name}.parquet"
        if not path.is_file():
            continue
        rows = read_frame(path, [*FIBRE, "specobjid", "ra", "dec", "shard"], [("plate", "in", plates)])
        rows["fibre"] = list(zip(*(rows[key].tolist() for key in FIBRE), strict=True))
        for shard, part in rows[rows["fibre"].isin(wanted)].groupby("shard", observed=True):
            native = folder / f"data/spectra/{shard}.parquet"
            if native.is_file():
                found |= _of_shard(native, part.set_index("specobjid"))
    return found


def _of_shard(path, rows):
    """Return {fibre: Own} of the ``rows`` of a manifest that a native shard holds, or its error for each of them."""
    try:
        return {
            rows["fibre"][row["specobjid"]]: _own(row, spectrum, rows)
            for row, spectrum in find_native(path, rows.index)
        }
    except GalspecError as error:
        return dict.fromkeys(rows["fibre"], error)


def _own(row, spectrum, rows):
    fibre, ra, dec = rows.loc[row["specobjid"], ["fibre", "ra", "dec"]]
    return Own(spec_path(row["run2d"], *fibre).rpartition("/")[2], spectrum, fibre, ra, dec)


def _from_archive(fibres, run):
    """Return the Own of each of ``fibres`` from where the run fetched its spectra, or an error."""
    known, others = _catalogued(run.folder, {fibre[0] for fibre in fibres})
    try:
        sas, config = run.fetched["sas"], FetchConfig(**run.fetched["fetch"])
        root = open_root(sas, config)
        found = fetch_named(fibres, root, config, {fibre: run2d for fibre, (run2d, _) in known.items()}, others)
    except GalspecError as error:
        return [error] * len(fibres)
    return [_at_known(own, known.get(tuple(fibre[:3]))) for own, fibre in zip(found, fibres, strict=True)]


def _at_known(own, known):
    """Return an Own at the redshift of the catalogue where that has it."""
    if isinstance(own, GalspecError) or known is None or not np.isfinite(known[1]):
        return own
    return replace(own, spectrum=replace(own.spectrum, z=known[1]))


def _catalogued(folder, plates):
    """Return {(plate, mjd, fiberid): (run2d, z)} of some plates, and all reductions, by the run's catalogues."""
    known, others = {}, set()
    for name in CATALOGS:
        path = folder / f"results/catalogs/{name}.parquet"
        if path.is_file():
            table = read_frame(path, [*FIBRE, "run2d", "z"])
            others |= set(table["run2d"].astype(str).unique())
            table = table[table["plate"].isin(plates)]
            fibres = zip(*(table[key].tolist() for key in FIBRE), strict=True)
            known |= dict(
                zip(fibres, zip(table["run2d"].astype(str), table["z"].astype(float), strict=True), strict=True)
            )
    return known, others
