"""The list of runs as lines: which columns fit, what stands in them, in which order, and which runs are meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from rich.cells import cell_len, set_cell_size

from tracekit_viewer.door import RunSummary, count, duration, money
from tracekit_viewer.render.text import plain

__all__ = [
    "COLUMNS",
    "MARKS",
    "Column",
    "Order",
    "Part",
    "columns_for",
    "header_of",
    "line_of",
    "matching",
    "summary_line",
]

MARKS: Final = {"ok": "✓", "error": "✗", "open": "●", "interrupted": "◌"}
"""How a run stands, without colour."""

_NONE = "·"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `least` is the width of the list from which on it is shown; `style` names how its cells look."""

    key: str
    header: str
    width: int
    cell: Callable[[RunSummary, int], str]
    order: Callable[[RunSummary, int], Any]
    is_number: bool = False
    least: int = 0
    style: str = ""


class Part(NamedTuple):
    """A piece of a line, and the name of how it looks: empty for the line's own look."""

    text: str
    style: str = ""


class Order(NamedTuple):
    """By which column the list is sorted, and whether the largest comes first."""

    key: str = "recorded"
    is_down: bool = True

    def next(self) -> Order:
        """Sorted by the column after this one, the most telling first."""
        keys = [column.key for column in COLUMNS]
        return Order.by(keys[(keys.index(self.key) + 1) % len(keys)])

    @classmethod
    def by(cls, key: str) -> Order:
        """Sorted by a column in the direction that one most often wants: numbers and times from the largest down."""
        return cls(key, key not in ("name", "id", "status"))

    def turned(self) -> Order:
        """The other way round."""
        return self._replace(is_down=not self.is_down)

    def sort(self, runs: Iterable[RunSummary], now_ns: int) -> list[RunSummary]:
        """`runs` in this order. Where the newest come first, those that live come before all others."""
        column = _BY_KEY[self.key]
        newest = sorted(runs, key=lambda run: (run.recorded_at_ns, run.id), reverse=True)
        if self == Order():
            return sorted(newest, key=lambda run: run.status != "open")
        return sorted(newest, key=lambda run: column.order(run, now_ns), reverse=self.is_down)


def _time_ns(run: RunSummary, now_ns: int) -> int:
    return max(0, now_ns - run.start_ns) if run.status == "open" else max(0, run.duration_ns)


def _recorded(run: RunSummary, form: str) -> str:
    try:
        return datetime.fromtimestamp(run.recorded_at_ns / 1e9).astimezone().strftime(form)
    except (OverflowError, ValueError, OSError):
        # A journal may say any number.
        return "?"


def _recorded_short(run: RunSummary, now_ns: int) -> str:
    is_today = _recorded(run, "%F") == datetime.fromtimestamp(now_ns / 1e9).astimezone().strftime("%F")
    return _recorded(run, "%H:%M:%S" if is_today else "%d %b %y")[:9]


def _number(value: int) -> str:
    return count(value) if value else _NONE


COLUMNS: Final = (
    Column("name", "name", 0, lambda run, _: plain(run.name, 120) or "(no name)", lambda run, _: run.name.casefold()),
    Column("id", "run", 8, lambda run, _: plain(run.id[:8]), lambda run, _: run.id, least=110, style="dim"),
    Column("recorded", "recorded", 9, _recorded_short, lambda run, _: run.recorded_at_ns, style="dim"),
    Column("status", "status", 11, lambda run, _: run.status, lambda run, _: run.status, least=96, style="status"),
    Column("time", "time", 8, lambda run, now: duration(_time_ns(run, now)), _time_ns, is_number=True),
    Column(
        "agents", "agents", 6, lambda run, _: _number(run.agents), lambda run, _: run.agents, is_number=True, least=88
    ),
    Column("calls", "calls", 5, lambda run, _: _number(run.calls), lambda run, _: run.calls, is_number=True),
    Column(
        "retries",
        "retries",
        7,
        lambda run, _: _number(run.retries),
        lambda run, _: run.retries,
        is_number=True,
        style="warning",
    ),
    Column("in", "in", 6, lambda run, _: _number(run.tokens.input), lambda run, _: run.tokens.input, is_number=True),
    Column(
        "out", "out", 6, lambda run, _: _number(run.tokens.output), lambda run, _: run.tokens.output, is_number=True
    ),
    Column(
        "cost",
        "cost",
        9,
        lambda run, _: money(run.cost_usd, complete=run.cost_complete) or _NONE,
        lambda run, _: run.cost_usd or 0.0,
        is_number=True,
    ),
)

