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

_LEAST_NAME, _NARROW = 12, 80
_STATUS_STYLE = {"ok": "green", "error": "red", "open": "cyan", "interrupted": "yellow"}


def print_runs(runs: Sequence[RunSummary]) -> None:
    """Print one line a run. Where there is no room, numbers are left out, then names shortened; never another cell."""
    out = console()
    numbers = [column.header.upper() for column in listed_numbers()]
    heads = ["RUN", "NAME", "RECORDED", "STATUS", "TIME", *numbers, "COST"]
    cells = [_cells(run, is_narrow=out.width < _NARROW) for run in runs]
    widths = [max(len(head), *(row[at].cell_len for row in cells)) for at, head in enumerate(heads)]
    shown = _fitting(heads, widths, out.width)
    others = sum(widths[at] for at in shown if heads[at] != "NAME") + 2 * (len(shown) - 1)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at in shown:
        width = max(_LEAST_NAME, min(widths[at], out.width - others)) if heads[at] == "NAME" else widths[at]
        table.add_column(
            heads[at],
            justify="left" if at < heads.index("TIME") else "right",
            no_wrap=True,
            overflow="ellipsis",
            width=width,
        )
    for row in cells:
        table.add_row(*(row[at] for at in shown))
    out.print(table)


def _fitting(heads: Sequence[str], widths: Sequence[int], width: int) -> list[int]:
    """The columns that fit into `width`: the last of the numbers between time and cost give way first."""
    shown = list(range(len(heads)))
    name, time = heads.index("NAME"), heads.index("TIME")
    while len(shown) > time + 2:
        least = sum(min(widths[at], _LEAST_NAME) if at == name else widths[at] for at in shown) + 2 * (len(shown) - 1)
        if least <= width:
            break
        del shown[-2]
    return shown


def _number(name: str, value: int) -> str:
    if name == "retries" and not value:
        return "·"
    return format_number(value) if name.endswith("_tokens") else str(value)


def _cells(run: RunSummary, *, is_narrow: bool) -> list[Text]:
    recorded = datetime.fromtimestamp(run.recorded_at_ns / 1e9).astimezone()
    return [
        Text(run.id[:8]),
        Text(printable(run.name, most=40)),
        Text(recorded.strftime("%m-%d %H:%M" if is_narrow else "%Y-%m-%d %H:%M:%S")),
        Text(run.status if run.replay_of is None else f"↻ {run.replay or run.status}", style=_STATUS_STYLE[run.status]),
        Text(format_duration(run.last_ns - run.start_ns)),
        *(Text(_number(column.name, getattr(run, column.name))) for column in listed_numbers()),
        Text((format_money(run.cost_usd, complete=run.cost_complete) if run.replay_of is None else "") or "·"),
    ]
