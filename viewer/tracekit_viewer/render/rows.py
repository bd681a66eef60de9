"""One row of a run: guides, fold, sign, name, flags, tokens, cost, time, bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tracekit_viewer.door import Node, count, duration, money, semconv
from tracekit_viewer.render.bars import Pieces, draw
from tracekit_viewer.render.columns import Columns, fitted
from tracekit_viewer.render.findings import FLAG
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.names import SIGNS, hint_of, name_of
from tracekit_viewer.render.text import plain
from tracekit_viewer.render.waterfall import bars_of
from tracekit_viewer.render.window import Window

__all__ = ["View", "label_start", "row_pieces"]

_LEAST_NAME = 8


@dataclass(frozen=True, slots=True)
class View:
    """The common settings of all rows: columns, visible time, and the end of open spans."""

    columns: Columns
    window: Window
    now_ns: int


@dataclass(frozen=True, slots=True)
class _Flag:
    """A remark on a node, in full and in short."""

    text: str
    short: str
    style: str


def row_pieces(
    forest: Forest, index: int, view: View, *, folded: bool, query: str = "", codes: Sequence[str] = ()
) -> Pieces:
    """Return the row of the node at `index` in the columns of `view`; `codes` are of its findings."""
    node, columns = forest.nodes[index], view.columns
    pieces = _label(forest, index, columns.label, folded=folded, query=query, codes=codes)
    if columns.tokens:
        pieces.append((f"{_tokens(node):>{columns.tokens}}", "quiet"))
    if columns.cost:
        pieces.append((f"{money(node.cost_usd, complete=node.cost_complete):>{columns.cost}}", "quiet"))
    if columns.time:
        pieces.append((f"{_time(node, view.now_ns):>{columns.time}}", ""))
    if columns.bar:
        pieces.append((" ", ""))
        pieces += draw(bars_of(forest, index, view.now_ns), view.window, columns.bar)
    return pieces


def label_start(forest: Forest, index: int, width: int) -> int:
    """The cell of the fold mark of the node at `index`."""
    return cell_len(_guides(forest, index, width // 2))


def _label(forest: Forest, index: int, width: int, *, folded: bool, query: str, codes: Sequence[str]) -> Pieces:
    node = forest.nodes[index]
    guides = _guides(forest, index, width // 2)
    mark = ("▸ " if folded else "▾ ") if forest.has_children(index) else "─ " if index else ""
    sign = SIGNS.get(node.kind, "")
    before: Pieces = [(guides, "faint"), (mark, "quiet" if mark != "─ " else "faint")]
    if node.inferred:
        before.append(("~ ", "quiet"))
    if sign:
        before.append((f"{sign} ", _sign_style(forest, index)))
    free = width - sum(cell_len(text) for text, _ in before)
    name, hint = name_of(forest, index), hint_of(node)
    flags = _fitting_flags(_flags(node, codes), free - min(cell_len(name), _LEAST_NAME))
    room = free - sum(cell_len(text) for text, _ in flags)
    name_width = min(cell_len(name), max(1, room))
    pieces = [*before, *_named(fitted(name, name_width), query, _name_style(node)), *flags]
    if hint and room - name_width >= _LEAST_NAME:
        pieces.append((f"  {fitted(hint, min(cell_len(hint), room - name_width - 2))}", "quiet"))
    return _cut(pieces, width)


def _fitting_flags(flags: list[_Flag], room: int) -> Pieces:
    """Return `flags` in full, else shortened, else as many as fit into `room`, but at least the first."""
    full = [(f"  {flag.text}", flag.style) for flag in flags]
    if sum(cell_len(text) for text, _ in full) <= room:
        return full
    short = [(f" {flag.short}", flag.style) for flag in flags]
    while len(short) > 1 and sum(cell_len(text) for text, _ in short) > room:
        short.pop()
    return short


def _guides(forest: Forest, index: int, most: int) -> str:
    """Return the guide lines of a row. Beyond `most` cells, return the depth and the last lines."""
    if index == 0:
        return ""
    levels = forest.depth(index)
    shown = min(levels, max(2, most // 2))
    if shown < levels:
        told = f"{levels}┄"
        shown = max(1, (most - len(told)) // 2)
    else:
        told = ""
    parts = ["└─" if forest.is_last(index) else "├─"]
    place = forest.parents[index]
    for _ in range(shown - 1):
        parts.append("  " if forest.is_last(place) else "│ ")
        place = forest.parents[place]
    return told + "".join(reversed(parts))


def _named(name: str, query: str, style: str) -> Pieces:
    found = name.lower().find(query) if query else -1
    # Lower case may be longer than what it stands for; then its places say nothing of the name's.
    if found < 0 or len(name.lower()) != len(name):
        return [(name, style)]
    end = found + len(query)
    return [(name[:found], style), (name[found:end], "match"), (name[end:], style)]


def _name_style(node: Node) -> str:
    if node.kind in ("run", "agent"):
        return "strong"
    return "quiet" if node.kind in ("turn", "attempt", "span") else "name"


def _sign_style(forest: Forest, index: int) -> str:
    agent = forest.agent_of(index)
    return f"hue{forest.hues[agent]}" if agent >= 0 else "quiet"


def _flags(node: Node, codes: Sequence[str]) -> list[_Flag]:
    flags = []
    if node.status == "error":
        flags.append(_fault(node))
    elif node.status == "open":
        flags.append(_Flag("open", "open", "open"))
    elif node.status == "interrupted":
        flags.append(_Flag("interrupted", "×", "warning"))
    if codes:
        short = codes[0] if len(codes) == 1 else str(len(codes))
        flags.append(_Flag(f"{FLAG} {plain(' '.join(codes), 40)}", f"{FLAG}{plain(short, 12)}", "warning"))
    if node.kind == "llm" and node.retries:
        many = "retry" if node.retries == 1 else "retries"
        flags.append(_Flag(f"{node.retries} {many}", f"{node.retries}↻", "warning"))
    if node.attributes.get(semconv.SYNC_IN_EVENT_LOOP):
        flags.append(_Flag("blocks the event loop", "blocks", "warning"))
    outcome = node.attributes.get(semconv.OUTCOME)
    if isinstance(outcome, str) and node.kind in ("llm", "attempt") and node.status == "ok":
        flags.append(_Flag(plain(outcome, 20), plain(outcome, 8), "warning"))
    if node.attributes.get(semconv.ORPHAN):
        flags.append(_Flag("orphan", "orphan", "quiet"))
    return flags


def _fault(node: Node) -> _Flag:
    failure = node.failure
    if failure is None:
        return _Flag("✗ error", "✗", "error")
    kind = plain(failure.type, 40)
    told = f" {plain(failure.message, 40)}" if node.kind == "attempt" and failure.message else ""
    return _Flag(f"✗ {kind}{told}", f"✗ {kind}" if len(kind) < 6 else "✗", "error")


def _tokens(node: Node) -> str:
    if node.kind in ("attempt", "span") or not (node.tokens.input or node.tokens.output):
        return ""
    return f"{count(node.tokens.input)} → {count(node.tokens.output)}"


def _time(node: Node, now_ns: int) -> str:
    bounds = node.attributes.get(semconv.INFERRED_BOUNDS)
    return ("≤ " if bounds else "") + duration(node.duration_ns(now_ns))


def _cut(pieces: Sequence[tuple[str, str]], width: int) -> Pieces:
    """`pieces` on exactly `width` cells."""
    cut: Pieces = []
    free = width
    for text, style in pieces:
        size = cell_len(text)
        if size > free:
            cut.append((fitted(text, free), style))
            return cut
        cut.append((text, style))
        free -= size
    cut.append((" " * free, ""))
    return cut
