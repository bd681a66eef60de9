"""One lane an agent, above the timeline and in the same time."""

from __future__ import annotations

from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from typing_extensions import override

from tracekit_viewer.messages import AgentChosen
from tracekit_viewer.render.bars import Pieces, draw
from tracekit_viewer.render.columns import fitted
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.lanes import LaneRow, bare_lanes_of, bars_of, lanes_of, with_work
from tracekit_viewer.render.names import SIGNS
from tracekit_viewer.render.paint import strip_of
from tracekit_viewer.render.palette import palette_of
from tracekit_viewer.render.rows import Viewport
from tracekit_viewer.widgets.dragging import TimeDrag

__all__ = ["LaneStrip"]

_MOST_INDENT = 6
_MANY = 5_000
"""Nodes from which on the lanes are filled when everything else is on the screen."""


class LaneStrip(TimeDrag, ScrollView, can_focus=False):
    """Shows which agents were at work at the same time. The lane of the agent under the cursor stands out."""

    DEFAULT_CSS = """
    LaneStrip {
        max-height: 8; width: 1fr;
        overflow-x: hidden; overflow-y: auto; scrollbar-gutter: stable; scrollbar-size-vertical: 1;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._forest: Forest | None = None
        self._lanes: list[LaneRow] = []
        self._view: Viewport | None = None
        self._agent = -1
        self._drawn: dict[int, Pieces] = {}

    def show(self, forest: Forest) -> None:
        """Show the agents of `forest`."""
        is_long = len(forest) > _MANY and forest is not self._forest
        self._forest, self._lanes = forest, bare_lanes_of(forest) if is_long else lanes_of(forest)
        if is_long:
            self.call_after_refresh(self._fill, forest)
        self._drawn.clear()
        self.virtual_size = Size(1, len(self._lanes))
        self.styles.height = len(self._lanes)
        self.refresh()

    def _fill(self, forest: Forest) -> None:
        if forest is self._forest:
            self._lanes = with_work(self._lanes, forest)
            self._drawn.clear()
            self.refresh()

    def look(self, view: Viewport) -> None:
        """Show the time of `view`."""
        if view != self._view:
            self._view = view
            self.bar_start = view.columns.bar_start + 1
            self._drawn.clear()
            self.refresh()

    def point_at(self, place: int) -> None:
        """Let the lane of the agent at `place` stand out."""
        if place == self._agent:
            return
        self._agent = place
        row = next((row for row, lane in enumerate(self._lanes) if lane.place == place), None)
        if row is not None and not 0 <= row - self.scroll_offset.y < self.size.height:
            self.scroll_to(y=max(0, row - self.size.height // 2), animate=False)
        self.refresh()

    @override
    def render_line(self, y: int) -> Strip:
        base, width = self.rich_style, self.size.width
        row = y + self.scroll_offset.y
        if self._view is None or self._forest is None or row >= len(self._lanes):
            return Strip.blank(width, base)
        lane = self._lanes[row]
        if row not in self._drawn:
            self._drawn[row] = draw(
                bars_of(lane, self._forest, self._view.now_ns), self._view.window, self._view.columns.bar
            )
        palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        return strip_of([*self._label(lane, self._view), *self._drawn[row]], palette, base, width)

    def on_click(self, event: events.Click) -> None:
        """Ask for the agent whose lane was clicked."""
        row = event.y + self.scroll_offset.y
        if row < len(self._lanes):
            self.post_message(AgentChosen(self._lanes[row].place))

    def _label(self, lane: LaneRow, view: Viewport) -> Pieces:
        columns, here = view.columns, lane.place == self._agent
        indent = "  " * min(lane.depth, _MOST_INDENT)
        calls = sum(node.kind == "llm" for node in lane.work)
        told = f"{calls} call{'' if calls == 1 else 's'}" if columns.time and lane.work else ""
        name = fitted(lane.name, max(0, columns.label - len(indent) - 2))
        facts = columns.tokens + columns.cost + columns.time
        return [
            ("▌" if here else " ", "cursor"),
            (f"{indent}{SIGNS['agent']} ", f"hue{lane.hue}"),
            (name, "strong" if here else "quiet"),
            (f"{told:>{facts}} ", "quiet"),
        ]
