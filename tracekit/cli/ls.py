"""`tracekit ls`: the runs, newest first."""

from __future__ import annotations

import click

from tracekit.cli.options import echo_json, format_option, tell
from tracekit.cli.shape import run_json
from tracekit.collect.look import list_runs
from tracekit.journal.home import home

__all__ = ["command"]


@click.command("ls")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many runs at most.")
@click.option("--replays", is_flag=True, help="List replays, too; they cost nothing.")
@format_option
def command(limit: int, replays: bool, form: str) -> None:
    """List the recorded runs, newest first."""
    runs, told = list_runs(limit, replays=replays)
    tell(told)
    if form == "json":
        echo_json([run_json(run) for run in runs])
        return
    if not runs:
        if told:
            return
        click.echo(
            f"Nothing is recorded yet in {home()}. `tracekit demo` or `tracekit run PROGRAM` records a run.", err=True
        )
        return
    from tracekit.cli.render.runs import print_runs  # noqa: PLC0415  rich is not needed for JSON

    print_runs(runs)
