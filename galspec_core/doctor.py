"""Look at the machine before a run: what is installed, what can be reached, what fits."""

import os
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from galspec_core.errors import GalspecError
from galspec_core.sas import is_url, open_root

NATIVE_BYTES = 60_000  # a spectrum on native pixels in Parquet, at most
CATALOG_BYTES = 9_000_000_000  # DR16's catalogues once fetched: specObj 6 GB (SDSS), the others together 3 GB


@dataclass(frozen=True)
class Finding:
    """One line of the report: ``state`` is "ok", "note" or "bad"; only "bad" ones fail."""

    state: str
    what: str
    detail: str


def examine(config, directory="."):
    """Return the findings on this machine for a configuration that will run in ``directory``."""
    return [
        Finding("ok" if sys.version_info >= (3, 11) else "bad", "Python", sys.version.split()[0]),
        *_packages(),
        _gpu(),
        _slurm(),
        *_places(config, Path(directory)),
        _space(config, Path(directory)),
    ]


def _packages():
    """Compare installed versions with GalSpec's pins."""
    for requirement in requires("galspec") or []:
        pin, _, marker = requirement.partition(";")
        name, _, wanted = pin.strip().partition("==")
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Finding("note" if marker else "bad", name, f"not installed, {marker.strip() or 'needed'}")
            continue
        same = found.split("+")[0] == wanted
        yield Finding(
            "ok" if same else "bad", name, found if same else f"{found}, expected {wanted}: pip install '{pin.strip()}'"
        )


def _gpu():
    import torch

    if torch.cuda.is_available():
        return Finding("ok", "GPU", ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())))
    return Finding("note", "GPU", f"none that torch sees: encoders train on {os.cpu_count()} CPU cores")


def _slurm():
    found = shutil.which("sbatch")
    return Finding("ok" if found else "note", "SLURM", found or "no sbatch here: jobs run on this machine")


def _places(config, directory):
    """Look whether the SAS root and the catalogues on this machine are there."""
    sas = str(config["sas"])
    if config["mock"]:
        yield Finding("ok", "SAS root", f"{sas}, simulated by the run")
        return
    try:
        open_root(sas if is_url(sas) else directory / sas).check()
        yield Finding("ok", "SAS root", sas)
    except GalspecError as error:
        yield Finding("bad", "SAS root", str(error))
    outliers = config["outliers"]
    if outliers and not is_url(outliers):
        there = (directory / outliers).is_file()
        yield Finding("ok" if there else "bad", "outliers", outliers if there else f"{outliers} is not a file")


def count_spectra(config):
    """Return how many spectra the manifest of a run will hold, as far as its sizes tell.

    Labelled spectra of the training side are the first that pre-train (``catalogs.role_draws``): they count once.
    """
    sample = config["catalogs"]["sample"]
    amounts = [sample["n_pretrain"], *sample["labelled"].values()]
    if all(isinstance(amount, int) for amount in amounts):
        tested = round(sample["test_side"] * sum(amounts[1:]))
        return max(amounts[0], sum(amounts[1:]) - tested) + tested
    return (config["mock"] or {}).get("n", 2048 * config["spectra"]["n_shards"])


def count_query(config):
    """Return how many spectra a run may fetch or simulate only to ask about them."""
    return (config["mock"] or config["catalogs"]["sample"]).get("query") or 0


def needed_bytes(config):
    """Return the disk space in bytes that a run of this configuration will fill, estimated from its sizes."""
    spectra, from_server = config["spectra"], is_url(str(config["sas"]))
    n = count_spectra(config) + (count_query(config) if from_server else 0)
    grids = {config["encoders"][method]["grid"] for method in config["search"]["methods"]}
    gridded = sum(8 * spectra["grids"][grid]["pixels"] for grid in grids)
    widths = (config["encoders"][m] for m in config["search"]["methods"])
    embedded = sum(4 * entry.get("width", entry.get("components", 0)) for entry in widths)
    simulated = 200_000 * n if config["mock"] else 0
    catalogs = CATALOG_BYTES if from_server else 0
    return n * (NATIVE_BYTES + gridded + embedded) + simulated + catalogs


def _space(config, directory):
    there = next(p for p in (directory.resolve(), *directory.resolve().parents) if p.is_dir())
    free, needed = shutil.disk_usage(there).free, needed_bytes(config)
    text = f"{free / 1e9:.1f} GB free in {there}, the run needs about {needed / 1e9:.1f} GB"
    return Finding("ok" if free > needed else "bad", "disk", text)
