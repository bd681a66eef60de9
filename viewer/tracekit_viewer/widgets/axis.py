"""The heads of the columns, and the axis of time above the bars."""

from __future__ import annotations

from textual.strip import Strip
from typing_extensions import override

from tracekit_viewer.door import duration
from tracekit_viewer.render.axis import axis_line
from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.columns import fitted
from tracekit_viewer.render.paint import strip_of
from tracekit_viewer.render.palette import palette_of
from tracekit_viewer.render.rows import Viewport
from tracekit_viewer.widgets.dragging import TimeDrag

__all__ = ["Axis"]


class Axis(TimeDrag):
    """One line: what part of the time is seen, the heads of the columns, and ticks."""

    DEFAULT_CSS = """
    Axis { height: 1; width: 1fr; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._view: Viewport | None = None
        self._origin_ns = 0
        self._whole_ns = 0
        self._note = ""
        self._marked: tuple[int, int] | None = None

    def look(self, view: Viewport, origin_ns: int, whole_ns: int, note: str = "") -> None:
        """Show the axis of `view`, counted from `origin_ns`; the whole run is `whole_ns` long.

        `note` says what lies outside of that whole.
        """
        self._view, self._origin_ns, self._whole_ns, self._note = view, origin_ns, whole_ns, note
        self.bar_start = view.columns.bar_start + 1
        self.refresh()

    def mark(self, cells: tuple[int, int] | None) -> None:
        """Show the stretch that the mouse is marking."""
        self._marked = cells
        self.refresh()

    @override
    def render_line(self, y: int) -> Strip:
        base, width = self.rich_style, self.size.width
        if self._view is None or y:
            return Strip.blank(width, base)
        palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        return strip_of(self._pieces(self._view), palette, base, width)

    def _pieces(self, view: Viewport) -> Pieces:
        columns = view.columns
        seen = view.window.length_ns
        is_whole = seen >= self._whole_ns
        told = f" {self._note}" if is_whole else f" {duration(seen)} of {duration(self._whole_ns)}"
        label = f" {fitted(told, columns.label)}"
        pieces: Pieces = [(label, "quiet" if is_whole else "cursor")]
        for name, width in (("TOKENS", columns.tokens), ("COST", columns.cost), ("TIME", columns.time)):
            if width:
                pieces.append((f"{name:>{width}}", "quiet"))
        if columns.bar:
            line = axis_line(view.window, self._origin_ns, columns.bar)
            first, last = self._marked or (0, 0)
            pieces += [(" ", ""), (line[:first], "quiet"), (line[first:last], "match"), (line[last:], "quiet")]
        return pieces
