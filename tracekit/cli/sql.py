"""`tracekit sql`: ask the store."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from tracekit.cli.answers import FORMS, print_answer
from tracekit.cli.options import lake_option, progress_bar, tell
from tracekit.collect.aside import collected
from tracekit.collect.look import up_to_date
from tracekit.errors import StoreError, TracekitError
from tracekit.journal.home import home
from tracekit.store.ask import Readable
from tracekit.store.lake.lake import Lake
from tracekit.store.views import VIEWS, listing

__all__ = ["command"]

_VIEWS = "\n".join(f"  {view.name:<10} {view.says}" for view in VIEWS)


@click.command("sql", epilog=f"\b\nThe views; --tables lists their columns:\n{_VIEWS}")
@click.argument("query", required=False)
@click.option("--format", "form", type=click.Choice(FORMS), default="table", help="The format of the result.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the result to this file.")
@click.option("--replays", is_flag=True, help="Include replays in the views.")
@lake_option
@click.option("--tables", is_flag=True, help="List every view and column.")
def command(query: str | None, form: str, output: Path | None, replays: bool, lake: str | None, tables: bool) -> None:
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
        query = sys.stdin.buffer.read().decode("utf-8", "replace")
    if query is not None and not query.strip():
        raise click.UsageError("there is no query: give one SELECT, as in: tracekit sql 'SELECT * FROM runs'")
    if lake is not None:
        _ask_lake(Lake(lake), query, form, output, replays=replays)
        return
    with ExitStack() as stack:
        with progress_bar("reading journals") as progress:
            found = stack.enter_context(collected(progress))
        tell(found.warnings)
        if not found.store.exists:
            raise StoreError(
                f"nothing is recorded yet in {home()}; `tracekit demo` or `tracekit run PROGRAM` records a run"
            )
        if query is not None:
            print_answer(found.store, query, form, output, replays=replays)
            return
        _prompt(found.store, form, replays=replays, is_collected=not found.is_aside)


def _ask_lake(lake: Lake, query: str | None, form: str, output: Path | None, *, replays: bool) -> None:
    if query is not None:
        print_answer(lake, query, form, output, replays=replays)
    else:
        _prompt(lake, form, replays=replays, is_collected=False)


def _prompt(store: Readable, form: str, *, replays: bool, is_collected: bool) -> None:
    """Answer the queries that a user types. If the store `is_collected`, it is brought up to date before each."""
    from tracekit.cli.prompt import prompt  # noqa: PLC0415  only where somebody sits before it

    def answer(query: str) -> None:
        try:
            if is_collected:
                # What was recorded meanwhile counts; nobody waits for more than that here.
                tell(up_to_date(budget_s=1.0))
            print_answer(store, query, form, None, replays=replays)
        except TracekitError as error:
            tell([str(error)])

    prompt(store, answer)
