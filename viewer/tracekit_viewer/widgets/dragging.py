"""Marks a stretch of time with the mouse."""

from __future__ import annotations

from textual import events
from textual.widget import Widget

from tracekit_viewer.messages import RangeChosen, RangeMarked

__all__ = ["TimeDrag"]

_LEAST_CELLS = 2


class TimeDrag(Widget):
    """A widget with bars, on which the mouse marks the time that is to be seen."""

    bar_start = 0
    """The first cell of the bars."""
    _grabbed: int | None = None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to mark, where there are bars."""
        if event.button == 1 and event.x >= self.bar_start:
            self._grabbed = event.x - self.bar_start
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show what is marked so far."""
        if self._grabbed is not None and self._range(event.x) is not None:
            self.post_message(RangeMarked(self._range(event.x)))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Select the marked range, unless the mouse hardly moved, which is a click."""
        if self._grabbed is None:
            return
        chosen = self._range(event.x)
        self._grabbed = None
        self.release_mouse()
        self.post_message(RangeMarked(None))
        if chosen is not None:
            self.choose(chosen)

    def choose(self, cells: tuple[int, int]) -> None:
        """Ask for the time from one cell to another."""
        self.post_message(RangeChosen(cells))

    def _range(self, x: int) -> tuple[int, int] | None:
        assert self._grabbed is not None
        first, last = sorted((self._grabbed, max(0, x - self.bar_start)))
        return (first, last + 1) if last - first >= _LEAST_CELLS else None
