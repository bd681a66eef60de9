"""The whole run in two rows above its timeline; a stretch that is marked on it is zoomed to."""

from __future__ import annotations

from textual import events
from textual.strip import Strip
from typing_extensions import override

from tracekit_viewer.messages import MomentChosen, TimeChosen
from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.columns import fitted
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.minimap import Minimap, minimap_of, minimap_rows
from tracekit_viewer.render.paint import strip_of
from tracekit_viewer.render.palette import palette_of
from tracekit_viewer.render.rows import Viewport
from tracekit_viewer.render.window import Window
from tracekit_viewer.widgets.dragging import TimeDrag

__all__ = ["MinimapStrip"]


_MANY = 5_000
"""Nodes from which on the drawing waits until everything else is on the screen."""


class MinimapStrip(TimeDrag):
    """Shows how much ran at once, what failed and what was retried, over the whole time."""

    DEFAULT_CSS = """
    MinimapStrip { height: 2; width: 1fr; }
    MinimapStrip.-calm { height: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._forest: Forest | None = None
        self._bounds = Window(0, 1)
        self._view: Viewport | None = None
        self._drawn: Minimap | None = None
        self._head_ns: int | None = None

    def look(self, forest: Forest, bounds: Window, view: Viewport, head_ns: int | None = None) -> None:
        """Show the time of `bounds`, of which `view` shows a part; `head_ns` is where the playback is."""
        known = self._view
        is_other = forest is not self._forest or bounds != self._bounds
        if (
            known is None
            or is_other
            or view.columns.bar != known.columns.bar
            or (head_ns is None and view.now_ns != known.now_ns and len(forest) <= _MANY)
        ):
            self._drawn = None
        self._forest, self._bounds, self._view, self._head_ns = forest, bounds, view, head_ns
        self.bar_start = view.columns.bar_start + 1
        self.refresh()

    def _draw(self) -> None:
        view, forest = self._view, self._forest
        if self._drawn is None and view is not None and forest is not None and view.columns.bar:
            self._drawn = minimap_of(forest, self._bounds, view.columns.bar, view.now_ns)
            self.call_later(self.set_class, not (self._drawn.errors or self._drawn.retries), "-calm")
            self.refresh()

    @override
    def render_line(self, y: int) -> Strip:
        base, width = self.rich_style, self.size.width
        view, forest = self._view, self._forest
        if view is None or forest is None or not view.columns.bar:
            return Strip.blank(width, base)
        if self._drawn is None and len(forest) <= _MANY:
            self._draw()
        if self._drawn is None:
            # The rows of a long run are to be seen at once.
            self.call_after_refresh(self._draw)
            return Strip.blank(width, base)
        palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        row = minimap_rows(self._drawn, view.window, self._head_ns)[1 if y else 0]
        return strip_of([*self._label(self._drawn, view, y), *row], palette, base, width)

    def _label(self, drawn: Minimap, view: Viewport, y: int) -> Pieces:
        columns = view.columns
        room = columns.bar_start
        if y == 0:
            told, style = (f"at once, peak {drawn.peak}", "quiet") if drawn.peak else ("", "")
        else:
            counts = ((drawn.errors_count, "✗"), (drawn.retries_count, "↻"))
            told, style = "  ".join(f"{sign} {number}" for number, sign in counts if number), "warning"
        return [(f" {fitted(f'{told:>{room - 1}}', room - 1)} ", style)]

    def on_click(self, event: events.Click) -> None:
        """Ask for the moment that was clicked."""
        if self._view is not None and event.x >= self.bar_start:
            at_ns = self._bounds.at(event.x - self.bar_start, self._view.columns.bar)
            self.post_message(MomentChosen(at_ns))

    @override
    def choose(self, cells: tuple[int, int]) -> None:
        assert self._view is not None
        width = self._view.columns.bar
        self.post_message(TimeChosen(Window(*(self._bounds.at(cell, width) for cell in cells))))
