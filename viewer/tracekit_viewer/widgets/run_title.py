"""The line above a run."""

from __future__ import annotations

from textual.widgets import Static

from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.paint import text_of
from tracekit_viewer.render.palette import palette_of
from tracekit_viewer.render.text import plain
from tracekit_viewer.render.title import Title, title_of

__all__ = ["RunTitle"]


class RunTitle(Static):
    """What the run is and what it came to; below, what a user should know of its record."""

    DEFAULT_CSS = """
    RunTitle { height: auto; max-height: 3; width: 1fr; padding: 0 1; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._title: Title | None = None

    def show(self, forest: Forest, now_ns: int, *, live: bool, following: bool, note: str | None) -> None:
        """Tell of the run of `forest`."""
        self._title = Title(forest.run, forest.agents_count, forest.calls_count, now_ns, live, following, note or "")
        self._draw()

    def on_resize(self) -> None:
        """Tell as much as there is room for."""
        self._draw()

    def _draw(self) -> None:
        if self._title is None or not self.size.width:
            return
        palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        text = text_of(title_of(self._title, self.size.width), palette)
        if self._title.note:
            text.append(f"\n! {plain(self._title.note, 300)}", palette["warning"])
        self.update(text)
