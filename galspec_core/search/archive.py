"""Spectra by name, brought as the run brought its own: its catalogues say the reduction, its records where the archive is."""

from dataclasses import replace

import numpy as np

from galspec_core.errors import GalspecError
from galspec_core.files import read_frame
from galspec_core.sas import FetchConfig, open_root
from galspec_core.spectra.named import fetch_named

CATALOGS = ("selected", "query")  # of a run: they know the reduction and the redshift of many spectra
FIBRE = ["plate", "mjd", "fiberid"]


def fetch_from_archive(fibres, run):
    """Return the Own of each of ``fibres`` (plate, mjd, fiberid, run2d or None) at the catalogue's redshift, or an error."""
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
