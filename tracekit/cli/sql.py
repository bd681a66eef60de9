"""`tracekit sql`: ask the store."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tracekit.cli.answers import FORMS, print_answer
from tracekit.cli.options import progress_bar, tell
from tracekit.collect.look import up_to_date
from tracekit.errors import StoreError, TracekitError
from tracekit.journal.home import home
from tracekit.store.store import Store
from tracekit.store.views import VIEWS, listing

__all__ = ["command"]

_VIEWS = "\n".join(f"  {view.name:<10} {view.says}" for view in VIEWS)


@click.command("sql", epilog=f"\b\nThe views; --tables lists their columns:\n{_VIEWS}")
@click.argument("query", required=False)
@click.option("--format", "form", type=click.Choice(FORMS), default="table", help="How the answer is printed.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file for the answer.")
@click.option("--replays", is_flag=True, help="Let the views show replays, too; they cost nothing.")
@click.option("--tables", is_flag=True, help="List every view and column.")
def command(query: str | None, form: str, output: Path | None, replays: bool, tables: bool) -> None:
    """Ask all runs at once, in DuckDB's SQL.

    QUERY is one SELECT over the views below; it can only read. Without it, on a terminal, a prompt opens; otherwise it
    is read from the standard input.
    """
    if tables:
        click.echo("\n".join(listing()).rstrip())
        return
    if form == "parquet" and output is None:
        raise click.UsageError("Parquet goes to a file: give -o FILE")
    if query is None and not sys.stdin.isatty():
        query = sys.stdin.read()
    if query is not None and not query.strip():
        raise click.UsageError("there is no query: give one SELECT, as in: tracekit sql 'SELECT * FROM runs'")
    store = _collected()
    if query is not None:
        print_answer(store, query, form, output, replays=replays)
        return
    from tracekit.cli.prompt import prompt  # noqa: PLC0415  only where somebody sits before it

    def answer(query: str) -> None:
        try:
            # What was recorded meanwhile counts; nobody waits for more than that here.
            tell(up_to_date(budget_s=1.0))
            print_answer(store, query, form, None, replays=replays)
        except TracekitError as error:
            tell([str(error)])

    prompt(store, answer)


def _collected() -> Store:
    """The store, brought up to date.

    Raises:
        StoreError: Nothing is recorded yet, or the store cannot be used.
    """
    store = Store(home())
    with progress_bar("reading journals") as progress:
        tell(up_to_date(progress=progress))
    if not store.exists:
        raise StoreError(
            f"nothing is recorded yet in {home()}; `tracekit demo` or `tracekit run PROGRAM` records a run"
        )
    return store
