"""`tracekit export`: a run as one file."""

from __future__ import annotations

from pathlib import Path

import click

from tracekit.cli.options import run_argument
from tracekit.journal.catalog import find_run
from tracekit.journal.export import export

__all__ = ["command"]


@click.command("export")
@run_argument
@click.option(
    "-o", "--output", "output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file."
)
def command(run: str, output: Path) -> None:
    """Write a run to one file, which every command takes as RUN."""
    entry = find_run(run)
    export(entry.paths, output)
    click.echo(f"wrote {output}", err=True)
