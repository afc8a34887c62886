"""The command ``galspec``."""

import json
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import galspec_core
from galspec_core.commands.search import search
from galspec_core.commands.status import status
from galspec_core.errors import GalspecError

app = typer.Typer(help="Find rare galaxies in spectroscopic surveys.", no_args_is_help=True, add_completion=True)
MACRO = {"table2.csv": "Star-forming, AGN and normal (table 2)", "classes.csv": "All labels in one vote (classes.csv)"}
AS_TEXT = dict(index=False, float_format="%.3f", na_rep="", max_colwidth=60)
STATES = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]bad[/]"}


def _say_version(wanted: bool):
    if wanted:
        print(f"galspec {galspec_core.__version__}")
        raise typer.Exit


@contextmanager
def _sentences(*kinds):
    """End the command with the sentence of an error that it foresees, and exit code 2."""
    try:
        yield
    except (GalspecError, OSError, *kinds) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version.")
    ] = False,
):
    """Find rare galaxies in spectroscopic surveys."""


@app.command()
def doctor(
    configfile: Annotated[
        list[Path] | None, typer.Argument(help="Configuration and overlays, as for snakemake.")
    ] = None,
    directory: Annotated[Path, typer.Option(help="Where the run will be.")] = Path(),
):
    """Say what is installed, what can be reached, and whether the run fits on the disk.

    Example: galspec doctor config.yaml config/embedded.yaml --directory runs/demo
    """
    from galspec_core.config import check_config, load_config
    from galspec_core.doctor import examine

    with _sentences():
        config = load_config(configfile or [Path("config.yaml")])
        check_config(config)
    table = Table("", "what", "found", box=None)
    findings = examine(config, directory)
    for finding in findings:
        table.add_row(STATES[finding.state], escape(finding.what), escape(finding.detail))
    Console(soft_wrap=True).print(table)
    raise typer.Exit(int(any(finding.state == "bad" for finding in findings)))


app.command()(status)


@app.command()
def show(directory: Annotated[Path, typer.Argument(help="Where the run is.")] = Path()):
    """Print the search table of a finished run and say where to look.

    Example: galspec show runs/demo
    """
    import pandas as pd

    from galspec_core.search.tables import printed

    results = directory / "results"
    if not (results / "table4.csv").is_file():
        typer.echo(
            f"error: {results / 'table4.csv'} is not there; run snakemake --cores 2 results/table4.csv", err=True
        )
        raise typer.Exit(2)
    table = pd.read_csv(results / "table4.csv")
    columns = ["task", "method", "precision", "recall", "f1", "f1_lo", "f1_hi", "roc_auc", "n_test", "n_target", "note"]
    print(printed(table, columns).to_string(index=False, max_colwidth=60))
    for file, said in MACRO.items():
        if (results / file).is_file():
            macro = pd.read_csv(results / file).query("`class` == 'macro'")
            columns = ["method", "accuracy", "precision", "recall", "f1", "f1_lo", "f1_hi", "note"]
            print(f"\n{said}, means over the classes:")
            print(macro.reindex(columns=columns).dropna(axis=1, how="all").to_string(**AS_TEXT))
    if (results / "report.html").is_file():
        print(f"\nEvery table and figure with its caption: {results}/report.html")
    print(f"\nLook at {results}/figures/neighbours.png (test spectra with their neighbours), the loss plots beside it,")
    print(f"{results}/table4.csv; rejected spectra are in {results}/spectra/rejected.csv.")


@app.command()
def provenance(
    result: Annotated[Path, typer.Argument(help="A file that the workflow made.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the records of all files on the way as JSON.")] = False,
    crate: Annotated[Path | None, typer.Option(help="Write result and records to this zip file, an RO-Crate.")] = None,
):
    """Say what made a result: code, settings, seeds, packages, and its way back to the catalogues.

    Example: galspec provenance results/table4.csv
    """
    from galspec_core import lineage

    with _sentences():
        traced = lineage.trace(result)
        if crate:
            _write_crate(result, crate)
    if as_json:
        print(json.dumps(lineage.as_json(traced), indent=1, ensure_ascii=False))
    elif not crate:
        print(lineage.as_text(traced))


def _write_crate(result, crate):
    try:
        from galspec_core.crate import write_crate
    except ModuleNotFoundError as error:
        remedy = "Install it with: pip install -c constraints.txt -e '.[crate]'"
        raise GalspecError(
            "an RO-Crate needs a package that is not installed", item=error.name, remedy=remedy
        ) from None
    write_crate(result, crate)
    typer.echo(f"{crate} written", err=True)


@app.command()
def verify(
    directory: Annotated[Path, typer.Option(help="Where the run is.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
):
    """Hash everything on disk again and say what is not as it was recorded; exit code 1 if anything is not.

    Example: galspec verify --directory runs/demo
    """
    from galspec_core.drift import as_text, find_drift

    with _sentences():
        drift = find_drift(directory)
    print(json.dumps(asdict(drift), indent=1) if as_json else as_text(drift))
    raise typer.Exit(int(bool(drift.findings)))


app.command()(search)
