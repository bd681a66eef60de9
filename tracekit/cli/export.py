"""`tracekit export`: write a run as one file or as tables, or send its spans to a collector."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracekit.cli.options import run_argument, tell
from tracekit.cli.sharing import FORMS, write_shared
from tracekit.collect.look import find
from tracekit.formatting import format_count
from tracekit.journal.catalog import service_of
from tracekit.journal.export import export
from tracekit.journal.home import home

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
    help="The file; with --format parquet, the folder. A page, a picture, a timeline and a test are named after the run "
    "by default, and a summary is printed.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["journal", "parquet", *FORMS]),
    default="journal",
    help="One file, which every command takes as RUN; a Parquet file for each view of `tracekit sql`; a page for a "
    "browser; the timeline as a picture or for ui.perfetto.dev; a summary for a pull request; or a test with its recording.",
)
@click.option("--otlp", "url", metavar="URL", help="Send the run's spans to an OpenTelemetry collector instead.")
@click.option(
    "--protocol",
    type=click.Choice(["http/protobuf", "grpc"]),
    default="http/protobuf",
    help="With --otlp: the protocol of the collector.",
)
@click.option("--content", is_flag=True, help="With --otlp: send the messages, too.")
@click.option(
    "--normal",
    is_flag=True,
    help="Number ids in tree order and count times from 0, so that equal runs give equal files.",
)
@click.option("--allow-secrets", is_flag=True, help="Export the run even if a text looks like a credential.")
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
    """Write a run to one file, which every command takes as RUN, or to another form; or send its spans."""
    if url is not None and output is not None:
        raise click.UsageError("give either -o FILE or --otlp URL")
    if url is None and output is None and form not in FORMS:
        raise click.UsageError("give either -o FILE or --otlp URL")
    if content and url is None:
        raise click.UsageError("--content is for --otlp only: a file always has all recorded content; remove --content")
    entry = find(run)
    if url is not None:
        if content and not allow_secrets:
            _refuse_secrets(entry)
        _send(entry, url, cast("Protocol", protocol), content=content)
        return
    if normal and form != "journal":
        raise click.UsageError(f"--normal is for --format journal, not for --format {form}: remove one of the two")
    if form in FORMS:
        if not allow_secrets:
            _refuse_secrets(entry)
        write_shared(entry, form, output, is_shared=_is_in_repository(output or Path()), allow_secrets=allow_secrets)
        return
    assert output is not None
    if form == "journal":
        if output.is_dir():
            raise click.UsageError(f"{str(output)!r} is a folder: give the file that the run is written to")
        is_shared = _is_in_repository(output)
        tell(export(entry.paths, output, normal=normal, allow_secrets=allow_secrets, shared=is_shared))
        click.echo(f"wrote {output}", err=True)
        return
    if output.exists() and not output.is_dir():
        raise click.UsageError(f"{str(output)!r} is a file: the tables need a folder")
    from tracekit.collect.export import export_parquet  # noqa: PLC0415  only where tables are asked for

    if not allow_secrets:
        _refuse_secrets(entry)
    files = export_parquet(entry, output)
    click.echo(f"wrote {len(files)} files to {output}", err=True)


def _is_in_repository(output: Path) -> bool:
    """Return whether `output` lies in a work tree of git, where others read it."""
    return any((folder / ".git").exists() for folder in output.absolute().parents)


def _refuse_secrets(entry: Entry) -> None:
    """Raise if the run may not leave as a journal: then it may not leave in another form either."""
    with tempfile.TemporaryDirectory(prefix="tracekit-") as folder:
        export(entry.paths, Path(folder) / "run.jsonl")


def _send(entry: Entry, url: str, protocol: Protocol, *, content: bool) -> None:
    # OpenTelemetry's SDK takes a while to load, and only this needs it.
    from tracekit.collect.look import damage_in, read_entry  # noqa: PLC0415
    from tracekit.otlp.destination import destination, traces_url  # noqa: PLC0415
    from tracekit.otlp.losses import note_abandoned, note_resent  # noqa: PLC0415
    from tracekit.otlp.send import send_run  # noqa: PLC0415
    from tracekit.privacy import SpanRules, project_privacy, public_address  # noqa: PLC0415

    if not url.lower().startswith(("http://", "https://")):
        raise click.UsageError(f"--otlp {public_address(url)!r} is not an address: give one like http://127.0.0.1:4318")
    whole = read_entry(entry)
    tell(damage_in(whole))
    collector = destination(protocol, url if protocol == "grpc" else traces_url(url), os.environ)
    redact = project_privacy().text
    done = send_run(whole, collector, SpanRules(content, redact), {"service.name": redact(service_of(entry))})
    if done.cut:
        tell([f"too large to send with content: {format_count(done.cut, 'span')}"])
    if done.lost:
        after = f" after {format_count(done.sent, 'span')}" if done.sent else ""
        tell([f"{collector.shown} does not take {format_count(done.lost, 'span')}{after}: {done.reason}"])
        sys.exit(1)
    note_abandoned(home())
    note_resent(home(), whole.id)
    click.echo(f"sent {format_count(done.sent, 'span')} to {collector.shown}", err=True)
