"""The line above a run."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static
from typing_extensions import override

from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.paint import text_of
from tracekit_viewer.render.palette import palette_of
from tracekit_viewer.render.text import plain
from tracekit_viewer.render.title import Title, title_of

__all__ = ["RunTitle"]

_LONGEST_NOTE = 400


class RunTitle(Vertical):
    """The title of a run with its totals, and below it a note about its record."""

    DEFAULT_CSS = """
    RunTitle {
        height: auto; width: 1fr; padding: 0 1;
        #what { height: 1; }
        #path {
        display: none;
        height: 1;
        color: $text-muted;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
        #note { display: none; height: auto; max-height: 3; color: $text-warning; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._title: Title | None = None
        self._note: str | None = None

    @override
    def compose(self) -> ComposeResult:
        yield Static(id="what", markup=False)
        yield Static(id="path", markup=False)
        yield Static(id="note", markup=False)

    def show(
        self, forest: Forest, now_ns: int, *, live: bool, following: bool, note: str | None, findings: int
    ) -> None:
        """Tell of the run of `forest`."""
        if note != self._note:
            self._note = note
            told = self.query_one("#note", Static)
            told.update(f"! {plain(note or '', _LONGEST_NOTE)}")
            told.display = bool(note)
        self._title = Title(forest.run, forest.agents_count, forest.calls_count, now_ns, live, following, findings)
        self._draw()

    def tell_path(self, line: str) -> None:
        """Show the critical path in one line; empty for no line."""
        told = self.query_one("#path", Static)
        told.update(plain(line, _LONGEST_NOTE))
        told.display = bool(line)

    @override
    def notify_style_update(self) -> None:
        """Draw in the colours of another theme."""
        super().notify_style_update()
        self.call_later(self._draw)

    def on_resize(self) -> None:
        """Tell as much as there is room for."""
        self._draw()

    def _draw(self) -> None:
        if self._title is not None and self.size.width:
            palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
            text = text_of(title_of(self._title, self.size.width), palette)
            self.query_one("#what", Static).update(text, layout=False)
