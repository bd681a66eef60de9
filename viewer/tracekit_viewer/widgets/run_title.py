"""The line above a run."""

from __future__ import annotations

from textual.widgets import Static

from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.paint import text_of
from tracekit_viewer.render.palette import palette_of
from tracekit_viewer.render.text import plain
from tracekit_viewer.render.title import title_of

__all__ = ["RunTitle"]


class RunTitle(Static):
    """What the run is and what it came to; below, what a user should know of its record."""

    DEFAULT_CSS = """
    RunTitle { height: auto; width: 1fr; padding: 0 1; }
    """

    def show(self, forest: Forest, now_ns: int, *, live: bool, following: bool, note: str | None) -> None:
        """Tell of the run of `forest`."""
        palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        text = text_of(title_of(forest, now_ns, live=live, following=following), palette)
        if note:
            text.append(f"\n! {plain(note, 300)}", palette["warning"])
        self.update(text)
