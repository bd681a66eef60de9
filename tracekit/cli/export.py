"""`tracekit export`: a run as one file, as tables, or as spans to a collector."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracekit.cli.options import run_argument, tell
from tracekit.collect.look import find
from tracekit.journal.export import export

if TYPE_CHECKING:
    from tracekit.journal.catalog import Entry
    from tracekit.otlp.destination import Protocol

__all__ = ["command"]


@click.command("export")
@run_argument
@click.option(
    "-o",
    "--output",
    "output",
    type=click.Path(path_type=Path),
    help="The file; with --format parquet, the folder.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["journal", "parquet"]),
    default="journal",
    help="One file, which every command takes as RUN; or a Parquet file for each view of `tracekit sql`.",
)
@click.option("--otlp", "url", metavar="URL", help="Send the run's spans to an OpenTelemetry collector instead.")
@click.option(
    "--protocol",
    type=click.Choice(["http/protobuf", "grpc"]),
    default="http/protobuf",
    help="With --otlp: how the collector is spoken to.",
)
@click.option("--content", is_flag=True, help="With --otlp: send what was asked and answered, too.")
@click.option(
    "--normal", is_flag=True, help="Ids in tree order and times from 0: two runs that did the same are the same bytes."
)
@click.option("--allow-secrets", is_flag=True, help="Export even what looks like a credential.")
def command(
    run: str,
    output: Path | None,
    form: str,
    url: str | None,
    protocol: str,
    content: bool,
    normal: bool,
    allow_secrets: bool,
) -> None:
    """Write a run to one file, which every command takes as RUN, or to tables for other programs; or send its spans."""
    if (url is None) == (output is None):
        raise click.UsageError("give one of -o FILE and --otlp URL")
    if content and url is None:
        raise click.UsageError("--content is for --otlp: a file holds all that was recorded")
    entry = find(run)
    if url is not None:
        if content and not allow_secrets:
            _refuse_secrets(entry)
        _send(entry, url, cast("Protocol", protocol), content=content)
        return
    assert output is not None
    if form == "journal":
        if output.is_dir():
            raise click.UsageError(f"{str(output)!r} is a folder: give the file that the run is written to")
        is_shared = _is_in_repository(output)
        tell(export(entry.paths, output, normal=normal, allow_secrets=allow_secrets, shared=is_shared))
        click.echo(f"wrote {output}", err=True)
        return
    if normal:
        raise click.UsageError("--normal is a form of the journal; it goes without --format parquet")
    if output.exists() and not output.is_dir():
        raise click.UsageError(f"{str(output)!r} is a file: the tables need a folder")
    from tracekit.collect.export import export_parquet  # noqa: PLC0415  only where tables are asked for

    if not allow_secrets:
        _refuse_secrets(entry)
    files = export_parquet(entry, output)
    click.echo(f"wrote {len(files)} files to {output}", err=True)


def _is_in_repository(output: Path) -> bool:
    """Whether `output` lies in a work tree of git, where files are kept to be read by others."""
    return any((folder / ".git").exists() for folder in output.absolute().parents)


def _refuse_secrets(entry: Entry) -> None:
    """What may not leave as a journal may not leave in another form either."""
    with tempfile.TemporaryDirectory(prefix="tracekit-") as folder:
        export(entry.paths, Path(folder) / "run.jsonl")


def _send(entry: Entry, url: str, protocol: Protocol, *, content: bool) -> None:
    if not url.lower().startswith(("http://", "https://")):
        raise click.UsageError(f"--otlp {url!r} is no address: give one like http://127.0.0.1:4318")
    # OpenTelemetry's SDK takes a while to load, and only this needs it.
    from tracekit.cli.options import tell  # noqa: PLC0415
    from tracekit.collect.look import damage_in, load  # noqa: PLC0415
    from tracekit.configure import redaction  # noqa: PLC0415
    from tracekit.otlp.destination import Destination, traces_url  # noqa: PLC0415
    from tracekit.otlp.send import send_run  # noqa: PLC0415
    from tracekit.otlp.told import Rules  # noqa: PLC0415

    whole = load(entry)
    tell(damage_in(whole))
    address = url if protocol == "grpc" else traces_url(url)
    rules = Rules(content, redaction())
    sent = send_run(whole, Destination(protocol, address, address), rules, {"service.name": whole.name})
    click.echo(f"sent {sent} spans to {address}", err=True)
