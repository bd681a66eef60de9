"""`tracekit collect`: bring the store up to date with the journals."""

from __future__ import annotations

import click

from tracekit.cli.options import progress_bar, tell
from tracekit.collect.collect import collect, rebuild
from tracekit.formatting import format_bytes, format_count
from tracekit.journal.home import home
from tracekit.store.store import Store

__all__ = ["command"]


@click.command("collect")
@click.option("--rebuild", "anew", is_flag=True, help="Make the store anew from all journals.")
def command(anew: bool) -> None:
    """Read what was recorded since the last time into the store.

    `ls`, `show` and `sql` do so themselves. The store can be removed at any time: the journals are the record.
    """
    with progress_bar("reading journals") as progress:
        report = rebuild(progress) if anew else collect(progress=progress)
    if report is None:
        tell(["another tracekit is collecting already"])
        return
    tell(report.told)
    parts = [f"{format_count(report.collected, 'run')} read ({format_count(report.spans, 'span')})"]
    if report.removed:
        parts.append(f"{report.removed} gone")
    if report.waiting:
        parts.append(f"{report.waiting} are being written and were read a moment ago")
    tell([f"{', '.join(parts)}; the store is {format_bytes(Store(home()).size)}"])
