"""The command ``galspec``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import galspec_core
from galspec_core.errors import GalspecError

app = typer.Typer(help="Find rare galaxies in spectroscopic surveys.", no_args_is_help=True, add_completion=True)
MACRO = {"table2.csv": "Star-forming, AGN and normal (table 2)", "classes.csv": "All labels in one vote (classes.csv)"}
AS_TEXT = dict(index=False, float_format="%.3f", na_rep="", max_colwidth=60)
STATES = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]bad[/]"}


def _say_version(wanted: bool):
    if wanted:
        print(f"galspec {galspec_core.__version__}")
        raise typer.Exit


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

    try:
        config = load_config(configfile or [Path("config.yaml")])
        check_config(config)
    except GalspecError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    table = Table("", "what", "found", box=None)
    findings = examine(config, directory)
    for finding in findings:
        table.add_row(STATES[finding.state], finding.what, finding.detail)
    Console(soft_wrap=True).print(table)
    raise typer.Exit(int(any(finding.state == "bad" for finding in findings)))


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
