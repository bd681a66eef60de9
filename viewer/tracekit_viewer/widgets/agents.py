"""The table of a run's agents and models below its timeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from typing_extensions import override

from tracekit_viewer.messages import AgentsLeft, SpanWanted
from tracekit_viewer.render.agents import COLUMNS, AgentRow, agent_lines, ordered
from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.paint import strip_of
from tracekit_viewer.render.palette import palette_of

__all__ = ["AgentsPane"]

_AGENTS = Binding.Group("Agents")


class AgentsPane(ScrollView, can_focus=True, inherit_bindings=False):
    """A sortable list of agents by name and calls by model; `jump` goes to each of their spans in turn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Row before", show=False, group=_AGENTS),
        Binding("down,j", "move(1)", "Next row", show=False, group=_AGENTS),
        Binding("s", "sort", "Sort", group=_AGENTS, tooltip="Sort by the next column"),
        Binding("S", "turn", "Sort the other way round", show=False, group=_AGENTS),
        Binding("enter", "jump", "Go to", group=_AGENTS, tooltip="Go to its first span, then to the next"),
        Binding("escape", "leave", "Close", group=_AGENTS, tooltip="Close the agents"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"agents--cursor"}
    DEFAULT_CSS = """
    AgentsPane {
        width: 1fr; height: 2fr; border-top: solid $foreground 15%; border-title-color: $text-muted; display: none;
        overflow-x: hidden; overflow-y: auto; scrollbar-gutter: stable; scrollbar-size-vertical: 1;
        &:focus { border-title-color: $foreground; }
        & > .agents--cursor { background: $foreground 7%; }
        &:focus > .agents--cursor { background: $primary 22%; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[AgentRow] = []
        self._lines: list[tuple[int, Pieces]] = []
        self._chosen = 0
        self._visited = -1
        self._column = 0
        self._is_reversed = False
        self.border_title = "agents and models"

    @property
    def rows(self) -> Sequence[AgentRow]:
        """Return the rows in the order in which they are shown."""
        return self._rows

    @property
    def chosen(self) -> AgentRow | None:
        """The row that keys act on."""
        return self._rows[self._chosen] if self._rows else None

    def show(self, rows: Sequence[AgentRow]) -> None:
        """Show `rows`."""
        self._rows = ordered(rows, self._column, is_reversed=self._is_reversed)
        self._chosen = min(self._chosen, max(0, len(rows) - 1))
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if width:
            self._lines = agent_lines(self._rows, self._chosen, self._column, width, is_reversed=self._is_reversed)
            self.virtual_size = Size(width, len(self._lines))
            self.refresh()

    def on_resize(self) -> None:
        """Share out the width again."""
        self._lay_out()

    @override
    def render_line(self, y: int) -> Strip:
        row, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        base = self.rich_style
        if row >= len(self._lines):
            return Strip.blank(self.size.width, base)
        number, pieces = self._lines[row]
        if number == self._chosen:
            base += Style(bgcolor=self.get_component_rich_style("agents--cursor").bgcolor)
        palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        return strip_of(pieces, palette, base, width)

    def action_move(self, by: int) -> None:
        """Go to the next row, or to the one before."""
        self._choose(self._chosen + by)

    def _choose(self, number: int) -> None:
        self._chosen, self._visited = max(0, min(number, len(self._rows) - 1)), -1
        self._lay_out()
        at = next((line for line, (each, _) in enumerate(self._lines) if each == self._chosen), 0)
        top, height = self.scroll_offset.y, max(1, self.scrollable_content_region.height)
        if not top <= at < top + height:
            self.scroll_to(y=max(0, at - height + 1 if at >= top + height else at - 1), animate=False, force=True)

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._column, self._is_reversed = (self._column + 1) % len(COLUMNS), False
        self._sort()

    def action_turn(self) -> None:
        """Sort the other way round."""
        self._is_reversed = not self._is_reversed
        self._sort()

    def _sort(self) -> None:
        here = self.chosen
        self._rows = ordered(self._rows, self._column, is_reversed=self._is_reversed)
        self._choose(next((number for number, row in enumerate(self._rows) if row is here), 0))

    def action_jump(self) -> None:
        """Go to the next span of the row."""
        row = self.chosen
        if row is not None:
            self._visited = (self._visited + 1) % len(row.ids)
            self.post_message(SpanWanted(row.ids[self._visited], self._visited + 1, len(row.ids)))

    def action_leave(self) -> None:
        """Close the agents."""
        self.post_message(AgentsLeft())

    def on_click(self, event: events.Click) -> None:
        """Choose the row, and go to its spans."""
        offset = event.get_content_offset(self)
        line = -1 if offset is None else offset.y + self.scroll_offset.y
        if 0 <= line < len(self._lines) and self._lines[line][0] >= 0:
            if self._lines[line][0] != self._chosen:
                self._choose(self._lines[line][0])
            self.action_jump()
