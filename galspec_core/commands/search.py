"""The command ``galspec search``."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from galspec_core.errors import CONTROL, GalspecError, plain_text

ANSWERED, SOME_NOT, WRONG_USE = 0, 1, 2
AT_ONCE = 32  # pages whose neighbours' spectra are read together
EXAMPLES = """Examples:

  galspec search 8224-57099-463 --run runs/demo

  galspec search mine.csv --z 0.087 --where "z < 0.2 and class != 'Outlier'" --top 5 --run runs/demo

  galspec search 8224-57099-463 --task liner --json --run runs/demo > answer.json

A FILE is an SDSS spec-lite or spec file, a name plate-mjd-fiber or specobjid (fetched as the run fetched its spectra), a CSV or
ECSV table with columns wave (Angstrom, vacuum, observed frame), flux and ivar or error, or anything that specutils reads.

Exit code: 0 all answered, 1 some files not answered (a sentence for each on stderr), 2 wrong use or no run."""


def search(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Spectra: files or SDSS names.", show_default=False)],
    run: Annotated[Path, typer.Option(help="Where the finished run is.")] = Path(),
    z: Annotated[float | None, typer.Option(help="Redshift, over what a file says; all files get it.")] = None,
    method: Annotated[str | None, typer.Option(help="Encoder and vote; galspec, or the run's first.")] = None,
    task: Annotated[str | None, typer.Option(help="Whose knowledge base; classes (all labels), or the run's first.")] = None,
    where: Annotated[str | None, typer.Option(help="Only neighbours that fit, such as \"z < 0.1 and class == 'LINER'\".")] = None,
    top: Annotated[int, typer.Option(min=1, help="Neighbours to list.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout, nothing else.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on stdout, a row a neighbour, nothing else.")] = False,
    page: Annotated[Path | None, typer.Option(help="Write the page of a single spectrum here.")] = None,
    no_page: Annotated[bool, typer.Option("--no-page", help="Write no page.")] = False,
):  # fmt: skip
    """Ask a finished run what a spectrum is: class shares, the neighbours behind them, and a page that shows them."""
    from galspec_core.notebook import KnowledgeBase

    _check_use(files, as_json, as_csv, page, no_page)
    try:
        base = KnowledgeBase.load(run, task=task, method=method, say=_say)
        found = base.answers(files, z=z, top=top, where=where)
    except (GalspecError, OSError) as error:
        _fail(error)
    answers = [answer for answer in found if not isinstance(answer, GalspecError)]
    _print(answers, as_json, as_csv)
    failed = [answer for answer in found if isinstance(answer, GalspecError)]
    for why in failed:
        _say(f"error: {why}")
    if not no_page:
        failed += _write_pages(base, answers, page)
    raise typer.Exit(SOME_NOT if failed else ANSWERED)


search.__doc__ = f"{search.__doc__}\n\n{EXAMPLES}"


def _check_use(files, as_json, as_csv, page, no_page):
    if as_json and as_csv:
        _fail("--json and --csv cannot both go to stdout")
    if page is not None and (no_page or len(files) > 1):
        _fail("--page names the page of one FILE; several pages are named after their spectra")


def _fail(what) -> NoReturn:
    _say(f"error: {what}")
    raise typer.Exit(WRONG_USE)


def _say(text):
    typer.echo(text, err=True)


def _print(answers, as_json, as_csv):
    from galspec_core.search.answer import as_json as to_json
    from galspec_core.search.answer import as_rows, as_text

    if as_json:
        text = json.dumps([to_json(answer) for answer in answers], indent=1, ensure_ascii=False)
        typer.echo(CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text))
    elif as_csv:
        typer.echo(plain_text(as_rows(answers).to_csv(index=False, float_format="%.6g", lineterminator="\n")), nl=False)
    else:
        typer.echo("\n\n".join(map(as_text, answers)))


def _free(name, used):
    """Return the path of a page that no other one of the batch has: its name, with a number where that is taken."""
    path = Path(name)
    paths = (path, *(path.with_stem(f"{path.stem}-{number}") for number in range(2, len(used) + 2)))
    return next(path for path in paths if path not in used)


def _write_pages(base, answers, page):
    """Write a page for each answer and say where; return the errors of those that could not be written."""
    from galspec_core.figures.answer_page import page_name

    failed, used = [], set()
    for number, answer in enumerate(answers):
        if number % AT_ONCE == 0:
            with suppress(GalspecError, OSError):  # each page then reads its own, and says what is wrong with them
                base.keep_spectra(answers[number : number + AT_ONCE])
        path = page or _free(page_name(answer.name), used)
        used.add(path)
        try:
            answer.write_page(path)
            _say(f"page: {path}")
        except (GalspecError, OSError) as error:
            failed.append(error)
            _say(f"error: {answer.name}: no page was written: {error}")
    return failed
