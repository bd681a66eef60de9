"""The list of runs as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from tracekit.cli.render.console import console
from tracekit.formatting import (
    format_count,
    format_duration,
    format_money,
    format_number,
    format_output,
    format_price,
    format_status,
    is_unicode,
)
from tracekit.model.summary import RunSummary, listed_numbers
from tracekit.model.text import printable
from tracekit.model.tree import Tokens

__all__ = ["print_runs", "totals_of"]

_LEAST_NAME, _NARROW = 12, 80
_STATUS_STYLE = {"ok": "green", "error": "red", "open": "cyan", "interrupted": "yellow"}


def print_runs(runs: Sequence[RunSummary]) -> None:
    """Print one line a run. Where there is no room, numbers are left out, then names shortened; never another cell."""
    out = console()
    numbers = [column.header.upper() for column in listed_numbers()]
    heads = ["RUN", "NAME", "RECORDED", "STATUS", "TIME", *numbers, "COST", "SOURCE"]
    cells = [_cells(run, is_narrow=out.width < _NARROW) for run in runs]
    widths = [max(len(head), *(row[at].cell_len for row in cells)) for at, head in enumerate(heads)]
    if not any(run.source for run in runs):
        heads.pop()
    shown = _fitting(heads, widths, out.width)
    others = sum(widths[at] for at in shown if heads[at] != "NAME") + 2 * (len(shown) - 1)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at in shown:
        width = max(_LEAST_NAME, min(widths[at], out.width - others)) if heads[at] == "NAME" else widths[at]
        table.add_column(
            heads[at],
            justify="left" if at < heads.index("TIME") or heads[at] == "SOURCE" else "right",
            no_wrap=True,
            overflow="ellipsis",
            width=width,
        )
    for row in cells:
        table.add_row(*(row[at] for at in shown))
    out.print(table)


def _fitting(heads: Sequence[str], widths: Sequence[int], width: int) -> list[int]:
    """The columns that fit into `width`: the source gives way first, then the last number between time and cost."""
    shown = list(range(len(heads)))
    name, time = heads.index("NAME"), heads.index("TIME")
    giving_way = [at for at, head in enumerate(heads) if at > time and head != "COST"]
    giving_way.sort(key=lambda at: heads[at] == "SOURCE")
    while giving_way:
        least = sum(min(widths[at], _LEAST_NAME) if at == name else widths[at] for at in shown) + 2 * (len(shown) - 1)
        if least <= width:
            break
        shown.remove(giving_way.pop())
    return shown


def _number(name: str, tokens: Tokens, value: int) -> str:
    if name in ("retries", "findings") and not value:
        return "·"
    if name == "output_tokens":
        return format_output(value, is_partial=tokens.is_partial)
    return format_number(value) if name.endswith("_tokens") else str(value)


def _cells(run: RunSummary, *, is_narrow: bool) -> list[Text]:
    recorded = datetime.fromtimestamp(run.recorded_at_ns / 1e9).astimezone()
    return [
        Text(run.id[:8]),
        Text(printable(run.name, most=40)),
        Text(recorded.strftime("%m-%d %H:%M" if is_narrow else "%Y-%m-%d %H:%M:%S")),
        Text(
            format_status(run.status, run.replay, is_replay=run.replay_of is not None), style=_STATUS_STYLE[run.status]
        ),
        Text(format_duration(run.last_ns - run.start_ns)),
        *(Text(_number(column.name, run.tokens, getattr(run, column.name))) for column in listed_numbers()),
        Text(cost_text(run) or "·"),
        Text(printable(run.source, most=20)),
    ]


def cost_text(run: RunSummary) -> str:
    """Return the cost of a run, in brackets for a replay, or "" where no price is known."""
    return format_price(run.shown_cost_usd, complete=run.cost_complete, is_replay=run.replay_of is not None)


def totals_of(runs: Sequence[RunSummary]) -> str:
    """Return the sums of what `runs` took: calls, tokens, cost. Replays cost nothing, and are left out."""
    paid = [run for run in runs if run.replay_of is None]
    tokens = sum((run.tokens for run in paid), Tokens())
    costs = [run.cost_usd for run in paid if run.cost_usd is not None]
    arrow = "→" if is_unicode() else "->"
    output = format_output(tokens.output, is_partial=tokens.is_partial)
    facts = [
        format_count(sum(run.calls for run in paid), "call"),
        f"{format_number(tokens.input)} {arrow} {output} tokens",
        format_money(sum(costs) if costs else None, complete=all(run.cost_complete for run in paid)),
    ]
    return f"{format_count(len(paid), 'run')}: {', '.join(filter(None, facts))}"
