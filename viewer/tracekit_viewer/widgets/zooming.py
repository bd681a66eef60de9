"""A view of rows with bars: which part of the time it shows, and how that is chosen."""

from __future__ import annotations

from textual.scroll_view import ScrollView
from typing_extensions import override

from tracekit_viewer.door import Node
from tracekit_viewer.messages import ViewChanged
from tracekit_viewer.render.axis import grid_of
from tracekit_viewer.render.columns import Columns, columns_of
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.rows import Path, Viewport
from tracekit_viewer.render.window import Window, bounds_of, fitting
from tracekit_viewer.widgets.dragging import TimeDrag
from tracekit_viewer.widgets.wheel import TimeWheel

__all__ = ["GUTTER", "ZoomedView"]

GUTTER = 1
"""The cells before a row, where the cursor is marked."""

_KEY_ZOOM = 1.5


class ZoomedView(TimeDrag, TimeWheel, ScrollView):
    """Rows of a run with a common window of time, which keys and the mouse move and zoom."""

    def __init__(self) -> None:
        super().__init__()
        self._now_ns = 0
        self._bounds = Window(0, 1)
        self._chosen: Window | None = None
        self._held: Window | None = None
        self._is_growing = False
        self._revision = 0
        self._path: Path | None = None
        self._view: Viewport | None = None

    @property
    def forest(self) -> Forest:
        """The nodes of the run that is shown."""
        raise NotImplementedError

    @property
    def node(self) -> Node:
        """The node under the cursor."""
        raise NotImplementedError

    @property
    def view(self) -> Viewport:
        """Return the common settings of all rows."""
        if self._view is None:
            window = self._chosen or fitting(self._bounds, growing=self._is_growing)
            columns = self._columns
            grid = grid_of(window, self._bounds.start_ns, columns.bar)
            self._view = Viewport(columns, window, self._now_ns, grid, self._path)
        return self._view

    @property
    def bounds(self) -> Window:
        """The whole time of the run."""
        return self._bounds

    def hold(self, bounds: Window | None) -> None:
        """Keep the whole time at `bounds`, however the run grows; None to follow the run."""
        self._held = bounds

    def light(self, path: Path | None) -> None:
        """Let the critical path stand out; None for no path."""
        self._path = path
        self._revision += 1
        self.refresh()
        self._changed_view()

    def _set_now(self, now_ns: int | None) -> None:
        self._now_ns = max(self.forest.last_ns, now_ns or 0)
        self._bounds = self._held or bounds_of(self.forest, self._now_ns)
        self._changed_view()

    def _changed_view(self) -> None:
        self._view = None
        self.post_message(ViewChanged())

    @property
    def _columns(self) -> Columns:
        return columns_of(self.scrollable_content_region.width - GUTTER)

    def look(self, window: Window | None) -> None:
        """Show the time of `window`; all of it if that is None or no less."""
        whole = fitting(self._bounds, growing=self._is_growing)
        if window is not None:
            window = window.kept(whole)
        # Zooming in and out again ends at the whole, however the nanoseconds were rounded.
        self._chosen = None if window is None or window.length_ns > 0.999 * whole.length_ns else window
        self.refresh()
        self._changed_view()

    def look_at_cells(self, first: int, last: int) -> None:
        """Show the time from one cell of the bars to another."""
        view = self.view
        self.look(Window(view.window.at(first, view.columns.bar), view.window.at(last, view.columns.bar)))

    def action_zoom(self, step: int) -> None:
        """Zoom in (1) or out (-1) around the node under the cursor, or the middle of the window."""
        window = self.view.window
        middle = (self.node.start_ns + (self.node.end_ns or self._now_ns)) // 2
        if not window.start_ns <= middle <= window.end_ns:
            middle = (window.start_ns + window.end_ns) // 2
        self._zoom(_KEY_ZOOM**step, middle)

    def action_zoom_all(self) -> None:
        """Show the whole time."""
        self.look(None)

    def action_zoom_here(self) -> None:
        """Show the time of the node under the cursor, and a little around it."""
        start, end = self.node.start_ns, self.node.end_ns or self._now_ns
        margin = max(1, (end - start) // 20)
        self.look(Window(start - margin, end + margin))

    @override
    def action_pan(self, share: float) -> None:
        """Move along the time by a share of what is seen."""
        if self._chosen is not None:
            self.look(self._chosen.panned(share, fitting(self._bounds, growing=self._is_growing)))

    def _zoom(self, factor: float, anchor_ns: int) -> None:
        self.look(self.view.window.zoomed(factor, anchor_ns, fitting(self._bounds, growing=self._is_growing)))

    @override
    def zoom_at(self, x: int, factor: float) -> None:
        """Look closer by `factor`, so that what is in column `x` stays there."""
        view = self.view
        anchor = view.window.at(x - self.bar_start, view.columns.bar)
        self._zoom(factor, min(max(anchor, view.window.start_ns), view.window.end_ns))
