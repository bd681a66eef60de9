"""A run's agents by name, and its calls by model: calls, times, tokens, costs, and shares of the critical path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tracekit_viewer.door import AgentRow, agent_rows, count, duration, money, output
from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.columns import fitted
from tracekit_viewer.render.text import plain

__all__ = ["COLUMNS", "AgentRow", "agent_lines", "agent_rows", "ordered"]

_LEAST_NAME = 20
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its name, its width, its text, and what it is sorted by; the largest first."""

    name: str
    width: int
    text: Callable[[AgentRow], str]
    key: Callable[[AgentRow], float]


COLUMNS = (
    _Column("TIME", 10, lambda row: duration(row.time_ns), lambda row: row.time_ns),
    _Column("SELF", 10, lambda row: duration(row.self_ns) if row.kind == "agent" else "", lambda row: row.self_ns),
    _Column("PATH", 8, lambda row: f"{row.path:.0%}" if row.path_ns else "·", lambda row: row.path_ns),
    _Column("COST", 10, lambda row: money(row.cost_usd, complete=row.cost_complete), lambda row: row.cost_usd or 0.0),
    _Column("CALLS", 7, lambda row: str(row.calls), lambda row: row.calls),
    _Column("RETRIES", 9, lambda row: str(row.retries or "·"), lambda row: row.retries),
    _Column("CACHED", 8, lambda row: f"{row.cached:.0%}" if row.tokens.cache_read else "·", lambda row: row.cached),
    _Column(
        "TOKENS",
        16,
        lambda row: f"{count(row.tokens.input)} → {output(row.tokens.output, is_partial=row.tokens.is_partial)}",
        lambda row: row.tokens.input + row.tokens.output,
    ),
)
"""The columns beside the name; the last ones are left out where there is no room."""


def ordered(rows: Sequence[AgentRow], column: int, *, is_reversed: bool) -> list[AgentRow]:
    """Return the agents sorted by a column, the largest first, then the models; equal ones by name."""
    key, sign = COLUMNS[column].key, 1 if is_reversed else -1
    return sorted(rows, key=lambda row: (row.kind, sign * key(row), row.name))


def agent_lines(
    rows: Sequence[AgentRow], chosen: int, column: int, width: int, *, is_reversed: bool
) -> list[tuple[int, Pieces]]:
    """The table on `width` cells; beside each line the number of its row, -1 for headings."""
    columns = []
    free = width - _LEAST_NAME - 2
    for each in COLUMNS:
        if each.width <= free:
            columns.append(each)
            free -= each.width
    name_width = width - 2 - sum(each.width for each in columns)
    lines: list[tuple[int, Pieces]] = []
    kind = ""
    for number, row in enumerate(rows):
        if row.kind != kind:
            kind = row.kind
            heads = [(_heading(each, column, is_reversed=is_reversed), "quiet") for each in columns]
            lines.append((-1, [(f" {fitted(kind.upper(), name_width + 1)}", "quiet"), *heads]))
        many = f" × {len(row.ids)}" if kind == "agent" and len(row.ids) > 1 else ""
        name = fitted(plain(row.name, _LONGEST), min(len(plain(row.name, _LONGEST)), name_width - len(many)))
        cells: Pieces = [("▌" if number == chosen else " ", "cursor"), (f" {name}", "strong"), (many, "quiet")]
        used = sum(len(text) for text, _ in cells)
        cells.append((" " * max(0, name_width + 2 - used), ""))
        cells += [(f"{each.text(row):>{each.width}}", "") for each in columns]
        lines.append((number, cells))
    return lines


def _heading(each: _Column, column: int, *, is_reversed: bool) -> str:
    mark = ("↑" if is_reversed else "↓") if each is COLUMNS[column] else ""
    return f"{each.name + mark:>{each.width}}"
