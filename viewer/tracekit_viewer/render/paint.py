"""From pieces of text with names of styles to what a terminal is given."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.palette import Palette

__all__ = ["strip_of", "text_of"]

_PLAIN = Style()


def strip_of(pieces: Pieces, palette: Palette, base: Style, width: int) -> Strip:
    """`pieces` as one line of `width` cells over the colours of `base`."""
    segments = [Segment(text, base + palette.get(style, _PLAIN)) for text, style in pieces if text]
    return Strip(segments).adjust_cell_length(width, base)


def text_of(pieces: Pieces, palette: Palette) -> Text:
    """`pieces` as one Rich text, cut where there is no more room."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    for part, style in pieces:
        text.append(part, palette.get(style, _PLAIN))
    return text
