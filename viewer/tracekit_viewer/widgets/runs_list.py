"""The list of runs, drawn line by line: ten thousand scroll like fifty."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from typing_extensions import override

from tracekit_viewer.door import RunSummary
from tracekit_viewer.messages import RunChosen, RunHighlighted, RunsNeeded, SortAsked
from tracekit_viewer.render.paint import strip_of
from tracekit_viewer.render.palette import Palette, palette_of
from tracekit_viewer.render.runs import ListScale, Order, column_at, header_of, line_of, scale_of

__all__ = ["RunsHeader", "RunsList"]

_TICK_S = 0.25
_SCROLLBAR = 1
_MOVING = Binding.Group("Moving")
_LOOKING = Binding.Group("Looking")


class RunsHeader(Widget):
    """The headers above the list. A click on one asks to sort by it."""

    DEFAULT_CSS = """
    RunsHeader { height: 1; border-bottom: none; }
    """

    order: reactive[Order] = reactive(Order())
    scale: reactive[ListScale] = reactive(ListScale())

    @override
    def render_line(self, y: int) -> Strip:
        pieces = header_of(self.size.width - _SCROLLBAR, self.order, self.scale)
        palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        return strip_of(pieces, palette, self.rich_style, self.size.width)

    def on_click(self, event: events.Click) -> None:
        """Ask to sort by the column."""
        if (key := column_at(event.x, self.size.width - _SCROLLBAR, self.scale)) is not None:
            self.post_message(SortAsked(key))


class RunsList(ScrollView, can_focus=True):
    """Runs in the order in which they are given, one a line.

    Args:
        clock: Nanoseconds since the epoch, up to which runs that live have lasted.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", group=_LOOKING, tooltip="Open the run"),
        Binding("up,k", "move(-1)", "Up", show=False, group=_MOVING),
        Binding("down,j", "move(1)", "Down", show=False, group=_MOVING),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, group=_MOVING),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, group=_MOVING),
        Binding("home,g", "jump(0)", "First run", show=False, group=_MOVING),
        Binding("end,G", "jump(-1)", "Last run", show=False, group=_MOVING),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"runs--cursor", "runs--hover"}
    DEFAULT_CSS = """
    RunsList { height: 1fr; scrollbar-gutter: stable; scrollbar-size-vertical: 1; overflow-x: hidden; }
    RunsList > .runs--cursor { background: $surface; }
    RunsList:focus > .runs--cursor { background: $primary 22%; text-style: bold; }
    RunsList > .runs--hover { background: $surface; }
    """

    cursor: reactive[int] = reactive(0)
    hover: reactive[int | None] = reactive(None)

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        super().__init__()
        self._clock = clock
        self._runs: Sequence[RunSummary] = ()
        self.scale = ListScale()
        self._at: str | None = None
        self.marked: list[str] = []
        """The ids of the runs that the user has marked, at most two, in the order of marking."""
        self._palette: Palette = {}

    @property
    def at(self) -> RunSummary | None:
        """The run under the cursor."""
        return self._runs[self.cursor] if self.cursor < len(self._runs) else None

    def on_mount(self) -> None:
        """Let durations of runs that live go on."""
        self.set_interval(_TICK_S, self._tick)

    def show(self, runs: Sequence[RunSummary], *, to_top: bool = False) -> None:
        """Draw `runs`. The cursor stays on its run, else on its place, or goes to the first (`to_top`)."""
        self._runs = runs
        self.scale = scale_of(runs)
        self.virtual_size = Size(0, len(runs))
        places = {run.id: place for place, run in enumerate(runs)} if self._at is not None else {}
        place = 0 if to_top else places.get(self._at or "", min(self.cursor, max(0, len(runs) - 1)))
        self._move_to(place)
        self.refresh()

    @override
    def render_line(self, y: int) -> Strip:
        place, width = y + round(self.scroll_offset.y), self.scrollable_content_region.width
        base = self.rich_style
        if place >= len(self._runs):
            return Strip.blank(width, base)
        is_at_cursor = place == self.cursor
        if is_at_cursor:
            base = self.get_component_rich_style("runs--cursor")
        elif place == self.hover:
            base = self.get_component_rich_style("runs--hover")
        pieces = line_of(
            self._runs[place],
            width,
            self._clock(),
            self.scale,
            is_at_cursor=is_at_cursor,
            is_marked=self._runs[place].id in self.marked,
        )
        if not self._palette:
            self._palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        return strip_of(pieces, self._palette, base, width)

    @override
    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._palette = {}

    def _tick(self) -> None:
        if not self.screen.is_active:
            return
        top = round(self.scroll_offset.y)
        for y, run in enumerate(self._runs[top : top + self.size.height]):
            if run.status == "open":
                self.refresh(Region(0, y, self.size.width, 1))

    def watch_cursor(self, before: int, after: int) -> None:
        """Draw the two lines anew."""
        for place in (before, after):
            self._refresh_place(place)

    def watch_hover(self, before: int | None, after: int | None) -> None:
        """Draw the two lines anew."""
        for place in (before, after):
            if place is not None:
                self._refresh_place(place)

    def _refresh_place(self, place: int) -> None:
        y = place - round(self.scroll_offset.y)
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    # ── moving ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _move_to(self, place: int) -> None:
        place = max(0, min(place, len(self._runs) - 1))
        self.cursor = place
        self._at = self.at.id if self.at is not None else None
        self.scroll_to_region(Region(0, place, 1, 1), animate=False, force=True)
        self.post_message(RunHighlighted(self.at))
        self._tell_if_near_end(place)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The end may have come near."""
        super().watch_scroll_y(old_value, new_value)
        self._tell_if_near_end(round(new_value) + self.size.height)

    def _tell_if_near_end(self, place: int) -> None:
        if self._runs and place >= len(self._runs) - self.size.height:
            self.post_message(RunsNeeded())

    def action_move(self, by: int) -> None:
        """Move the cursor by so many lines."""
        self._move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by so many pages."""
        self._move_to(self.cursor + by * max(1, self.size.height - 1))

    def action_jump(self, place: int) -> None:
        """Move the cursor to the first line, or with -1 to the last."""
        self._move_to(place if place >= 0 else len(self._runs) - 1)

    def mark(self) -> None:
        """Mark the run under the cursor, or unmark it; of three marks the first goes."""
        at = self.at
        if at is None:
            return
        if at.id in self.marked:
            self.marked.remove(at.id)
        else:
            self.marked = [*self.marked, at.id][-2:]
        self.refresh()

    def action_open(self) -> None:
        """Ask to open the run under the cursor."""
        if self.at is not None:
            self.post_message(RunChosen(self.at))

    def on_click(self, event: events.Click) -> None:
        """Move the cursor; a click on the line where it stands opens."""
        place = event.y + round(self.scroll_offset.y)
        if place >= len(self._runs):
            return
        was_there = place == self.cursor
        self._move_to(place)
        if was_there:
            self.action_open()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The line under the mouse lights up."""
        self.hover = event.y + round(self.scroll_offset.y)

    def on_leave(self) -> None:
        """Mark no line."""
        self.hover = None
