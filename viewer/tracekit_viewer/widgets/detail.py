"""The detail pane of the node under the cursor: conversation, attempts, usage, attributes, bytes."""

from __future__ import annotations

from typing import ClassVar, Self

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input
from typing_extensions import override

from tracekit_viewer.door import Node, Run
from tracekit_viewer.messages import SplitMoved
from tracekit_viewer.render.block import Line, line_cells, trimmed
from tracekit_viewer.render.call_messages import Reader
from tracekit_viewer.render.detail import TABS, Tab, blocks_of_tab, title_of
from tracekit_viewer.render.family import Family
from tracekit_viewer.render.reading import styles_of
from tracekit_viewer.render.text import cells
from tracekit_viewer.widgets.document import Document

__all__ = ["DetailPane"]

_READING = Binding.Group("Reading")


class _Head(Widget):
    """Two rows: what the node is, and the tabs."""

    DEFAULT_CSS = "_Head { height: 2; }"

    class Chosen(Message):
        """The user clicked on `tab`."""

        def __init__(self, tab: Tab) -> None:
            super().__init__()
            self.tab: Tab = tab

    def __init__(self) -> None:
        super().__init__()
        self._title: Line = ()
        self._aside = ""
        self._tab: Tab = TABS[0]

    def show(self, title: Line, aside: str, tab: Tab) -> None:
        """Show this title, and `tab` as the one that is open."""
        if (title, aside, tab) != (self._title, self._aside, self._tab):
            self._title, self._aside, self._tab = title, aside, tab
            self.refresh()

    @override
    def render_line(self, y: int) -> Strip:
        width = self.size.width
        parts = self._title_line(width) if y == 0 else self._tab_line(width)
        palette = styles_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        segments = [Segment(text, palette[style]) for text, style in parts]
        return Strip(segments).adjust_cell_length(width).apply_style(self.rich_style)

    def _title_line(self, width: int) -> Line:
        line = trimmed(self._title, max(8, width - cells(self._aside) - 4))
        gap = " " * max(2, width - 2 - line_cells(line) - cells(self._aside))
        return (" ", "text"), *line, (gap, "text"), (self._aside, "dim")

    def _tab_line(self, width: int) -> Line:
        return tuple((text, "tab" if tab == self._tab else "dim") for _, text, tab in _tabs(width))

    def on_click(self, event: events.Click) -> None:
        """Choose the tab that was clicked."""
        if event.y == 1:
            for start, text, tab in _tabs(self.size.width):
                if start <= event.x < start + len(text):
                    self.post_message(self.Chosen(tab))


def _tabs(width: int) -> list[tuple[int, str, Tab]]:
    """Return the position and the label of each tab: the whole name if there is room."""
    room = sum(len(tab) + 2 for tab in TABS) <= width
    placed: list[tuple[int, str, Tab]] = []
    start = 0
    for tab in TABS:
        text = f" {tab if room else tab[:4]} "
        placed.append((start, text, tab))
        start += len(text)
    return placed


class _SearchInput(Input):
    """The row in which one types what to look for."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Stop searching", show=False)]
    DEFAULT_CSS = """
    _SearchInput { display: none; height: 1; border: none; padding: 0 1; background: $surface; }
    _SearchInput:focus { border: none; }
    _SearchInput.-open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(placeholder="what to look for; n and N go on", compact=True)

    def action_give_up(self) -> None:
        """Cancel the search."""
        self.value = ""
        self.post_message(self.Submitted(self, ""))


