"""One row of a run: guides, fold, sign, name, flags, tokens, cost, time, bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tracekit_viewer.door import (
    AlikeNodes,
    Node,
    count,
    counted,
    duration,
    failed_in,
    money,
    output,
    semconv,
    short_model,
    summary_of_group,
)
from tracekit_viewer.render.bars import Pieces, draw
from tracekit_viewer.render.columns import Columns, fitted
from tracekit_viewer.render.crowd import crowd
from tracekit_viewer.render.findings import FLAG
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.names import SIGNS, hint_of, name_of
from tracekit_viewer.render.text import plain
from tracekit_viewer.render.waterfall import bars_of, faded, path_bars
from tracekit_viewer.render.window import Window

__all__ = ["Path", "Viewport", "label_start", "row_pieces"]

FOUND = "⌕"
"""The mark of a row whose content has what is searched."""

_LEAST_NAME = 8
_DEPTH = 4


Path = Mapping[str, Sequence[tuple[int, int]]]
"""The stretches of time that each node decided, by ids: the critical path."""


@dataclass(frozen=True, slots=True, eq=False)
class Viewport:
    """The common settings of all rows: columns, visible time, the end of open spans, and the cells of gridlines."""

    columns: Columns
    window: Window
    now_ns: int
    grid: tuple[int, ...] = ()
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class _Flag:
    """A remark on a node, in full and in short."""

    text: str
    short: str
    style: str
    is_minor: bool = False


def row_pieces(
    forest: Forest,
    index: int,
    view: Viewport,
    *,
    folded: bool,
    query: str = "",
    codes: Sequence[str] = (),
    found: bool = False,
) -> Pieces:
    """Return the row of the node at `index` in the columns of `view`.

    `codes` are of its findings; `found` says that its content has what is searched.
    """
    node, columns = forest.nodes[index], view.columns
    pieces = _label(forest, index, view, folded=folded, query=query, codes=codes, found=found)
    if columns.tokens:
        pieces.append((f"{_tokens(node):>{columns.tokens}}", "quiet"))
    if columns.cost:
        pieces.append((f"{money(node.cost_usd, complete=node.cost_complete):>{columns.cost}}", "quiet"))
    if columns.time:
        pieces.append((f"{_time(node, view.now_ns):>{columns.time}}", ""))
    if columns.bar:
        pieces.append((" ", ""))
        pieces += _bar(forest, index, view, folded=folded)
    return pieces


def _bar(forest: Forest, index: int, view: Viewport, *, folded: bool) -> Pieces:
    node, width = forest.nodes[index], view.columns.bar
    if isinstance(node, AlikeNodes) and folded:
        return crowd(node.children, view.window, width, view.now_ns, _sign_style(forest, index), view.grid)
    bars = bars_of(forest, index, view.now_ns, folded=folded)
    if view.path is not None:
        bars = [*faded(bars), *path_bars(forest, index, view.path, view.window.length_ns // width, folded=folded)]
    return draw(bars, view.window, width, view.grid)


def label_start(forest: Forest, index: int, width: int) -> int:
    """The cell of the fold mark of the node at `index`."""
    return cell_len(_guides(forest, index, width // 2))


def _label(
    forest: Forest, index: int, view: Viewport, *, folded: bool, query: str, codes: Sequence[str], found: bool
) -> Pieces:
    node, width = forest.nodes[index], view.columns.label
    guides = _guides(forest, index, width // 2)
    mark = ("▸ " if folded else "▾ ") if forest.has_children(index) else "─ " if index else ""
    chain = forest.row(index, folded=folded)
    named = next((place for place in chain if forest.nodes[place].kind == "agent"), index)
    kind = forest.nodes[named].kind
    if isinstance(node, AlikeNodes) and any(child.kind == "agent" for child in node.children[0].children[:1]):
        kind = "agent"
    sign = SIGNS.get(kind, SIGNS["llm"] if len(chain) > 1 else "")
    before: Pieces = [(guides, "faint"), (mark, "quiet" if mark != "─ " else "faint")]
    if found:
        before.append((f"{FOUND} ", "match"))
    if node.inferred:
        before.append(("~ ", "quiet"))
    if sign:
        before.append((f"{sign} ", _sign_style(forest, named)))
    free = width - sum(cell_len(text) for text, _ in before)
    name, hints = name_of(forest, named), _hints(forest, index, chain, view)
    flags = _flags_of(forest, chain, codes)
    name_width = min(cell_len(name), _LEAST_NAME)
    drawn = _fitting_flags([flag for flag in flags if not flag.is_minor], free - name_width)
    room = free - sum(cell_len(text) for text, _ in drawn)
    name_width = min(cell_len(name), max(1, room))
    pieces = [*before, *_named(fitted(name, name_width), query, _name_style(forest.nodes[named])), *drawn]
    room -= name_width
    asides = [(hint, hint, "quiet") for hint in hints] + [(f.text, f.short, f.style) for f in flags if f.is_minor]
    for text, short, style in asides:
        aside = text if cell_len(text) + 2 <= room else short
        size = min(cell_len(aside), room - 2)
        if aside and (size >= _LEAST_NAME or size == cell_len(aside)):
            pieces.append((f"  {fitted(aside, size)}", style))
            room -= size + 2
    return _cut(pieces, width)


def _hints(forest: Forest, index: int, chain: range, view: Viewport) -> list[str]:
    """Return the facts beside the name, the most important first."""
    node = forest.nodes[index]
    if isinstance(node, AlikeNodes):
        return [f"× {len(node.children)}", *summary_of_group(node, view.now_ns)]
    parent = forest.parents[index]
    hint = hint_of(node, forest.nodes[parent].children if parent >= 0 else ())
    last = forest.nodes[chain[-1]]
    if last.kind == "llm" and len(chain) > 1:
        return [hint, short_model(last), "1 call" if node.kind != "turn" else ""]
    if len(chain) > 1:
        turns = sum(child.kind == "turn" for child in last.children)
        return [hint, f"{turns} turns" if turns > 1 else ""]
    return [hint]


def _flags_of(forest: Forest, chain: range, codes: Sequence[str]) -> list[_Flag]:
    """Return the remarks on all nodes of `chain`, each once; of failures only the innermost."""
    node = forest.nodes[chain[0]]
    if isinstance(node, AlikeNodes):
        failed = failed_in(node)
        flags = [_Flag(f"✗ {failed} failed", f"✗ {failed}", "error")] if failed else []
        return [*flags, *_flags(node, codes)]
    flags = []
    for place in reversed(chain):
        for flag in _flags(forest.nodes[place], codes if place == chain[0] else ()):
            if flag.text not in {each.text for each in flags} and not (
                flag.style == "error" and any(each.style == "error" for each in flags)
            ):
                flags.append(flag)
    return sorted(flags, key=lambda flag: flag.style != "error")


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
    levels, joined = forest.depth(index), forest.joined
    shown = min(levels, max(2, most // 2))
    if shown < levels:
        # As wide for 9 levels as for 1,000, so that guides stay below one another.
        levels_text = f"{levels:┄<{_DEPTH}}"
        shown = max(1, (most - len(levels_text)) // 2)
    else:
        levels_text = ""
    parts = ["└─" if forest.is_last(index) else "├─"]
    place = forest.parents[index]
    for _ in range(shown - 1):
        if joined[place]:
            place = forest.parents[place]
        parts.append("  " if forest.is_last(place) else "│ ")
        place = forest.parents[place]
    return levels_text + "".join(reversed(parts))


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
        flags.append(_Flag(counted(node.retries, "retry", "retries"), f"{node.retries}↻", "warning"))
    if node.attributes.get(semconv.SYNC_IN_EVENT_LOOP):
        flags.append(_Flag("blocks the event loop", "blocks", "warning", is_minor=True))
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
    return f"{count(node.tokens.input)} → {output(node.tokens.output, is_partial=node.tokens.is_partial)}"


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
