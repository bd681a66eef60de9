"""The list of a run's findings below its timeline, with the evidence or the what-if of the chosen one."""

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

from tracekit_viewer.door import Finding, is_at_least
from tracekit_viewer.messages import FindingsLeft, SpanWanted, WhatIfWanted
from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.findings import FindingLine, finding_rows
from tracekit_viewer.render.paint import strip_of
from tracekit_viewer.render.palette import palette_of
from tracekit_viewer.render.what_if import Comparison, comparison_rows

__all__ = ["FindingsPane"]

_FINDINGS = Binding.Group("Findings")
_MOST_HEIGHT = 40
_NOTHING = "    No avoidable delay or cost was found in the record."


class FindingsPane(ScrollView, can_focus=True, inherit_bindings=False):
    """Lists findings. Going on to one shows its evidence; `jump` goes to its spans, one after the other."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Finding before", show=False, group=_FINDINGS),
        Binding("down,j", "move(1)", "Next finding", show=False, group=_FINDINGS),
        Binding("home,g", "edge(0)", "First finding", show=False, group=_FINDINGS),
        Binding("end,G", "edge(-1)", "Last finding", show=False, group=_FINDINGS),
        Binding("pageup,ctrl+b", "page(-1)", "Scroll the evidence up", show=False, group=_FINDINGS),
        Binding("pagedown,ctrl+f", "page(1)", "Scroll the evidence down", show=False, group=_FINDINGS),
        Binding("enter", "jump", "Go to", group=_FINDINGS, tooltip="Go to its first span, then to the next"),
        Binding("w", "what_if", "What if", group=_FINDINGS, tooltip="The run as it was and as it could be, or why"),
        Binding(
            "W", "what_if_all", "What if all", show=False, group=_FINDINGS, tooltip="The run without all that is likely"
        ),
        Binding("escape", "leave", "Close", group=_FINDINGS, tooltip="Close the findings"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"findings--cursor"}
    DEFAULT_CSS = """
    FindingsPane {
        width: 1fr; height: 2fr; border-top: solid $foreground 15%; border-title-color: $text-muted;
        overflow-x: hidden; overflow-y: auto; scrollbar-gutter: stable; scrollbar-size-vertical: 1;
        &.-empty { height: 3; }
        &:focus { border-title-color: $foreground; }
        & > .findings--cursor { background: $foreground 7%; }
        &:focus > .findings--cursor { background: $primary 22%; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._found: Sequence[Finding] = ()
        self._chosen = 0
        self._rows: list[FindingLine] = []
        self._visited = -1
        self._comparison: Comparison | None = None
        self._is_comparing = self._is_of_all = False

    # ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def found(self) -> Finding | None:
        """The chosen finding."""
        return self._found[self._chosen] if self._found else None

    @property
    def lines(self) -> list[str]:
        """Return the visible lines as text."""
        return ["".join(text for text, _ in row.pieces) for row in self._rows]

    def tell(self, title: str) -> None:
        """Say above the list what it is."""
        self.border_title = title

    def show(self, found: Sequence[Finding]) -> None:
        """Show what was found. The chosen finding stays chosen, if it is there."""
        before = self.found
        self._found = found
        self.set_class(not found, "-empty")
        self._chosen = next((number for number, each in enumerate(found) if before and each == before), 0)
        self._choose(self._chosen)

    def compare(self, findings: Sequence[Finding], comparison: Comparison) -> None:
        """Show what the run would have been without `findings`, if it is still these that are asked about."""
        if self._is_comparing and [*map(id, findings)] == [*map(id, self._compared)]:
            self._comparison = comparison
            self._lay_out()

    def _choose(self, number: int) -> None:
        self._chosen, self._visited, self._comparison = number, -1, None
        self._lay_out()
        self._scroll_to_chosen()
        if self._is_comparing:
            self._ask_for_what_if()

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if not width:
            return
        below = self._below(width) if self._is_comparing else None
        self._rows = finding_rows(self._found, self._chosen, width, below)
        if self.has_class("-empty"):
            self._rows = [FindingLine(-1, [(_NOTHING, "quiet")])]
        self.virtual_size = Size(width, len(self._rows))
        self.refresh()

    def _below(self, width: int) -> list[Pieces]:
        """Return the lines below the chosen finding that replace its evidence."""
        if not self._compared:
            return [[("    Nothing would have run at another time; w tells why it was found.", "quiet")], []]
        if self._comparison is None:
            return [[("    …", "quiet")], []]
        head: list[Pieces] = []
        if self._is_of_all:
            head = [[(f"   without all {len(self._compared)} findings that are likely or certain", "strong")]]
        height = min(self.size.height - 1, _MOST_HEIGHT) - len(head)
        return [*head, *comparison_rows(self._comparison, width, height), []]

    @property
    def _compared(self) -> Sequence[Finding]:
        """Return the findings to remove from the run: the chosen one, or all likely ones that move spans."""
        if self._is_of_all:
            return [each for each in self._found if each.change and is_at_least(each.confidence, "likely")]
        return [self.found] if self.found is not None and self.found.change else []

    def on_resize(self) -> None:
        """Wrap again."""
        self._lay_out()

    @override
    def render_line(self, y: int) -> Strip:
        row, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        base = self.rich_style
        if row >= len(self._rows):
            return Strip.blank(self.size.width, base)
        number, pieces = self._rows[row]
        if number == self._chosen and (row == 0 or self._rows[row - 1].number != number):
            base += Style(bgcolor=self.get_component_rich_style("findings--cursor").bgcolor)
        palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        return strip_of(pieces, palette, base, width)

    # ── keys and mouse ───────────────────────────────────────────────────────────────────────────────────────────────

    def _scroll_to_chosen(self) -> None:
        """Bring the chosen finding into view, with as much of what is below it as there is room for."""
        mine = [number for number, row in enumerate(self._rows) if row.number == self._chosen]
        top, height = self.scroll_offset.y, max(1, self.scrollable_content_region.height)
        if mine and not (top <= mine[0] and mine[-1] < top + height):
            self.scroll_to(y=min(mine[0], max(0, mine[-1] - height + 1, mine[0] - 1)), animate=False, force=True)

    def action_move(self, by: int) -> None:
        """Go to the next finding, or to the one before."""
        number = max(0, min(self._chosen + by, len(self._found) - 1))
        if number != self._chosen:
            self._choose(number)

    def action_edge(self, number: int) -> None:
        """Go to the first finding (0) or to the last (-1)."""
        self.action_move(len(self._found) * (1 if number else -1))

    def action_page(self, pages: int) -> None:
        """Scroll, whatever is chosen."""
        self.scroll_relative(y=pages * max(1, self.scrollable_content_region.height - 1), animate=False)

    def action_jump(self) -> None:
        """Go to the next of the spans that the chosen finding is about."""
        spans = self.found.spans if self.found is not None else ()
        if spans:
            self._visited = (self._visited + 1) % len(spans)
            self.post_message(SpanWanted(spans[self._visited], self._visited + 1, len(spans)))

    def action_what_if(self) -> None:
        """Show what the run would have been without the chosen finding, or why it was found."""
        self._ask(of_all=False)

    def action_what_if_all(self) -> None:
        """Show the run without all likely and certain findings, or the evidence of the chosen one."""
        self._ask(of_all=True)

    def _ask(self, *, of_all: bool) -> None:
        is_same = self._is_comparing and self._is_of_all is of_all
        self._is_comparing, self._is_of_all = not is_same and self.found is not None, of_all
        self._comparison = None
        self._lay_out()
        self._scroll_to_chosen()
        if self._is_comparing:
            self._ask_for_what_if()

    def _ask_for_what_if(self) -> None:
        if self._compared:
            self.post_message(WhatIfWanted(self._compared))

    def action_leave(self) -> None:
        """Close the findings."""
        self.post_message(FindingsLeft())

    def on_click(self, event: events.Click) -> None:
        """Choose the finding, and go to its spans."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y + self.scroll_offset.y >= len(self._rows):
            return
        number = self._rows[offset.y + self.scroll_offset.y].number
        if number < 0:
            return
        if number != self._chosen:
            self._choose(number)
        self.action_jump()
