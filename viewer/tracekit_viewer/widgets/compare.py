"""The rows of two runs that are compared, drawn line by line."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from typing_extensions import override

from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.compare import LINES, ComparedRow, ComparedRuns, head_line, row_lines, title_lines
from tracekit_viewer.render.paint import strip_of
from tracekit_viewer.render.palette import palette_of

__all__ = ["ComparedView", "RowHighlighted"]

_MOVING = Binding.Group("Moving")
_JUMPING = Binding.Group("Jumping")
_HEAD = 3
"""Lines above the rows, which stay while they scroll: the two runs, and the axis."""


class RowHighlighted(Message):
    """The cursor stands on `row`."""

    def __init__(self, row: ComparedRow) -> None:
        super().__init__()
        self.row = row

    @override
    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RowHighlighted)


class ComparedView(ScrollView, can_focus=True):
    """Two lines a node, with the bars of both runs on one axis."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, group=_MOVING),
        Binding("down,j", "move(1)", "Down", show=False, group=_MOVING),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, group=_MOVING),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, group=_MOVING),
        Binding("home,g", "jump(0)", "First row", show=False, group=_MOVING),
        Binding("end,G", "jump(-1)", "Last row", show=False, group=_MOVING),
        Binding("n", "next(1)", "Next difference", group=_JUMPING, tooltip="Next difference"),
        Binding("N", "next(-1)", "Previous difference", show=False, group=_JUMPING),
    ]
    DEFAULT_CSS = """
    ComparedView { height: 1fr; width: 1fr; scrollbar-gutter: stable; scrollbar-size-vertical: 1; overflow-x: hidden; }
    """

    cursor: reactive[int] = reactive(0, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self._runs: ComparedRuns | None = None
        self._at_ns: int | None = None

    def show(self, runs: ComparedRuns) -> None:
        """Show `runs`, with the cursor where a replay diverged, or on the first difference."""
        self._runs = runs
        self.virtual_size = Size(0, LINES * len(runs.rows) + _HEAD)
        self.call_after_refresh(self._go, runs.first)
        self.refresh()

    def show_moment(self, at_ns: int | None) -> None:
        """Show both as they stood `at_ns` after their begin; None for their whole time."""
        self._at_ns = at_ns
        self.refresh()

    @override
    def render_line(self, y: int) -> Strip:
        runs, width = self._runs, self.scrollable_content_region.width
        if runs is None:
            return Strip.blank(width, self.rich_style)
        palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        base = self.rich_style
        pieces: Pieces = []
        if y < _HEAD:
            pieces = title_lines(runs)[y] if y < _HEAD - 1 else head_line(runs, width)
        else:
            number, line = divmod(y - _HEAD + round(self.scroll_offset.y), LINES)
            if number < len(runs.rows):
                here = number == self.cursor
                pieces = row_lines(runs, runs.rows[number], width, self._at_ns, here=here)[line]
        return strip_of(pieces, palette, base, width)

    # ── the cursor ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _go(self, row: int) -> None:
        if self._runs is None or not self._runs.rows:
            return
        self.cursor = max(0, min(row, len(self._runs.rows) - 1))
        self.scroll_to_region(Region(0, LINES * self.cursor, 1, LINES + _HEAD), animate=False, force=True)
        self.refresh()
        self.post_message(RowHighlighted(self._runs.rows[self.cursor]))

    def action_move(self, rows: int) -> None:
        """Go up or down some rows."""
        self._go(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Go up or down what fits on the screen."""
        self._go(self.cursor + pages * max(1, (self.size.height - _HEAD) // LINES - 1))

    def action_jump(self, row: int) -> None:
        """Go to the first row (0) or to the last (-1)."""
        self._go(row if row >= 0 else len(self._runs.rows) if self._runs is not None else 0)

    def action_next(self, step: int) -> None:
        """Go to the next row that differs, or to the one before, around the end."""
        rows = self._runs.rows if self._runs is not None else ()
        for away in range(1, len(rows) + 1):
            number = (self.cursor + step * away) % len(rows)
            if rows[number].how:
                self._go(number)
                return
        self.notify("the runs do not differ", timeout=3)

    def on_click(self, event: events.Click) -> None:
        """Go to the row that was clicked."""
        if event.y >= _HEAD:
            self._go((event.y - _HEAD + round(self.scroll_offset.y)) // LINES)
