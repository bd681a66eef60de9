"""A run's timeline as one SVG picture: the rows of `tracekit show` with their time bars, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from xml.sax.saxutils import escape

from rich.cells import cell_len, set_cell_size

from tracekit.analysis.agent_totals import calls_below
from tracekit.analysis.alike import AlikeNodes
from tracekit.analysis.timing.path_line import path_line
from tracekit.formatting import format_count, format_duration, format_money, format_price, format_status
from tracekit.model.finding import Finding, likely_of
from tracekit.model.text import printable
from tracekit.model.tree import Node, RunTree
from tracekit.share.rows import ShareRow, bars_interval, rows_of

__all__ = ["MOST_ROWS", "svg"]

MOST_ROWS = 500
"""Rows of one picture; a run with more says how many are left out."""

_WIDTH, _ROW, _TOP = 1180, 24, 92
_LABEL, _COST, _TIME, _BARS = 20, 470, 545, 565
_BAR_WIDTH = _WIDTH - _BARS - 20
_INDENT, _MOST_INDENT = 14, 12
_CELL = 7.0
"""The width of a character in the labels, in pixels; characters of two cells take twice as much."""
_HUES = 6
_LEAST_TICK = 70

_STYLE = """
.tk{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums}
.tk .back{fill:#fff}.tk .text{fill:#1c2030}.tk .quiet{fill:#5d6478}.tk .grid{fill:#e9ebf1}.tk .strong{font-weight:600}
.tk .title{font-size:18px;font-weight:650}.tk .small{font-size:12px}.tk .error{fill:#c22f3d}.tk .warning{fill:#96600a}
.tk .h0{fill:#3f6fdc}.tk .h1{fill:#14897a}.tk .h2{fill:#8750d6}.tk .h3{fill:#4a8a35}.tk .h4{fill:#b4478a}
.tk .h5{fill:#1f83b5}.tk .none{fill:#8a90a2}
@media (prefers-color-scheme:dark){.tk .back{fill:#191c25}.tk .text{fill:#e4e7f0}.tk .quiet{fill:#9aa2b8}
.tk .grid{fill:#2a2f3d}.tk .error{fill:#ff7b86}.tk .warning{fill:#e8b45a}.tk .h0{fill:#7aa2f7}.tk .h1{fill:#6bc5b1}
.tk .h2{fill:#bb9af7}.tk .h3{fill:#8fbf7f}.tk .h4{fill:#d69bc0}.tk .h5{fill:#70b8d8}}
"""


def svg(run: RunTree, findings: Sequence[Finding] = (), *, most_rows: int = MOST_ROWS) -> str:
    """Return the picture of `run`, with at most `most_rows` rows."""
    rows = list(islice(rows_of(run, findings), most_rows + 1))
    more = len(rows) > most_rows
    rows = rows[:most_rows]
    height = _TOP + _ROW * (len(rows) + more) + 16
    return "\n".join([*_head(run, findings, height), *_Drawing(run).lines(rows, more=more), "</svg>", ""])


def _head(run: RunTree, findings: Sequence[Finding], height: int) -> Iterator[str]:
    name = printable(run.name, most=80)
    facts = _facts(run, findings)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tk" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" aria-label="{escape(name, {chr(34): "&quot;"})}">'
    )
    yield f"<title>{escape(name)}</title><desc>{escape(facts)}</desc><style>{_STYLE}</style>"
    yield f'<rect class="back" width="{_WIDTH}" height="{height}" rx="8"/>'
    yield _text(_LABEL, 30, name, "text title")
    yield _text(_LABEL, 50, facts, "quiet small")
    line = path_line(run, findings)
    if line:
        yield _text(_LABEL, 68, _cut(line, 150), "quiet small")


def _facts(run: RunTree, findings: Sequence[Finding]) -> str:
    root = run.root
    likely = len(likely_of(findings))
    status = format_status(run.status, run.replay, is_replay=run.replay_of is not None)
    facts = [f"run {run.id[:8]}", status, format_duration(run.last_ns - root.start_ns)]
    facts += [format_count(run.count("agent"), "agent"), format_count(run.count("llm"), "call")]
    facts += [format_count(root.retries, "retry", "retries")] if root.retries else []
    facts += [format_count(likely, "finding")] if likely else []
    if root.cost_usd is not None:
        facts += [format_price(root.cost_usd, complete=root.cost_complete, is_replay=run.replay_of is not None)]
    return " · ".join(facts)


class _Drawing:
    """The rows of one run, on one axis of time."""

    def __init__(self, run: RunTree) -> None:
        self._run = run
        self._start_ns, self._end_ns = bars_interval(run)
        self._hues: dict[str, int] = {}
        self._agents: dict[str, str] = {}
        for node in run.root.walk():
            if node.kind == "agent":
                self._agents[node.id] = node.agent or node.name
                self._hues.setdefault(self._agents[node.id], len(self._hues) % _HUES)
            for child in node.children:
                self._agents[child.id] = self._agents.get(node.id, "")

    def lines(self, rows: Sequence[ShareRow], *, more: bool) -> Iterator[str]:
        """Yield the elements of the axis and the `rows`; with `more`, a line says that rows are left out."""
        yield from self._axis(_ROW * len(rows))
        for number, row in enumerate(rows):
            yield from self._row(row, _TOP + _ROW * number)
        if more:
            yield _text(_LABEL, _TOP + _ROW * len(rows) + 16, f"and more rows than these {len(rows):,}", "quiet")

    def _x(self, at_ns: int) -> float:
        share = (at_ns - self._start_ns) / (self._end_ns - self._start_ns)
        return round(_BARS + max(0.0, min(1.0, share)) * _BAR_WIDTH, 2)

    def _axis(self, height: int) -> Iterator[str]:
        length_ns = self._end_ns - self._start_ns
        step_ns = _step(length_ns * _LEAST_TICK / _BAR_WIDTH)
        for at_ns in range(self._start_ns, self._end_ns + 1, step_ns):
            x = self._x(at_ns)
            yield f'<rect class="grid" x="{x}" y="{_TOP - 4}" width="1" height="{height + 4}"/>'
            if x < _WIDTH - 60:
                label = "0" if at_ns == self._start_ns else _moment(at_ns - self._start_ns)
                yield _text(x + 3, _TOP - 6, label, "quiet small")

    def _row(self, row: ShareRow, top: int) -> Iterator[str]:
        node, hue = row.node, self._hue(row.named)
        indent = min(row.depth, _MOST_INDENT) * _INDENT
        x, room = _LABEL + indent, int((_COST - 70 - _LABEL - indent) / _CELL)
        took = format_duration(node.duration_ns(self._run.last_ns))
        yield f"<g><title>{escape(_cut(' · '.join(filter(None, (row.title, row.aside, took, row.trouble))), 300))}</title>"
        yield _mark(row.named, x, top, hue)
        style = "text strong" if row.named.kind in ("run", "agent") else "text"
        yield f'<text x="{x + 16}" y="{top + 16}" class="{style}">{"".join(_label(row, room))}</text>'
        yield _text(_COST, top + 16, format_money(node.cost_usd, complete=node.cost_complete), "quiet small", end=True)
        yield _text(_TIME, top + 16, took, "quiet small", end=True)
        yield from self._bars(row, top, hue)
        yield "</g>"

    def _hue(self, node: Node) -> str:
        name = self._agents.get(node.children[0].id if isinstance(node, AlikeNodes) else node.id, "")
        return f"h{self._hues[name]}" if name else "none"

    def _bars(self, row: ShareRow, top: int, hue: str) -> Iterator[str]:
        node = row.node
        if isinstance(node, AlikeNodes):
            for child in node.children[:400]:
                yield self._bar(child, top + 8, 8, hue, 0.4)
        elif row.named.kind == "tool":
            yield self._bar(node, top + 9, 6, hue, 0.55)
        else:
            if node.kind != "llm":
                yield self._bar(node, top + 11, 2, hue, 0.7)
            is_leaf = row.nodes[-1].kind in ("llm", "turn")
            calls = calls_below(row.nodes[-1]) if is_leaf or row.named.kind == "agent" else ()
            for call in calls if row.nodes[-1].kind != "turn" else ():
                yield from self._call(call, top, hue)

    def _call(self, call: Node, top: int, hue: str) -> Iterator[str]:
        attempts = [child for child in call.children if child.kind == "attempt"]
        if len(attempts) > 1:
            yield self._bar(call, top + 10, 4, "warning", 0.5)
        for each in attempts if len(attempts) > 1 else [call]:
            yield self._bar(each, top + 6, 12, "error" if each.status == "error" else hue, 0.92)

    def _bar(self, node: Node, y: int, height: int, style: str, opacity: float) -> str:
        end_ns = self._run.last_ns if node.end_ns is None else node.end_ns
        x = self._x(node.start_ns)
        width = max(1.5, round(self._x(max(node.start_ns, end_ns)) - x, 2))
        radius = min(3, height / 2)
        return f'<rect class="{style}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" opacity="{opacity}"/>'


def _label(row: ShareRow, room: int) -> Iterator[str]:
    """Yield the parts of a row's label, cut to `room` cells: the trouble first, then the name, then the rest."""
    trouble = _cut(f"{'✗ ' if row.node.status == 'error' else ''}{row.trouble}", room // 2) if row.trouble else ""
    codes = " ".join(row.codes[:2])
    room -= sum(cell_len(text) + 2 for text in (trouble, codes) if text)
    title = _cut(("~ " if row.node.inferred else "") + row.title, max(8, room))
    aside = _cut(row.aside, room - cell_len(title) - 2)
    yield escape(title)
    if aside:
        yield f'<tspan class="quiet small" font-weight="400" dx="8">{escape(aside)}</tspan>'
    if trouble:
        style = "error" if row.node.status == "error" else "warning"
        yield f'<tspan class="{style} small" font-weight="400" dx="8">{escape(trouble)}</tspan>'
    if codes:
        yield f'<tspan class="warning small" dx="8">⚑ {escape(codes)}</tspan>'


def _mark(node: Node, x: int, top: int, hue: str) -> str:
    if node.kind in ("agent", "run"):
        return f'<circle class="{hue}" cx="{x + 5}" cy="{top + 12}" r="4.5"/>'
    size = 8 if node.kind in ("llm", "tool") else 4
    at = 5 - size / 2
    opacity = ' opacity="0.55"' if node.kind == "tool" else ""
    return f'<rect class="{hue}" x="{x + at}" y="{top + 7 + at}" width="{size}" height="{size}" rx="1.5"{opacity}/>'


def _text(x: float, y: int, text: str, style: str, *, end: bool = False) -> str:
    anchor = ' text-anchor="end"' if end else ""
    return f'<text x="{x}" y="{y}" class="{style}"{anchor}>{escape(text)}</text>'


def _cut(text: str, cells: int) -> str:
    """Return `text` on at most `cells` cells; "" where there is room for nothing that tells something."""
    if cell_len(text) <= cells:
        return text
    return f"{set_cell_size(text, cells - 1).rstrip()}…" if cells > 4 else ""


def _step(least_ns: float) -> int:
    """Return the shortest round number of nanoseconds that is at least `least_ns`."""
    for power in range(9):
        for digit in (1, 2, 5):
            if digit * 10**power >= least_ns:
                return digit * int(10**power)
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400):
        if seconds * 1_000_000_000 >= least_ns:
            return seconds * 1_000_000_000
    return round(least_ns)


def _moment(ns: int) -> str:
    if ns >= 60_000_000_000:
        return format_duration(ns)
    return f"{ns / 1e9:g} s" if ns >= 1_000_000_000 else f"{ns / 1e6:g} ms"