class DetailPane(Vertical):
    """Tells all about one node, in tabs."""

    ALLOW_MAXIMIZE = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "tab(-1)", "Tab before", show=False, group=_READING),
        Binding("right,l", "tab(1)", "Tab after", show=False, group=_READING),
        *(
            Binding(str(number), f"open('{tab}')", tab, show=False, group=_READING)
            for number, tab in enumerate(TABS, 1)
        ),
        Binding("slash", "search", "Search", key_display="/", group=_READING, tooltip="Search in what is read"),
        Binding("w", "whole", "Whole", group=_READING, tooltip="The whole conversation, or what is new in it"),
        Binding(
            "b", "by_agent", "By agent", show=False, group=_READING, tooltip="The whole conversation by time or agent"
        ),
        Binding("z", "enlarge", "Full screen", group=_READING, tooltip="Read on the whole screen, or beside the run"),
    ]
    DEFAULT_CSS = """
    DetailPane { height: 1fr; width: 1fr; }
    """

    tab: reactive[Tab] = reactive[Tab](TABS[0], init=False)
    """The tab that is open."""
    whole: reactive[bool] = reactive(False, init=False)
    """Whether a conversation is shown from its begin, not only what the node added."""
    by_agent: reactive[bool] = reactive(False, init=False)
    """Whether the whole conversation of several agents is shown agent by agent, not in the order of time."""

    def __init__(self) -> None:
        super().__init__()
        self._run: Run | None = None
        self._node: Node | None = None
        self._family: Family | None = None
        self._reader = Reader()
        self._is_held = False
        self._shown: tuple[str, str, Tab, bool, bool] | None = None

    @override
    def compose(self) -> ComposeResult:
        yield _Head()
        yield Document()
        yield _SearchInput()

    @override
    def focus(self, scroll_visible: bool = True) -> Self:
        """Focus the content, so that keys act on it."""
        self.query_one(Document).focus(scroll_visible)
        return self

    def show(self, run: Run, node: Node) -> None:
        """Draw `node` of `run`. Where it is the node that is drawn, its reader's place stays."""
        if self._family is None or self._family.root is not run.root:
            self._family = Family(run)
        self._run, self._node = run, node
        self._draw()

    def on_mount(self) -> None:
        """Draw what was shown before there was a place to draw it."""
        self._draw()

    def _draw(self) -> None:
        run, node, family = self._run, self._node, self._family
        if run is None or node is None or family is None or not self.is_mounted:
            return
        title, aside = title_of(run, node, family)
        self.query_one(_Head).show(title, aside, self.tab)
        blocks = blocks_of_tab(self.tab, run, node, family, self._reader, whole=self.whole, by_agent=self.by_agent)
        shown = (run.id, node.id, self.tab, self.whole, self.by_agent)
        self.query_one(Document).show(blocks, same=shown == self._shown)
        self._shown = shown

    def watch_tab(self) -> None:
        """Draw the tab that was opened."""
        self._draw()

    def watch_whole(self) -> None:
        """Draw more, or less."""
        self._draw()

    def watch_by_agent(self) -> None:
        """Draw the other order."""
        self._draw()

    # ── the line between this pane and the tree, which the mouse moves ───────────────────────────────────────────────

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the line."""
        at = event.get_content_offset(self)
        if at is None and (event.x == 0 or event.y == 0):
            self._is_held = True
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move the line along, while it is held."""
        if self._is_held:
            self.post_message(SplitMoved(event.screen_x, event.screen_y))

    def on_mouse_up(self) -> None:
        """Stop moving the line."""
        if self._is_held:
            self._is_held = False
            self.release_mouse()

    def on__head_chosen(self, message: _Head.Chosen) -> None:
        """Open the tab that was clicked."""
        message.stop()
        self.tab = message.tab

    def action_tab(self, step: int) -> None:
        """Open the tab beside."""
        self.tab = TABS[(TABS.index(self.tab) + step) % len(TABS)]

    def action_open(self, tab: Tab) -> None:
        """Open `tab`."""
        self.tab = tab

    def action_search(self) -> None:
        """Look for words in what is read."""
        finder = self.query_one(_SearchInput)
        finder.add_class("-open")
        finder.value = ""
        finder.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next match."""
        event.stop()
        event.input.remove_class("-open")
        document = self.query_one(Document)
        document.focus()
        if not document.search(event.value) and event.value:
            self.notify("Not found.", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Ignore changes: the search begins with enter."""
        event.stop()

    def action_enlarge(self) -> None:
        """Read on the whole screen, or beside the run again."""
        if self.screen.maximized is self:
            self.screen.minimize()
        else:
            self.screen.maximize(self)

    def read_whole(self) -> None:
        """Show the whole conversation of the node."""
        self.tab, self.whole = "Conversation", True

    def action_by_agent(self) -> None:
        """Show the whole conversation agent by agent, or in the order of time."""
        self.by_agent = not self.by_agent

    def action_whole(self) -> None:
        """Show the whole conversation, or only what the node added."""
        self.whole = not self.whole
