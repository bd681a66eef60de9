"""`tracekit collect`: bring the store up to date with the journals."""

from __future__ import annotations

from pathlib import Path

import click

from tracekit.cli.options import progress_bar, tell
from tracekit.collect.collect import Report, collect, rebuild
from tracekit.collect.lake import add_to_lake
from tracekit.formatting import format_bytes, format_count
from tracekit.journal.home import home
from tracekit.store.store import Store

__all__ = ["command"]

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("collect")
@click.option("--rebuild", "anew", is_flag=True, help="Make the store anew from all journals.")
@click.option("--lake", metavar="LAKE", help="Then add the runs to the lake of many machines, a folder or a URL.")
@click.option(
    "--listen", "host", is_flag=False, flag_value="127.0.0.1", metavar="[HOST]", help="Receive spans over OTLP at HOST."
)
@click.option("--http-port", default=4318, show_default=True, help="With --listen: the port of HTTP; 0 for any.")
@click.option("--grpc-port", default=4317, show_default=True, help="With --listen: the port of gRPC; 0 for any.")
@click.option("--token-file", type=_FILE, help="With --listen: the token that senders have to bring.")
@click.option("--certificate", type=_FILE, help="With --listen: the certificate for TLS, in PEM.")
@click.option("--key", type=_FILE, help="With --listen: the key of the certificate, in PEM.")
def command(
    anew: bool,
    lake: str | None,
    host: str | None,
    http_port: int,
    grpc_port: int,
    token_file: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Read new journals into the store, or receive spans over OTLP.

    `ls`, `show` and `sql` do so themselves. The store can be removed at any time: the journals are the record.

    With --lake, add the runs that are new or have grown to a lake that many machines share. It holds what the store holds.

    With --listen, receive spans over OTLP instead, until Ctrl-C, and make a run of each trace.
    """
    if host is not None and (anew or lake is not None):
        raise click.UsageError(
            "--listen goes on until Ctrl-C: give --rebuild and --lake to a `tracekit collect` of its own"
        )
    if lake == "":
        raise click.UsageError("--lake needs a folder or a URL")
    if host is not None:
        from tracekit.cli.listening import listen, token_of  # noqa: PLC0415  its libraries take a while to load
        from tracekit.sources.otlp.receiver.serve import ListenOptions  # noqa: PLC0415  the same

        listen(ListenOptions(host, http_port, grpc_port, token_of(token_file), certificate, key))
        return
    with progress_bar("reading journals") as progress:
        report = rebuild(progress) if anew else collect(progress=progress)
    if report is None:
        tell(["another tracekit process is already collecting"])
    else:
        _tell_collected(report)
    if lake is not None:
        with progress_bar("writing to the lake") as progress:
            added = add_to_lake(lake, progress)
        had = f"; it had {added.had:,} already" if added.had else ""
        tell([f"{format_count(added.runs, 'run')} ({format_count(added.spans, 'span')}) added to {lake}{had}"])


def _tell_collected(report: Report) -> None:
    tell(report.warnings)
    parts = [f"{format_count(report.collected, 'run')} read ({format_count(report.spans, 'span')})"]
    if report.removed:
        parts.append(f"{report.removed} gone")
    if report.waiting:
        parts.append(f"{report.waiting} are being written and were read a moment ago")
    tell([f"{', '.join(parts)}; the store is {format_bytes(Store(home()).size)}"])
