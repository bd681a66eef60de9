"""The tree of a run and its waterfall, on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.strip import Strip
from typing_extensions import override

from tracekit_viewer.door import Node, Run
from tracekit_viewer.messages import NodeHighlighted, ViewChanged
from tracekit_viewer.render.findings import Marks, places_of
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.names import matches
from tracekit_viewer.render.paint import strip_of
from tracekit_viewer.render.palette import Palette, palette_of
from tracekit_viewer.render.rows import Viewport, label_start, row_pieces
from tracekit_viewer.render.text import plain
from tracekit_viewer.render.tree import Tree, is_fault, is_retried
from tracekit_viewer.widgets.zooming import GUTTER, ZoomedView

__all__ = ["Timeline"]

_CACHED_ROWS = 1000
_MOVING = Binding.Group("Moving")
_FOLDING = Binding.Group("Folding")


class Timeline(ZoomedView, can_focus=True, inherit_bindings=False):
    """A row a node, drawn when it is seen, and kept as long as nothing changes that it shows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, group=_MOVING),
        Binding("down,j", "move(1)", "Down", show=False, group=_MOVING),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, group=_MOVING),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, group=_MOVING),
        Binding("home,g", "edge(0)", "First row", show=False, group=_MOVING),
        Binding("end,G", "edge(-1)", "Last row", show=False, group=_MOVING),
        Binding("left,h", "left", "Fold, or go to the parent", show=False, group=_FOLDING),
        Binding("right,l", "right", "Unfold, or go to the first child", show=False, group=_FOLDING),
        Binding("x", "steps", "Fold chains and groups, or show every step", show=False, group=_FOLDING),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"timeline--cursor"}
    DEFAULT_CSS = """
    Timeline {
        height: 1fr; width: 1fr;
        overflow-x: hidden; overflow-y: auto; scrollbar-gutter: stable; scrollbar-size-vertical: 1;
        & > .timeline--cursor { background: $foreground 7%; }
        &:focus > .timeline--cursor { background: $primary 22%; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._tree: Tree | None = None
        self._query = ""
        self._hits: list[int] = []
        self._content: frozenset[str] = frozenset()
        self._found: set[int] = set()
        self._found_below: set[int] = set()
        self._marks: Marks = {}
        self._marks_below: dict[int, list[str]] = {}
        self._strips: LRUCache[object, Strip] = LRUCache(_CACHED_ROWS)
        self._palette: Palette = {}
        self._base = Style.null()
        self.following = False

    # ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    @override
    def forest(self) -> Forest:
        assert self._tree is not None
        return self._tree.forest

    def show(self, run: Run, now_ns: int | None, *, growing: bool = False) -> None:
        """Show `run`, or go on with it. Cursor, folds, zoom and scroll stay as they are.

        What is open goes until `now_ns`, or until the last that is known of the run.
        """
        first = self._tree is None
        if self._tree is None:
            self._tree = Tree(run)
        else:
            self._tree.grow(run)
        self._is_growing = growing
        self._gather_marks()
        self._gather_found()
        self._revision += 1
        self._set_now(now_ns)
        self._resize_rows()
        if self.following:
            self._go_to_newest()
        self.refresh()
        if first or not self.following:
            self.post_message(NodeHighlighted(self._tree.node))

    def mark(self, marks: Marks) -> None:
        """Show of each node the codes of its findings; of a folded one also those of what it hides."""
        self._marks = marks
        self._gather_marks()
        self._revision += 1
        self.refresh()

    def _gather_marks(self) -> None:
        below: dict[int, list[str]] = {}
        for place in places_of(self.forest, self._marks).values() if self._marks else ():
            codes = self._marks.get(self.forest.nodes[place].id, ())
            for above in self.forest.path(place):
                if above == place or self.forest.shapes[above]:
                    known = below.setdefault(above, [])
                    known += [code for code in codes if code not in known]
        self._marks_below = below

    def tick(self, now_ns: int) -> None:
        """Let what is open go on until `now_ns`."""
        window = self.view.window
        self._set_now(now_ns)
        if self.view.window != window:
            self.refresh()
            return
        top = self.scroll_offset.y
        for row in range(top, min(top + self.size.height, len(self._rows.visible))):
            if self.forest.nodes[self._rows.visible[row]].status == "open":
                self.refresh_line(row)

    @property
    def _rows(self) -> Tree:
        assert self._tree is not None
        return self._tree

    def _resize_rows(self) -> None:
        size = Size(self.scrollable_content_region.width, len(self._rows.visible))
        if size != self.virtual_size:
            self.virtual_size = size

    def on_resize(self) -> None:
        """Share out the width again."""
        self.bar_start = self._columns.bar_start + GUTTER
        if self._tree is not None:
            self._resize_rows()
            self._scroll_to_cursor()
            self._changed_view()

    @override
    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()
        self._palette = {}
        self._view = None

    # ── drawing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y
        if self._tree is None or row >= len(self._tree.visible):
            return Strip.blank(self.size.width, self.rich_style)
        index = self._tree.visible[row]
        is_here = row == self._tree.row
        folded, view = self._tree.is_folded(index), self.view
        now_ns = self._now_ns if self.forest.nodes[index].end_ns is None else 0
        key = (self._revision, index, folded, is_here, self.has_focus, view.window, view.columns, now_ns, self._query)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._draw(index, view, folded=folded, here=is_here)
        return strip

    def _draw(self, index: int, view: Viewport, *, folded: bool, here: bool) -> Strip:
        if not self._palette:
            self._palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
            self._base = self.rich_style
        base = self._base
        if here:
            base += Style(bgcolor=self.get_component_rich_style("timeline--cursor").bgcolor)
        codes = self._marks_below.get(index, ()) if folded else self._marks.get(self.forest.nodes[index].id, ())
        found = index in (self._found_below if folded else self._found)
        pieces = [
            ("▌" if here else " ", "cursor"),
            *row_pieces(self.forest, index, view, folded=folded, query=self._query, codes=codes, found=found),
        ]
        return strip_of(pieces, self._palette, base, self.scrollable_content_region.width)

    # ── the cursor ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    @override
    def node(self) -> Node:
        return self._rows.node

    @property
    def detail_node(self) -> Node:
        """The node that the detail pane shows: for a tool that calls an agent, the agent."""
        rows, forest = self._rows, self.forest
        if rows.cursor != rows.shown:
            return rows.node
        shown = forest.row(rows.shown, folded=rows.is_folded(rows.shown))
        return next((forest.nodes[place] for place in shown if forest.nodes[place].kind == "agent"), rows.node)

    @property
    def cursor(self) -> int:
        """The place of the node under the cursor."""
        return self._rows.cursor

    def go_to(self, index: int) -> None:
        """Put the cursor on the node at `index`, wherever it is, and show what is around it."""
        count = len(self._rows.visible)
        self._moved(partial(self._rows.reveal, index), centre=True)
        if len(self._rows.visible) != count:
            self._refolded()

    def _moved(self, move: Callable[[], None], *, centre: bool = False) -> None:
        before = self._rows.row
        self.following = False
        move()
        if not self._scroll_to_cursor(centre=centre) and self._rows.row != before:
            self.refresh_line(before)
            self.refresh_line(self._rows.row)
        self.post_message(NodeHighlighted(self.node))

    def _scroll_to_cursor(self, *, centre: bool = False) -> bool:
        """Bring the cursor into view; whether that took any scrolling, which draws all rows again."""
        row, top, height = self._rows.row, self.scroll_offset.y, max(1, self.scrollable_content_region.height)
        if top <= row < top + height:
            return False
        target = row - height // 2 if centre else row if row < top else row - height + 1
        self.scroll_to(y=max(0, target), animate=False, force=True)
        return True

    def _go_to_newest(self) -> None:
        newest = max(
            (index for index, node in enumerate(self.forest.nodes) if node.status == "open"),
            key=lambda index: (self.forest.nodes[index].start_ns, index),
            default=None,
        )
        if newest is not None:
            self.go_to(newest)
            self.following = True

    def action_move(self, by: int) -> None:
        """Go up or down some rows."""
        self._moved(lambda: self._rows.to_row(self._rows.row + by))

    def action_page(self, pages: int) -> None:
        """Go up or down what fits on the screen."""
        self.action_move(pages * max(1, self.scrollable_content_region.height - 1))

    def action_edge(self, row: int) -> None:
        """Go to the first row (0) or to the last (-1)."""
        self._moved(lambda: self._rows.to_row(row if row >= 0 else len(self._rows.visible) - 1))

    def action_parent(self) -> None:
        """Go to the parent."""
        self.go_to(self._rows.parent())

    def action_sibling(self, step: int) -> None:
        """Go to the next sibling, or to the one before."""
        self.go_to(self._rows.sibling(step))

    def action_fault(self, step: int) -> None:
        """Go to where the next error, or the one before, began."""
        self._jump(is_fault, step, "nothing failed in this run")

    def action_retry(self, step: int) -> None:
        """Go to the next call, or the one before, that took more than one attempt."""
        self._jump(is_retried, step, "no call of this run was retried")

    def action_follow(self) -> None:
        """Stay with what began last, until the cursor is moved."""
        self.following = not self.following
        if self.following:
            self._go_to_newest()
        self.post_message(ViewChanged())

    def _jump(self, wanted: Callable[[Node], bool], step: int, otherwise: str) -> None:
        found = self._rows.find(wanted, step)
        if found is None:
            self.notify(otherwise, timeout=3)
        else:
            self.go_to(found)

    # ── looking for names ────────────────────────────────────────────────────────────────────────────────────────────

    def search(self, query: str, origin: int, content: frozenset[str] = frozenset()) -> None:
        """Mark `query` in all names and go to the first row with it from the node at `origin` on.

        `content` are the ids of the nodes whose content has it.
        """
        self._query = query.lower()
        self._content = content
        self._gather_found()
        self._revision += 1
        self.refresh()
        self._hits = self._rows.rows_of(self._is_hit) if query else []
        if query:
            self._rows.cursor = origin
            found = self._rows.find(self._is_hit, 1, here=True)
            self.go_to(origin if found is None else found)
        self.post_message(ViewChanged())

    @property
    def searched(self) -> str:
        """Return what is searched and which of its rows the cursor is on, in words; empty without a search."""
        number, many = self.hits
        return f"{plain(self._query, 20)}: {number}/{many}" if many else ""

    @property
    def hits(self) -> tuple[int, int]:
        """Return the number of the current hit, from 1 (0 for none), and the number of hits."""
        here = self._rows.row_place(self._rows.cursor)
        return self._hits.index(here) + 1 if here in self._hits else 0, len(self._hits)

    def _is_hit(self, node: Node) -> bool:
        return node.id in self._content or matches(node, self._query)

    def _gather_found(self) -> None:
        """Find the rows of the nodes whose content was found; chains and folded rows stand for their nodes."""
        forest = self.forest
        places = [place for place, node in enumerate(forest.nodes) if node.id in self._content] if self._content else []
        self._found = {*places, *map(self._rows.row_place, places)}
        self._found_below = {above for place in places for above in forest.path(place)}

    def action_match(self, step: int) -> None:
        """Go to the next row whose name or content has what is searched, or to the one before."""
        if self._query:
            self._jump(self._is_hit, step, f"{plain(self._query, 20)}: not found")
            self.post_message(ViewChanged())

    # ── folds ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _refolded(self) -> None:
        # An agent that no longer stands in the row of its tool moves all rows below it.
        self._revision += 1
        self._resize_rows()
        self._scroll_to_cursor()
        self.refresh()

    def action_steps(self) -> None:
        """Show chains, attempts and groups in one row each, or every step of them."""
        self._rows.fold_steps(compact=not self._rows.compact)
        self._refolded()

    def action_fold(self) -> None:
        """Fold what is below the cursor, or unfold it."""
        self._rows.fold(folded=not self._rows.is_folded(self._rows.shown))
        self._refolded()

    def action_left(self) -> None:
        """Fold; where there is nothing to fold, go to the parent."""
        rows = self._rows
        if self.forest.has_children(rows.shown) and not rows.is_folded(rows.shown):
            self.action_fold()
        else:
            self._moved(partial(rows.reveal, rows.parent()))

    def action_right(self) -> None:
        """Unfold; where nothing is folded, go to the first child."""
        rows = self._rows
        if rows.is_folded(rows.shown):
            self.action_fold()
        elif self.forest.has_children(rows.shown):
            self.action_move(1)

    def action_below(self, folded: str) -> None:
        """Fold or unfold all that is below the cursor."""
        self._rows.fold(folded=folded == "fold", below=True)
        self._refolded()

    def action_level(self, level: int) -> None:
        """Show some levels of the tree and fold what is deeper."""
        self._rows.fold_to(level)
        self._refolded()
        self.post_message(NodeHighlighted(self.node))

    # ── the mouse ────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; on a fold mark, fold; twice on a bar, zoom to it, twice elsewhere, fold."""
        row = event.y + self.scroll_offset.y
        if row >= len(self._rows.visible):
            return
        self._moved(lambda: self._rows.to_row(row))
        mark = GUTTER + label_start(self.forest, self._rows.shown, self._columns.label)
        on_bar = event.x >= self.bar_start
        if event.chain == 2 and on_bar:
            self.action_zoom_here()
        elif mark <= event.x <= mark + 1 or (event.chain == 2 and not on_bar):
            self.action_fold()
