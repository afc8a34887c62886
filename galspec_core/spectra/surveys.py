"""Surveys: how the spectra of some targets come from a survey's files, one after another."""

import tempfile
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from galspec_core.errors import FetchError, SpectrumError
from galspec_core.paths import coadd_path, spec_path
from galspec_core.sas import LocalRoot, fetch_many
from galspec_core.spectra.desi import read_coadd_file
from galspec_core.spectra.spectrum import read_spec_lite


def sdss_spectra(targets, root, config, scratch):
    """Yield (target, Spectrum, or the error in its place) in the order in which they come: a file a spectrum."""
    for target, path, content in _contents(targets, root, config):
        try:
            yield target, _read(content, target, path)
        except (FetchError, SpectrumError) as error:
            yield target, error


def _contents(targets, root, config):
    """Yield (target, path, its file's bytes or the error in their place) in the order in which they come."""
    named = []
    for target in targets:
        try:
            named.append((target, spec_path(*(target[key] for key in ("run2d", "plate", "mjd", "fiberid")))))
        except FetchError as error:
            yield target, "", error
    for i, content in fetch_many(root, [path for _, path in named], config):
        yield *named[i], content


def _read(content, target, path):
    """Return the spectrum of what came: a file's bytes, or the error that came in their place."""
    if isinstance(content, Exception):
        raise content
    identity = (target["plate"], target["mjd"], target["fiberid"])
    return read_spec_lite(content, target["z"], path.rpartition("/")[2], identity)


def desi_spectra(targets, root, config, scratch):
    """Yield (target, Spectrum, or the error in its place): every coadd file is brought and read once."""

    def place(target):
        return str(target["run2d"]), int(target["plate"])

    for _, group in groupby(sorted(targets, key=place), key=place):
        yield from _of_one_file(list(group), root, config, scratch)


def _of_one_file(targets, root, config, scratch):
    try:
        path = coadd_path(targets[0]["run2d"], targets[0]["plate"])
        found = _read_coadd(path, [target["specobjid"] for target in targets], root, config, scratch)
    except (FetchError, SpectrumError) as error:
        if root.down is not None:
            raise
        yield from ((target, error) for target in targets)
        return
    for target in targets:
        spectrum = found.get(int(target["specobjid"]))
        if spectrum is None:
            got, name = f"TARGETID {target['specobjid']} is not in it", path.rpartition("/")[2]
            yield target, SpectrumError("the file holds other targets", reason="another spectrum", item=name, got=got)
        else:
            yield target, replace(spectrum, z=float(target["z"]))


def _read_coadd(path, ids, root, config, scratch):
    """Return {specobjid: Spectrum} of a coadd file below the root; one from a server lies in ``scratch`` while it is read."""
    name = path.rpartition("/")[2]
    if isinstance(root, LocalRoot):
        local = root.local_path(path)
        if not local.is_file():
            raise FetchError("there is no such file", reason="missing", item=local)
        return read_coadd_file(local, ids, name)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        root.using(config).fetch(path, Path(folder) / name)
        return read_coadd_file(Path(folder) / name, ids, name)


SURVEYS = {"sdss": sdss_spectra, "desi": desi_spectra}  # key survey of the configuration
