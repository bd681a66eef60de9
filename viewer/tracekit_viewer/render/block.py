"""The blocks of the detail pane, each a head and a body that unfolds, and their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from tracekit_viewer.render.text import cells, fit

__all__ = [
    "STEP",
    "Block",
    "Body",
    "Line",
    "Part",
    "Row",
    "Shown",
    "Style",
    "line_cells",
    "marked",
    "rows_of",
    "trimmed",
]

Style: TypeAlias = Literal[
    "text",
    "dim",
    "strong",
    "system",
    "user",
    "assistant",
    "thinking",
    "tool",
    "error",
    "warning",
    "good",
    "key",
    "more",
    "tab",
    "place",
    "cursor",
    "match",
]
"""What a part of a row is, which a theme gives a colour."""

Part: TypeAlias = tuple[str, Style]
Line: TypeAlias = tuple[Part, ...]

STEP = 2000
"""Rows of a body that one unfolding shows; what is longer unfolds again."""


@dataclass(slots=True)
class Shown:
    """The requested lines, and a text about the remaining ones, which is empty if there are none."""

    lines: list[Line]
    left: str = ""


class Body(Protocol):
    """The content of a block."""

    def shown(self, width: int, most: int) -> Shown:
        """Return the first `most` lines of at most `width` columns, and a note on the rest."""


@dataclass(frozen=True, slots=True)
class Block:
    """A head, and a body below it.

    Args:
        key: What it is called in its document: folds and the cursor follow it when the document changes.
        head: The first row; without parts there is none.
        aside: At the right of the head.
        body: What unfolds, or None.
        bar: The style of the line that runs along its left.
        folded: How many lines show while it is folded; with none, a mark at its head says that there is more.
        copied: What copying it gives.
        apart: Whether an empty row follows.
    """

    key: str
    head: Line = ()
    aside: str = ""
    body: Body | None = None
    bar: Style = "dim"
    folded: int = 12
    copied: Callable[[], str] | None = field(default=None, compare=False)
    apart: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One row, and what choosing it does: ``fold`` or unfold its block, or show ``more`` of it."""

    line: Line
    does: Literal["", "fold", "more"] = ""


def rows_of(block: Block, width: int, opened: int) -> list[Row]:
    """The rows of `block`, `opened` times unfolded."""
    rows: list[Row] = []
    can_fold = block.body is not None and block.folded < STEP
    if block.head or block.aside:
        mark: Line = (("▾ " if opened else "▸ ", "dim"),) if can_fold and not block.folded else ()
        rows.append(Row(_head(block, (*mark, *block.head), width), "fold" if can_fold else ""))
    if block.body is not None and (opened or block.folded):
        rows += _body_rows(block, block.body, width, opened)
    if block.apart:
        rows.append(Row(()))
    return rows


def _body_rows(block: Block, body: Body, width: int, opened: int) -> list[Row]:
    shown = body.shown(max(8, width - 2), STEP * opened if opened else block.folded)
    bar: Part = ("│ ", block.bar)
    rows = [Row((bar, *line)) for line in shown.lines]
    if shown.left:
        rows.append(Row((bar, (f"… {shown.left}", "more")), "more"))
    elif opened and 0 < block.folded < len(shown.lines) - 2 and block.folded < STEP:
        rows.append(Row((bar, ("… fold", "more")), "fold"))
    return rows


def _head(block: Block, head: Line, width: int) -> Line:
    aside = fit(block.aside, width // 2)
    line = trimmed(head, width - (cells(aside) + 2 if aside else 0))
    if not aside:
        return line
    gap = " " * max(2, width - line_cells(line) - cells(aside))
    return (*line, (gap, "text"), (aside, "dim"))


def line_cells(line: Line) -> int:
    """Return the width of `line` in columns."""
    return sum(cells(text) for text, _ in line)


def trimmed(line: Sequence[Part], width: int) -> Line:
    """`line` made plain, and cut to `width` columns."""
    parts: list[Part] = []
    for text, style in line:
        cut = fit(text, width)
        if cut:
            parts.append((cut, style))
        width -= cells(cut)
        if width <= 0:
            break
    return tuple(parts)


def marked(line: Line, query: str) -> Line:
    """`line` with what equals `query`, which is in lower case, in a style of its own."""
    parts: list[Part] = []
    for text, style in line:
        at = 0
        lowered = text.lower()
        # A letter whose small form is longer than itself would shift what follows.
        found = lowered.find(query) if len(lowered) == len(text) else -1
        while found >= 0:
            parts += [(text[at:found], style), (text[found : found + len(query)], "match")]
            at = found + len(query)
            found = lowered.find(query, at)
        parts.append((text[at:], style))
    return tuple(part for part in parts if part[0])
