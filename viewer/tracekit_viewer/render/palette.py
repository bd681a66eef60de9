"""The colours of a run, from the terminal's theme. Each fact is shown by a sign or a text, too."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.color import Color

__all__ = ["HUES", "Palette", "palette_of"]

Palette = Mapping[str, Style]
"""Styles by the names that the drawing uses."""

_DARK_HUES = ("#7aa2f7", "#6bc5b1", "#bb9af7", "#8fbf7f", "#d69bc0", "#70b8d8")
_LIGHT_HUES = ("#2e5fd0", "#127a68", "#7a45c9", "#3f7d2c", "#a43d7d", "#1a759f")
HUES = len(_DARK_HUES)
"""How many agents differ in colour; further ones begin again."""


def palette_of(variables: Mapping[str, str], *, dark: bool) -> Palette:
    """The styles for a theme, whose CSS `variables` name its colours."""
    front, back = _color(variables["foreground"], dark), _color(variables["background"], not dark)
    quiet, faint = _mixed(front, back, 0.45), _mixed(front, back, 0.72)
    error, warning = _color(variables["error"], dark).rich_color, _color(variables["warning"], dark).rich_color
    open_ = _color(variables["success"], dark).rich_color
    styles = {
        "": Style(),
        "name": Style(),
        "strong": Style(bold=True),
        "quiet": Style(color=quiet.rich_color),
        "faint": Style(color=faint.rich_color),
        "grid": Style(color=_mixed(front, back, 0.86).rich_color),
        "path": Style(color=warning, bold=True),
        "error": Style(color=error),
        "warning": Style(color=warning),
        "open": Style(color=open_),
        "match": Style(reverse=True),
        "cursor": Style(color=_color(variables["primary"], dark).rich_color, bold=True),
    }
    for number, hue in enumerate(_DARK_HUES if dark else _LIGHT_HUES):
        styles[f"hue{number}"] = Style(color=Color.parse(hue).rich_color)
    return styles


def _color(text: str, light: bool) -> Color:
    color = Color.parse(text)
    # A theme of the terminal's own colours has no value that could be mixed.
    return color if color.ansi is None else Color.parse("#e0e0e0" if light else "#1e1e1e")


def _mixed(front: Color, back: Color, share: float) -> Color:
    return front.blend(back, share, alpha=1.0)
