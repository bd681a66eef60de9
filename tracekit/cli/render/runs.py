"""The list of runs as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from tracekit.cli.render.console import console
from tracekit.formatting import format_duration, format_money, format_number
from tracekit.model.summary import RunSummary, listed_numbers
from tracekit.model.text import printable

__all__ = ["print_runs"]

_STATUS_STYLE = {"ok": "green", "error": "red", "open": "cyan", "interrupted": "yellow"}


def print_runs(runs: Sequence[RunSummary]) -> None:
    """Print one line a run."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("RUN", "NAME", "RECORDED", "STATUS"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for name in ("TIME", *(column.header.upper() for column in listed_numbers()), "COST"):
        table.add_column(name, justify="right", no_wrap=True, overflow="ellipsis")
    for run in runs:
        table.add_row(*_cells(run))
    console().print(table)


def _number(name: str, value: int) -> str:
    if name == "retries" and not value:
        return "·"
    return format_number(value) if name.endswith("_tokens") else str(value)


def _cells(run: RunSummary) -> list[Text]:
    recorded = datetime.fromtimestamp(run.recorded_at_ns / 1e9).astimezone()
    return [
        Text(run.id[:8]),
        Text(printable(run.name, most=40)),
        Text(recorded.strftime("%Y-%m-%d %H:%M:%S")),
        Text(run.status if run.replay_of is None else f"↻ {run.replay or run.status}", style=_STATUS_STYLE[run.status]),
        Text(format_duration(run.last_ns - run.start_ns)),
        *(Text(_number(column.name, getattr(run, column.name))) for column in listed_numbers()),
        Text((format_money(run.cost_usd, complete=run.cost_complete) if run.replay_of is None else "") or "·"),
    ]