_BY_KEY: Final = {column.key: column for column in COLUMNS}
_WIDE: Final = 128
_EDGE: Final = 3
"""Cells before the name: the cursor's bar, the run's mark, and a space."""


def columns_for(width: int) -> list[Column]:
    """The columns that a list of `width` cells shows, the name as wide as is left for it."""
    shown = [column for column in COLUMNS if column.least <= width]
    if width >= _WIDE:
        shown = [_in_full(column) if column.key == "recorded" else column for column in shown]
    gap = gap_for(width)
    rest = sum(column.width for column in shown) + gap * (len(shown) - 1) + _EDGE + 1
    return [replace(column, width=max(8, width - rest)) if column.key == "name" else column for column in shown]


def _in_full(column: Column) -> Column:
    return replace(column, width=19, cell=lambda run, _: _recorded(run, "%F %T"))


def gap_for(width: int) -> int:
    """Cells between two columns."""
    return 1 if width < 100 else 2 if width < _WIDE else 3


def header_of(width: int, order: Order) -> list[Part]:
    """The line of headers; the one that is sorted by has an arrow."""
    parts, gap = [Part(" " * _EDGE)], gap_for(width)
    for column in columns_for(width):
        is_sorted = column.key == order.key
        arrow = ("↓" if order.is_down else "↑") if is_sorted else ""
        text = f"{arrow}{column.header}" if column.is_number else f"{column.header}{arrow}"
        parts.append(Part(_fit(text, column.width, right=column.is_number), "sorted" if is_sorted else ""))
        parts.append(Part(" " * gap))
    return parts


def column_at(x: int, width: int) -> str | None:
    """The key of the column at the cell `x`."""
    left, gap = _EDGE, gap_for(width)
    for column in columns_for(width):
        if x < left + column.width + gap:
            return column.key
        left += column.width + gap
    return None


def line_of(run: RunSummary, width: int, now_ns: int, *, is_at_cursor: bool) -> list[Part]:
    """The line of `run`, `width` cells wide."""
    parts = [Part("▌" if is_at_cursor else " ", "bar"), Part(MARKS[run.status], run.status), Part(" ")]
    gap = " " * gap_for(width)
    for column in columns_for(width):
        text = column.cell(run, now_ns)
        style = run.status if column.style == "status" else column.style
        parts.append(Part(_fit(text, column.width, right=column.is_number), "dim" if text == _NONE else style))
        parts.append(Part(gap))
    return parts


def summary_line(run: RunSummary, now_ns: int) -> str:
    """All about `run` that may have no column of its own."""
    cached = f" ({count(run.tokens.cache_read)} from cache)" if run.tokens.cache_read else ""
    said = [
        run.id[:8],
        run.status,
        _recorded(run, "%F %T"),
        duration(_time_ns(run, now_ns)),
        f"{run.agents} agent{'' if run.agents == 1 else 's'}",
        f"{count(run.tokens.input)} in{cached}",
        f"{count(run.tokens.output)} out",
        plain(run.name, 200),
    ]
    return " · ".join(said)


def matching(runs: Sequence[RunSummary], query: str) -> list[RunSummary]:
    """The runs that all words of `query` fit: parts of a name, beginnings of an id, ``status:error``."""
    words = query.casefold().split()
    return [run for run in runs if all(_fits(run, word) for word in words)]


def _fits(run: RunSummary, word: str) -> bool:
    key, colon, value = word.partition(":")
    if colon and key == "status":
        return run.status.startswith(value)
    if colon and key == "name":
        return value in run.name.casefold()
    return word in run.name.casefold() or run.id.startswith(word)


def _fit(text: str, width: int, *, right: bool) -> str:
    """`text` in exactly `width` cells."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    pad = " " * (width - length)
    return pad + text if right else text + pad
