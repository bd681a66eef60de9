"""Text from models, tools and programs, made fit for rows of a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len, get_character_cell_size

from tracekit_viewer.door import printable

__all__ = ["cells", "fit", "plain", "wrap"]

_TAB = 4
_LEAST_HANG = 24
"""Columns that must be left for a line's rest to hang under its beginning."""


def plain(text: str, limit: int | None = None) -> str:
    """`text` on one row, without anything that a terminal acts on; cut to `limit` characters if that is given."""
    return printable(text, most=2000 if limit is None else limit)


def cells(text: str) -> int:
    """Return the width in columns of `text` as plain text."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int) -> str:
    """`text`, made plain, cut with an ellipsis to at most `width` columns."""
    text = plain(text, max(0, width) + 1)
    if cells(text) <= width:
        return text
    return _head(text, width - 1) + "…" if width > 0 else ""


def wrap(text: str, width: int, start: int = 0, end: int | None = None) -> Iterator[str]:
    """Yield the line of `text` from `start` to `end` as plain rows of at most `width` columns.

    Breaks at spaces where there are any; what follows hangs under the line's own indentation.
    """
    end = len(text) if end is None else end
    # A slice of a long line at a time: nothing is done for what nobody looks at.
    step, at, rest, hang, indent = max(4 * width, 256), start, "", "", ""
    while True:
        piece = text[at : min(at + step, end)].rstrip("\r").expandtabs(_TAB)
        if at == start:
            spaces = len(piece) - len(piece.lstrip(" "))
            indent = " " * spaces if width - spaces >= _LEAST_HANG else ""
        rest += plain(piece, len(piece))
        at += step
        while cells(rest) > width - len(hang):
            row, rest = _split(rest, width - len(hang))
            yield hang + row
            hang = indent
        if at >= end:
            yield hang + rest
            return


def _split(text: str, width: int) -> tuple[str, str]:
    """A row of at most `width` columns, and the rest; the space between them belongs to neither."""
    head = text[:width] if text.isascii() else _head(text, width)
    if not head:
        # Not even one wide character fits.
        return "…", text[1:]
    rest = text[len(head) :]
    if rest.startswith(" "):
        return head.rstrip(" "), rest[1:]
    space = head.rfind(" ", len(head) // 2)
    if space > 0 and head[:space].strip(" "):
        return head[:space].rstrip(" "), head[space + 1 :] + rest
    return head, rest


def _head(text: str, width: int) -> str:
    """Return the beginning of `text`, cut to `width` columns, marks included."""
    taken = 0
    for index, character in enumerate(text):
        taken += get_character_cell_size(character)
        if taken > width:
            return text[:index]
    return text
