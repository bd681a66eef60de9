"""`tracekit prune`: remove old runs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import click
from typing_extensions import override

from tracekit.cli.options import Age, echo_json, format_option, tell
from tracekit.collect.prune import KEEP_BYTES, KEEP_DAYS, prune
from tracekit.formatting import format_bytes
from tracekit.model.text import printable

__all__ = ["command"]

_BYTES = {"": 1, "b": 1} | {
    f"{letter}{unit}": base**power
    for power, letter in enumerate("kmgt", 1)
    for unit, base in (("", 1000), ("b", 1000), ("ib", 1024))
}


class _Size(click.ParamType[Any]):
    """An amount of data: ``2GB``, ``500MB``, ``1.5GiB``."""

    name = "SIZE"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b?)", str(value).lower())
        if match is None or match[2] not in _BYTES:
            self.fail(f"{value!r} is not a size: give a number and kB, MB or GB, as in 2GB", param, ctx)
        return int(float(match[1]) * _BYTES[match[2]])


@click.command("prune")
@click.option(
    "--older-than",
    type=Age(),
    help=f"Remove runs that ended longer ago than this, as in 30d.  [default: {KEEP_DAYS}d, unless --max-size is given]",
)
@click.option(
    "--max-size",
    type=_Size(),
    help="Remove the oldest runs until journals and store take no more than this, as in 2GB.  "
    f"[default: {KEEP_BYTES // 10**9}GB, unless --older-than is given]",
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@format_option
def command(older_than: timedelta | None, max_size: int | None, dry_run: bool, form: str) -> None:
    """Remove old runs, journals and all, oldest first; never one that is being written."""
    if older_than is None and max_size is None:
        older_than, max_size = timedelta(days=KEEP_DAYS), KEEP_BYTES
    report = prune(older_than, max_size, dry_run=dry_run)
    if form == "json":
        echo_json(
            {
                "removed": [run.id for run in report.removed],
                "still_open": report.still_open,
                "bytes_before": report.bytes_before,
                "bytes_after": report.bytes_after,
                "dry_run": dry_run,
            }
        )
        return
    freed = sum(run.size for run in report.removed)
    verb = "would remove" if dry_run else "removed"
    tell([f"{verb} {len(report.removed)} runs with {format_bytes(freed)} of journals"])
    if report.still_open:
        tell([f"{report.still_open} old runs are kept: they are being written"])
    if not dry_run:
        tell(
            [
                f"journals and store took {format_bytes(report.bytes_before)}, and now take {format_bytes(report.bytes_after)}"
            ]
        )
    for run in report.removed if dry_run else ():
        click.echo(printable(run.id))
