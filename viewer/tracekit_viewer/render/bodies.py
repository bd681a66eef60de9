"""The kinds of content of a block: text, JSON, columns of facts, or two bodies side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from tracekit_viewer.door import count, size
from tracekit_viewer.render.block import Body, Line, Part, Shown, Style, line_cells, trimmed
from tracekit_viewer.render.outline import outline
from tracekit_viewer.render.text import cells, fit, wrap

__all__ = ["Json", "KeyValues", "Lines", "SideBySide", "Table", "Text"]

_GRACE = 2
"""Rows that are shown rather than said to be left."""
_LONGEST_COUNT = 20_000
_LEAST_SIDE_BY_SIDE = 84
"""Columns from which on two bodies stand side by side."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, wrapped."""

    text: str
    style: Style = "text"

    def shown(self, width: int, most: int) -> Shown:
        """Return the first `most` rows."""
        text = self.text.strip("\n")
        lines: list[Line] = []
        at, end = 0, 0
        while at <= len(text):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            # One more row than are shown tells whether the line ends there.
            room = most + _GRACE + 1 - len(lines)
            lines += [((row, self.style),) for row in islice(wrap(text, width, at, end), room)]
            at = end + 1
            if len(lines) > most + _GRACE:
                return Shown(lines[:most], _text_left(text, at, end, len(lines) - most))
        return Shown(lines)


def _text_left(text: str, at: int, line_end: int, rows: int) -> str:
    left = text.count("\n", min(at, len(text))) + 1 if at <= len(text) else 0
    if line_end > 4000 and left < 2:
        return f"more of {size(len(text))}"
    return f"{count(left + rows)} more lines"


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON value as an outline: a key and a value a line, texts with their own line breaks."""

    value: Any

    def shown(self, width: int, most: int) -> Shown:
        """Return the first `most` rows."""
        lines: list[Line] = []
        entries = outline(self.value)
        for depth, key, text, style in entries:
            lines += _entry(depth, key, text, style, width, most + _GRACE + 1 - len(lines))
            if len(lines) > most + _GRACE:
                left = sum(1 for _ in islice(entries, _LONGEST_COUNT)) + len(lines) - most
                return Shown(lines[:most], f"{count(left)}{'+' if left >= _LONGEST_COUNT else ''} more lines")
        return Shown(lines)


def _entry(depth: int, key: str, text: str, style: Style, width: int, most: int) -> list[Line]:
    indent = " " * min(2 * depth, width // 2)
    label = f"{indent}{fit(key, max(4, width // 3))}" if key else indent
    room = width - cells(label) - (1 if key else 0)
    if "\n" not in text and len(text) <= room:
        return [_keyed(label, key, fit(text, room), style)]
    if room < width // 2 or "\n" in text or len(text) > 2 * room:
        # A text has lines of its own, below its key.
        below = f"{indent}  " if key else indent
        rows = [_keyed(label, key, "", style)] if key else []
        wrapped = (row for line in text.split("\n", most)[:most] for row in wrap(line, max(4, width - len(below))))
        return [*rows, *(((below, "text"), (row, style)) for row in islice(wrapped, most))]
    first, *more = wrap(text, room)
    hang = " " * (width - room)
    return [_keyed(label, key, first, style), *(((hang, "text"), (row, style)) for row in more[:most])]


def _keyed(label: str, key: str, text: str, style: Style) -> Line:
    parts: list[Part] = [(f"{label} " if key and text else label, "key")] if label else []
    return (*parts, (text, style)) if text else tuple(parts)


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that are cut where they are too long."""

    lines: tuple[Line, ...]

    def shown(self, width: int, most: int) -> Shown:
        """Return the first `most` lines."""
        left = len(self.lines) - most
        kept = self.lines if left <= _GRACE else self.lines[:most]
        return Shown([trimmed(line, width) for line in kept], f"{count(left)} more lines" if left > _GRACE else "")


@dataclass(frozen=True, slots=True)
class KeyValues:
    """Names and values, the values in a column of their own."""

    facts: tuple[tuple[str, str], ...]
    style: Style = "text"

    def shown(self, width: int, most: int) -> Shown:
        """Return the first `most` rows."""
        # A name is cut before a value is: names of attributes are long, and their ends tell.
        label = min(max((cells(fit(name, 200)) for name, _ in self.facts), default=0), width // 2)
        lines = list(islice(self._lines(label, width), most + _GRACE + 1))
        if len(lines) <= most + _GRACE:
            return Shown(lines)
        return Shown(lines[:most], "more")

    def _lines(self, label: int, width: int) -> Iterator[Line]:
        for name, value in self.facts:
            shown = fit(name, label)
            first = True
            for line in value.split("\n"):
                for row in wrap(line, max(2, width - label - 2)):
                    lead = shown + " " * (label - cells(shown)) if first else " " * label
                    yield (f"{lead}  ", "key"), (row, self.style)
                    first = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under column names. The last column takes what is left of the width."""

    names: tuple[str, ...]
    rows: tuple[tuple[Part, ...], ...]
    right: frozenset[int] = frozenset()

    def shown(self, width: int, most: int) -> Shown:
        """Return the first `most` rows, below the names."""
        kept = self.rows if len(self.rows) <= most + _GRACE else self.rows[:most]
        widths = [
            max(cells(fit(text, 60)) for text in (name, *(row[index][0] for row in kept)))
            for index, name in enumerate(self.names)
        ]
        lines = [self._line([(name, "dim") for name in self.names], widths, width)]
        lines += [self._line(row, widths, width) for row in kept]
        left = len(self.rows) - len(kept)
        return Shown(lines, f"{count(left)} more" if left else "")

    def _line(self, row: Sequence[Part], widths: list[int], width: int) -> Line:
        parts: list[Part] = []
        for index, ((text, style), wide) in enumerate(zip(row, widths, strict=True)):
            is_last = index == len(widths) - 1
            cell = fit(text, width if is_last else wide)
            pad = " " * (wide - cells(cell)) if not is_last or index in self.right else ""
            parts.append((pad + cell if index in self.right else cell + pad, style))
            if not is_last:
                parts.append(("  ", "text"))
        return trimmed(parts, width)


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Two bodies under names of their own: side by side where there is room, else one below the other."""

    left_name: str
    left: Body
    right_name: str
    right: Body
    right_style: Literal["dim", "error"] = "dim"

    def shown(self, width: int, most: int) -> Shown:
        """The first `most` rows of both."""
        left_head: list[Line] = [((self.left_name, "dim"),)]
        right_head: list[Line] = [((self.right_name, self.right_style),)] if self.right_name else []
        if width < _LEAST_SIDE_BY_SIDE:
            left, right = self.left.shown(width, most), self.right.shown(width, most)
            return Shown([*left_head, *left.lines, *right_head, *right.lines], left.left or right.left)
        half = (width - 3) // 2
        left, right = self.left.shown(half, most), self.right.shown(width - half - 3, most)
        lefts, rights = [*left_head, *left.lines], [*right_head, *right.lines]
        lines: list[Line] = []
        for index in range(max(len(lefts), len(rights))):
            line = lefts[index] if index < len(lefts) else ()
            gap = " " * (half - line_cells(line))
            more = rights[index] if index < len(rights) else ()
            lines.append((*line, (f"{gap} ", "text"), ("│ ", "dim"), *more))
        return Shown(lines, left.left or right.left)
