"""The styles of what is read, from the colours of a run."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style as RichStyle
from textual.color import Color

from tracekit_viewer.render.block import Style
from tracekit_viewer.render.palette import palette_of

__all__ = ["styles_of"]


def styles_of(variables: Mapping[str, str], *, dark: bool) -> Mapping[Style, RichStyle]:
    """The styles of the detail pane's parts for a theme, whose CSS `variables` name its colours."""
    palette = palette_of(variables, dark=dark)
    bold, quiet = RichStyle(bold=True), palette["quiet"]
    return {
        "text": RichStyle(),
        "dim": quiet,
        "strong": bold,
        "system": quiet + bold,
        "user": palette["hue0"] + bold,
        "assistant": palette["hue3"] + bold,
        "thinking": quiet + RichStyle(italic=True),
        "tool": palette["hue2"] + bold,
        "error": palette["error"],
        "warning": palette["warning"],
        "good": palette["open"],
        "key": palette["hue5"],
        "more": quiet + RichStyle(underline=True),
        "tab": bold + RichStyle(reverse=True),
        "place": RichStyle(),
        "match": palette["match"],
        "cursor": _background(variables, dark=dark),
    }


def _background(variables: Mapping[str, str], *, dark: bool) -> RichStyle:
    """Return the background of the row that keys act on."""
    back, primary = Color.parse(variables["background"]), Color.parse(variables["primary"])
    if back.ansi is not None or primary.ansi is not None:
        # A theme of the terminal's own colours has no value that could be mixed.
        return RichStyle(reverse=True)
    return RichStyle(bgcolor=back.blend(primary, 0.22 if dark else 0.14, alpha=1.0).rich_color)
