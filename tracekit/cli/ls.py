"""`tracekit ls`: the runs, newest first."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import click

from tracekit.cli.options import Age, echo_json, format_option, lake_option, progress_bar, tell
from tracekit.cli.shape import run_json
from tracekit.collect.lake import list_lake
from tracekit.collect.look import Listing, list_runs
from tracekit.collect.search import search_runs
from tracekit.journal.home import home
from tracekit.model.summary import RunSummary
from tracekit.model.tree import Status
from tracekit.store.filter import FILTERS, RunFilter, parse_filter

__all__ = ["command"]

_FILTERS = "\n".join(f"  {name + ('>' if key.is_number else ':'):<10} {key.says}" for name, key in FILTERS.items())
_SORTS: dict[str, Callable[[RunSummary], Any]] = {
    "recorded": lambda run: -run.recorded_at_ns,
    "name": lambda run: run.name,
    "time": lambda run: -run.duration_ns,
    "cost": lambda run: -(run.cost_usd or 0.0),
    "tokens": lambda run: -(run.tokens.input + run.tokens.output),
    "calls": lambda run: -run.calls,
    "retries": lambda run: -run.retries,
}


@click.command("ls", epilog=f"\b\nFilters; all must match:\n{_FILTERS}")
@click.argument("wanted", metavar="[FILTER]...", nargs=-1)
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The largest number of runs to list."
)
@click.option("--name", help="List runs whose name contains this, in upper or lower case.")
@click.option("--status", type=click.Choice(get_args(Status)), help="List runs with this status.")
@click.option("--since", type=Age(), help="List runs that were recorded in this time up to now, as in 7d.")
@click.option(
    "--sort", type=click.Choice(list(_SORTS)), default="recorded", help="Sort by this: the newest or largest first."
)
@click.option("--replays", is_flag=True, help="List replays, too.")
@lake_option
@format_option
def command(
    wanted: tuple[str, ...],
    limit: int,
    name: str | None,
    status: str | None,
    since: timedelta | None,
    sort: str,
    replays: bool,
    lake: str | None,
    form: str,
) -> None:
    """List the recorded runs, newest first.

    FILTER is a part of a name, the beginning of an id, or one of the filters below: tracekit ls status:error 'cost>0.5'
    """
    if lake is None:
        chosen, warnings, many = _chosen(wanted, limit, name, status, since, sort, replays=replays)
    else:
        order = None if sort == "recorded" else _SORTS[sort]
        listing, many = list_lake(lake, limit, _filter(wanted, name, status, since), order, replays=replays)
        chosen, warnings = listing.runs, listing.warnings
    tell(warnings)
    if form == "json":
        echo_json([run_json(run) for run in chosen])
        return
    if not chosen:
        if not warnings:
            _tell_nothing(lake, is_filtered=bool(wanted or name or status or since))
        return
    from tracekit.cli.render.runs import print_runs, totals_of  # noqa: PLC0415  rich is not needed for JSON

    print_runs(chosen)
    if len(chosen) > 1:
        tell([totals_of(chosen)])
    if many > len(chosen):
        tell([f"{len(chosen):,} of {many:,} runs; `--limit {many}` lists all"])


def _chosen(
    wanted: tuple[str, ...],
    limit: int,
    name: str | None,
    status: str | None,
    since: timedelta | None,
    sort: str,
    *,
    replays: bool,
) -> tuple[list[RunSummary], list[str], int]:
    """Return the runs to list, messages for the user, and the number of runs without the limit."""
    is_all = bool(wanted or name or status or since) or sort != "recorded"
    if wanted:
        with progress_bar("reading journals") as progress:
            listing = search_runs(parse_filter(" ".join(wanted)), replays=replays, progress=progress)
    else:
        listing = list_runs(None if is_all else limit + 1, replays=replays)
    if len(listing.runs) > limit and not is_all:
        listing = Listing(list_runs(None, replays=replays).runs, listing.warnings)
    after_ns = 0 if since is None else time.time_ns() - round(since.total_seconds() * 1e9)
    runs = [
        run
        for run in listing.runs
        if (name is None or name.lower() in run.name.lower())
        and (status is None or run.status == status)
        and run.recorded_at_ns >= after_ns
    ]
    if sort != "recorded":
        runs.sort(key=_SORTS[sort])
    return runs[:limit], listing.warnings, len(runs)


def _filter(wanted: tuple[str, ...], name: str | None, status: str | None, since: timedelta | None) -> RunFilter:
    """Return a filter that means the arguments and options together."""
    options = (("name", name), ("status", status), ("since", since and f"{since.total_seconds():.0f}s"))
    given = (FILTERS[key].condition(":", value) for key, value in options if value)
    return RunFilter((*parse_filter(" ".join(wanted)).conditions, *given))


def _tell_nothing(lake: str | None, *, is_filtered: bool) -> None:
    if is_filtered:
        click.echo("No run matches; `tracekit ls` without options lists the newest.", err=True)
    elif lake is not None:
        click.echo(
            f"The lake {lake} has no runs yet. `tracekit collect --lake {lake}` adds those of a machine.", err=True
        )
    else:
        click.echo(
            f"Nothing is recorded yet in {home()}. `tracekit demo` or `tracekit run PROGRAM` records a run.", err=True
        )
