"""`tracekit export`: a run as one file, or as tables."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from tracekit.cli.options import run_argument, tell
from tracekit.collect.look import find
from tracekit.journal.export import export

__all__ = ["command"]


@click.command("export")
@run_argument
@click.option(
    "-o",
    "--output",
    "output",
    type=click.Path(path_type=Path),
    required=True,
    help="The file; with --format parquet, the folder.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["journal", "parquet"]),
    default="journal",
    help="One file, which every command takes as RUN; or a Parquet file for each view of `tracekit sql`.",
)
@click.option(
    "--normal", is_flag=True, help="Ids in tree order and times from 0: two runs that did the same are the same bytes."
)
@click.option("--allow-secrets", is_flag=True, help="Export even what looks like a credential.")
def command(run: str, output: Path, form: str, normal: bool, allow_secrets: bool) -> None:
    """Write a run to one file, which every command takes as RUN, or to tables for other programs."""
    entry = find(run)
    if form == "journal":
        if output.is_dir():
            raise click.UsageError(f"{str(output)!r} is a folder: give the file that the run is written to")
        tell(export(entry.paths, output, normal=normal, allow_secrets=allow_secrets))
        click.echo(f"wrote {output}", err=True)
        return
    if normal:
        raise click.UsageError("--normal is a form of the journal; it goes without --format parquet")
    if output.exists() and not output.is_dir():
        raise click.UsageError(f"{str(output)!r} is a file: the tables need a folder")
    from tracekit.collect.export import export_parquet  # noqa: PLC0415  only where tables are asked for

    if not allow_secrets:
        with tempfile.TemporaryDirectory(prefix="tracekit-") as folder:
            # What may not leave as a journal may not leave as tables either.
            export(entry.paths, Path(folder) / "run.jsonl")
    files = export_parquet(entry, output)
    click.echo(f"wrote {len(files)} files to {output}", err=True)
