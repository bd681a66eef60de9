"""The list of runs as lines: columns that fit, their cells, the order, and the filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

from rich.cells import cell_len, set_cell_size

from tracekit_viewer.door import RunSummary, Tokens, count, counted, duration, listed_numbers, money, output, price
from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.text import plain

__all__ = [
    "COLUMNS",
    "MARKS",
    "ListScale",
    "Order",
    "RunColumn",
    "columns_for",
    "header_of",
    "line_of",
    "scale_of",
    "summary_line",
]

MARKS: Final = {"ok": "✓", "error": "✗", "open": "●", "interrupted": "◌"}
"""How a run stands, without colour."""

MARKED: Final = "•"
"""Beside a run that the user has marked."""

REPLAYED: Final = "↻"
"""The mark of a replay."""

_STYLES: Final = {"ok": "quiet", "error": "error", "open": "open", "interrupted": "warning"}
_NONE: Final = "·"


@dataclass(frozen=True, slots=True)
class RunColumn:
    """A column. The list shows it from a width of `least`; `style` is a name of the palette."""

    key: str
    header: str
    width: int
    cell: Callable[[RunSummary, int], str]
    order: Callable[[RunSummary, int], Any]
    is_number: bool = False
    least: int = 0
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
    """Return the time of day; before today with the date."""
    is_today = _recorded(run, "%F") == datetime.fromtimestamp(now_ns / 1e9).astimezone().strftime("%F")
    return _recorded(run, "%H:%M:%S" if is_today else "%m-%d %H:%M")


def _status(run: RunSummary) -> str:
    """Return the status of a run, or the outcome of a replay, which is marked as one."""
    return run.status if run.replay_of is None else f"{REPLAYED} {run.replay or run.status}"


def _mark(run: RunSummary) -> str:
    return MARKS[run.status] if run.replay_of is None else REPLAYED


def _number(value: int) -> str:
    return count(value) if value else _NONE


def _output(run: RunSummary) -> str:
    """Return the number of output tokens; `?` where a call's output is not known, and no 0."""
    return (
        output(run.output_tokens, is_partial=run.is_output_partial)
        if run.is_output_partial
        else _number(run.output_tokens)
    )


def _cost(run: RunSummary) -> str:
    """Return the cost of a run; of a replay, which costs nothing, that of the recorded calls in brackets."""
    return price(run.shown_cost_usd, complete=run.cost_complete, is_replay=run.replay_of is not None) or _NONE


def _source(run: RunSummary) -> str:
    return plain(run.source, 20) or _NONE


class _ColumnLook(NamedTuple):
    """The look of a column of numbers: see `RunColumn`."""

    width: int
    least: int = 0
    style: str = ""
    header: str = ""


_LOOKS: Final = {
    "agents": _ColumnLook(6, least=92),
    "calls": _ColumnLook(5),
    "retries": _ColumnLook(7, style="warning"),
    "findings": _ColumnLook(2, least=84, style="warning", header="⚑"),
    "in": _ColumnLook(6),
    "out": _ColumnLook(6),
}
_LEAST_OF_OTHERS: Final = 130


def _number_column(header: str, name: str) -> RunColumn:
    """Return the column that shows the field `name` of a run as it is."""
    look = _LOOKS.get(header) or _ColumnLook(max(6, len(header)), least=_LEAST_OF_OTHERS)
    value = attrgetter(name)
    return RunColumn(
        header,
        look.header or header,
        look.width,
        lambda run, _: _output(run) if name == "output_tokens" else _number(value(run)),
        lambda run, _: value(run),
        is_number=True,
        least=look.least,
        style=look.style,
    )


