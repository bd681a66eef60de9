"""The differences of one node as blocks: a value before and after, texts word by word."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tracekit_viewer.door import Edit, NodeChange, duration, money, word_edits
from tracekit_viewer.render.block import STEP, Block, Line, Part, Shown, Style
from tracekit_viewer.render.text import cells, plain, wrap

__all__ = ["WordDiff", "change_blocks", "report_block"]

_LONGEST = 40
_CONTEXT = 160
"""Characters of a text that both have, shown on either side of what differs."""


@dataclass(frozen=True, slots=True)
class WordDiff:
    """The body of a text that differs: removals in [-…-], additions in {+…+}."""

    edits: Sequence[Edit]

    def shown(self, width: int, most: int) -> Shown:
        """Return the first `most` lines of at most `width` cells, and what is left."""
        lines: list[Line] = []
        line: list[Part] = []
        used = 0
        for text, style in self._words():
            for number, piece in enumerate(text.split("\n")):
                if number:
                    lines.append(tuple(line))
                    line, used = [], 0
                for word in _pieces(plain(piece, len(piece) or 1), width):
                    if used + cells(word) > width:
                        lines.append(tuple(line))
                        line, used = [], 0
                        word = word.lstrip() if line == [] and word.strip() else word  # noqa: PLW2901
                    line.append((word, style))
                    used += cells(word)
        lines.append(tuple(line))
        left = len(lines) - most
        return Shown(lines[:most], f"{left} more lines" if left > 0 else "")

    def _words(self) -> Iterable[tuple[str, Style]]:
        last = len(self.edits) - 1
        for number, edit in enumerate(self.edits):
            if edit.mark == "=":
                yield _around(edit.text, is_first=number == 0, is_last=number == last), "dim"
            elif edit.mark == "-":
                yield f"[-{edit.text}-]", "error"
            else:
                yield f"{{+{edit.text}+}}", "good"


def _around(text: str, *, is_first: bool, is_last: bool) -> str:
    if len(text) <= 2 * _CONTEXT:
        return text
    head, tail = text[:_CONTEXT], text[-_CONTEXT:]
    return f"…{tail}" if is_first else f"{head}…" if is_last else f"{head} … {tail}"


def _pieces(text: str, width: int) -> Iterable[str]:
    """Yield the words of `text` with the space after each, cut where one is longer than `width`."""
    start = 0
    while start < len(text):
        space = text.find(" ", start)
        end = len(text) if space < 0 else space + 1
        end = min(end, start + max(1, width))
        yield text[start:end]
        start = end


def change_blocks(changes: Sequence[NodeChange]) -> list[Block]:
    """Return a block for each difference, those that count first."""
    ordered = sorted(changes, key=lambda change: not change.counts)
    return [_block(number, change) for number, change in enumerate(ordered)]


def report_block(report: str) -> Block:
    """Return the block of a report of divergence: what the program asked, beside what was recorded."""
    head, _, rest = report.partition("\n")
    styles: dict[str, Style] = {"-": "error", "+": "good"}
    lines = [(line, styles.get(line.strip()[:1], "text")) for line in rest.split("\n")]
    return Block("report", ((plain(head, 200), "error"),), body=_Report(lines), bar="error", folded=STEP)


@dataclass(frozen=True, slots=True)
class _Report:
    """The body of a report: its lines, wrapped."""

    lines: Sequence[tuple[str, Style]]

    def shown(self, width: int, most: int) -> Shown:
        """Return the first `most` rows of at most `width` cells, and what is left."""
        rows: list[Line] = [((row, style),) for text, style in self.lines for row in wrap(text, width)]
        left = len(rows) - most
        return Shown(rows[:most], f"{left} more lines" if left > 0 else "")


def _block(number: int, change: NodeChange) -> Block:
    key = f"c{number}"
    head: Part = (change.field if change.how == "changed" else change.how, "strong" if change.counts else "dim")
    aside = (
        f"the same in {change.repeated} more calls" if change.repeated else "" if change.counts else "does not count"
    )
    before, after = change.before, change.after
    if isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > _LONGEST:
        return Block(key, (head,), aside, WordDiff(word_edits(before, after)), "dim", folded=40)
    if change.how in ("only in a", "only in b"):
        return Block(key, ((f"only in {change.how[-1].upper()}", "error" if change.how[-1] == "a" else "good"),), aside)
    value: Line = ((_value(change.field, before), "error"), (" → ", "dim"), (_value(change.field, after), "good"))
    return Block(key, (head, ("  ", "text"), *value), aside, folded=STEP)


def _value(field: str, value: Any) -> str:
    if value is None:
        return "nothing"
    if field == "time" and isinstance(value, int):
        return duration(value)
    if field == "cost" and isinstance(value, (int, float)):
        return money(value)
    return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), 200)