COLUMNS: Final = (
    RunColumn(
        "name", "name", 0, lambda run, _: plain(run.name, 120) or "(no name)", lambda run, _: run.name.casefold()
    ),
    RunColumn("id", "run", 8, lambda run, _: plain(run.id[:8]), lambda run, _: run.id, least=124, style="quiet"),
    RunColumn("recorded", "recorded", 11, _recorded_short, lambda run, _: run.recorded_at_ns, style="quiet"),
    RunColumn(
        "status", "status", 11, lambda run, _: _status(run), lambda run, _: _status(run), least=114, style="status"
    ),
    RunColumn("time", "time", 9, lambda run, now: duration(_time_ns(run, now)), _time_ns, is_number=True),
    *(_number_column(field.header, field.name) for field in listed_numbers()),
    RunColumn(
        "cost",
        "cost",
        10,
        lambda run, _: _cost(run),
        lambda run, _: run.shown_cost_usd or 0.0,
        is_number=True,
    ),
)

_SOURCE: Final = RunColumn(
    "source", "source", 11, lambda run, _: _source(run), lambda run, _: run.source, style="quiet"
)
"""Shown only in lists that have runs of other sources."""

_BY_KEY: Final = {column.key: column for column in (*COLUMNS, _SOURCE)}
_WIDE: Final = 146
_LEAST_WITH_SOURCE: Final = 118
_LEAST_WITH_SOURCE_AND_ALL: Final = 162
_LEAST_WITH_BARS: Final = 180
_BAR: Final = 6
"""Cells of a bar."""
_LONGEST_NAME: Final = 48
_EDGE: Final = 3
"""Cells before the name: the cursor's bar, the run's mark, and a space."""


class ListScale(NamedTuple):
    """The facts about all runs of a list that decide what each line shows."""

    has_sources: bool = False
    time_ns: int = 0
    cost_usd: float = 0.0


def scale_of(runs: Iterable[RunSummary]) -> ListScale:
    """Return the longest time and the highest cost of `runs`, and whether other sources are among them."""
    has_sources, time_ns, cost_usd = ListScale()
    for run in runs:
        has_sources = has_sources or bool(run.source)
        time_ns, cost_usd = max(time_ns, run.duration_ns), max(cost_usd, run.shown_cost_usd or 0.0)
    return ListScale(has_sources, time_ns, cost_usd)


def columns_for(width: int, scale: ListScale = ListScale()) -> list[RunColumn]:  # noqa: B008  a constant
    """The columns that a list of `width` cells shows, the name as wide as is left for it."""
    shown = [column for column in COLUMNS if column.least <= width]
    if scale.has_sources and width >= _LEAST_WITH_SOURCE:
        if width < _LEAST_WITH_SOURCE_AND_ALL:
            shown = [column for column in shown if column.key not in ("id", "agents")]
        shown.insert(1, _SOURCE)
    if width >= _LEAST_WITH_BARS:
        shown = [each for column in shown for each in (column, *_bar_of(column, scale))]
    if width >= _WIDE:
        shown = [_in_full(column) if column.key == "recorded" else column for column in shown]
    rest = sum(column.width for column in shown) + _gap_cells(width) * len(shown) + _EDGE
    name = min(max(8, width - rest), _LONGEST_NAME)
    return [replace(column, width=name) if column.key == "name" else column for column in shown]


def _bar_of(column: RunColumn, scale: ListScale) -> list[RunColumn]:
    """Return the column that draws the values of `column` as bars, for times and costs."""
    if column.key == "time" and scale.time_ns:
        share: Callable[[RunSummary, int], float] = lambda run, now_ns: _time_ns(run, now_ns) / scale.time_ns  # noqa: E731
    elif column.key == "cost" and scale.cost_usd:
        share = lambda run, _: (run.shown_cost_usd or 0.0) / scale.cost_usd  # noqa: E731
    else:
        return []
    return [RunColumn("", "", _BAR, lambda run, now_ns: _bar(share(run, now_ns)), column.order, style="quiet")]


def _bar(share: float) -> str:
    whole, part = divmod(round(min(1.0, share) * _BAR * 8), 8)
    return "█" * whole + "▏▎▍▌▋▊▉"[part - 1 : part]


def _in_full(column: RunColumn) -> RunColumn:
    return replace(column, width=19, cell=lambda run, _: _recorded(run, "%F %T"))


def _gap(width: int) -> tuple[str, str]:
    return " " * _gap_cells(width), ""


def _gap_cells(width: int) -> int:
    return 1 if width < 100 else 2 if width < _WIDE else 3


def header_of(width: int, order: Order, scale: ListScale = ListScale()) -> Pieces:  # noqa: B008  a constant
    """The line of headers; the one that is sorted by has an arrow."""
    pieces: Pieces = [(" " * _EDGE, "")]
    for column in columns_for(width, scale):
        is_sorted = column.key == order.key
        arrow = ("↓" if order.is_down else "↑") if is_sorted else ""
        text = f"{arrow}{column.header}" if column.is_number else f"{column.header}{arrow}"
        pieces += [(_fit(text, column.width, right=column.is_number), "strong" if is_sorted else "quiet"), _gap(width)]
    return pieces


def column_at(x: int, width: int, scale: ListScale = ListScale()) -> str | None:  # noqa: B008  a constant
    """The key of the column at the cell `x`."""
    left, gap = _EDGE, _gap_cells(width)
    for column in columns_for(width, scale):
        if x < left + column.width + gap:
            return column.key or None
        left += column.width + gap
    return None


def line_of(
    run: RunSummary,
    width: int,
    now_ns: int,
    scale: ListScale = ListScale(),  # noqa: B008  a constant
    *,
    is_at_cursor: bool,
    is_marked: bool = False,
) -> Pieces:
    """The line of `run`, `width` cells wide."""
    status = _STYLES[run.status]
    pieces: Pieces = [
        ("▌" if is_at_cursor else " ", "cursor"),
        (f"{_mark(run)}", status),
        (MARKED if is_marked else " ", "cursor"),
    ]
    for column in columns_for(width, scale):
        text = column.cell(run, now_ns)
        style = "faint" if text == _NONE else status if column.style == "status" else column.style
        pieces += [(_fit(text, column.width, right=column.is_number), style), _gap(width)]
    return pieces


def title_of(total: int, live: int, shown: Sequence[RunSummary], *, is_filtered: bool) -> Pieces:
    """The line above the list: the number of runs, and the totals of those shown."""
    # The totals are those of the runs that are loaded: the newest, until the list is scrolled, sorted or filtered.
    newest = f"newest {len(shown):,} of " if not is_filtered and len(shown) < total else ""
    pieces: Pieces = [("tracekit", "strong"), (f"  {newest}{counted(total, 'run')}", "quiet")]
    if live:
        pieces += [(" · ", "faint"), (f"{MARKS['open']} {live} live", "open")]
    if is_filtered:
        pieces += [(" · ", "faint"), (f"{len(shown):,} shown", "quiet")]
    for text in _totals(shown) if len(shown) > 1 else ():
        pieces += [(" · ", "faint"), (text, "quiet")]
    return pieces


def _totals(runs: Sequence[RunSummary]) -> Iterator[str]:
    """Yield the sums of what `runs` asked for and cost; replays cost nothing, and are left out."""
    paid = [run for run in runs if run.replay_of is None]
    tokens = sum((run.tokens for run in paid), Tokens())
    yield f"{sum(run.calls for run in paid):,} calls"
    yield f"{count(tokens.input)} → {output(tokens.output, is_partial=tokens.is_partial)} tokens"
    costs = [run.cost_usd for run in paid if run.cost_usd is not None]
    if costs:
        yield money(sum(costs), complete=all(run.cost_complete for run in paid))


def summary_line(run: RunSummary) -> str:
    """Return the facts that a narrow list has no room for."""
    facts = [
        plain(run.id[:8]),
        _status(run),
        _recorded(run, "%F %T"),
        counted(run.agents, "agent"),
    ]
    if run.tokens.cache_read:
        facts.append(f"{count(run.tokens.cache_read)} in from cache")
    return " · ".join([*facts, plain(run.name, 200)])


def _fit(text: str, width: int, *, right: bool) -> str:
    """`text` in exactly `width` cells."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    pad = " " * (width - length)
    return pad + text if right else text + pad
