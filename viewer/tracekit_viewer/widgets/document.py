"""Blocks of a document, drawn by line: only what is on the screen is made into strips."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from typing_extensions import override

from tracekit_viewer.render.block import Block, Row, Style, marked, rows_of
from tracekit_viewer.render.reading import styles_of

__all__ = ["Document"]

_READING = Binding.Group("Reading")
_LONGEST_COPY = 10_000_000


class Document(ScrollView, can_focus=True):
    """Blocks below one another, with a cursor on a row. Enter unfolds, and copying takes the block under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, group=_READING),
        Binding("down,j", "move(1)", "Down", show=False, group=_READING),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, group=_READING),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, group=_READING),
        Binding("home,g", "end(-1)", "Top", show=False, group=_READING),
        Binding("end,G", "end(1)", "End", show=False, group=_READING),
        Binding("shift+up,K", "block(-1)", "Part before", show=False, group=_READING),
        Binding("shift+down,J", "block(1)", "Part after", show=False, group=_READING),
        Binding("enter,space", "fold", "Unfold", group=_READING),
        Binding("o", "fold_all", "Unfold all", show=False, group=_READING),
        Binding("n", "match(1)", "Next match", show=False, group=_READING),
        Binding("N", "match(-1)", "Previous match", show=False, group=_READING),
        Binding("y", "copy", "Copy", group=_READING, tooltip="Copy the part under the cursor, as it was said"),
    ]
    DEFAULT_CSS = """
    Document {
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        scrollbar-color: $surface-lighten-2;
    }
    """

    cursor: reactive[int] = reactive(0, repaint=False)
    """The row that keys act on."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks: tuple[Block, ...] = ()
        self._opened: dict[str, int] = {}
        self._laid: dict[str, tuple[Block, int, int, list[Row]]] = {}
        self._rows: list[list[Row]] = []
        self._starts: list[int] = []
        self._width = 0
        self._query = ""
        self._strips: LRUCache[tuple[int, bool], Strip] = LRUCache(2048)
        self._styles: Mapping[Style, RichStyle] = {}

    # ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────────

    def show(self, blocks: Sequence[Block], *, same: bool) -> None:
        """Show `blocks`; where they are the `same` document, grown, folds, cursor and place stay, or follow the end."""
        blocks = tuple(blocks)
        if same and blocks == self._blocks:
            return
        at_end = same and self._at_end()
        stands = self._stands() if same else None
        if not same:
            self._opened.clear()
            self._query = ""
        self._blocks = blocks
        self._lay_out()
        if at_end:
            self.cursor = self._last
            self.scroll_end(animate=False, immediate=True)
        elif stands is not None:
            self.cursor = self._row_at(*stands)
        else:
            self.cursor = 0
            self.scroll_home(animate=False, immediate=True)

    @property
    def rows(self) -> list[Row]:
        """Every row, from the top."""
        return [row for rows in self._rows for row in rows]

    def _at_end(self) -> bool:
        """Return whether the user has gone to the end, so that growth is followed."""
        return self._last > 0 and self.cursor >= self._last - 1 and self.scroll_offset.y >= self.max_scroll_y - 1

    @property
    def _last(self) -> int:
        return max(0, (self._starts[-1] + len(self._rows[-1]) if self._starts else 0) - 1)

    def _stands(self) -> tuple[str, int] | None:
        """The block that the cursor is in, and the row within it."""
        if not self._rows:
            return None
        index = self._block_at(self.cursor)
        return self._blocks[index].key, self.cursor - self._starts[index]

    def _row_at(self, key: str, offset: int) -> int:
        for index, block in enumerate(self._blocks):
            if block.key == key:
                return self._starts[index] + min(offset, len(self._rows[index]) - 1)
        return min(self.cursor, self._last)

    def _block_at(self, row: int) -> int:
        return max(0, bisect_right(self._starts, row) - 1)

    def _lay_out(self) -> None:
        if not self.size.width:
            # What is not on the screen yet is laid out when its width is known.
            return
        self._width = max(10, self.scrollable_content_region.width - 1)
        laid: dict[str, tuple[Block, int, int, list[Row]]] = {}
        self._rows, self._starts, total = [], [], 0
        for block in self._blocks:
            opened = self._opened.get(block.key, 0)
            known = self._laid.get(block.key)
            if known is None or known[:3] != (block, self._width, opened):
                known = (block, self._width, opened, rows_of(block, self._width, opened))
            laid[block.key] = known
            self._starts.append(total)
            self._rows.append(known[3])
            total += len(known[3])
        self._laid = laid
        self._strips.clear()
        self.virtual_size = Size(self._width, total)
        self.refresh()

    def on_resize(self) -> None:
        """Wrap again where the width changed."""
        if max(10, self.scrollable_content_region.width - 1) != self._width:
            stands = self._stands()
            self._lay_out()
            if stands is not None:
                self.cursor = self._row_at(*stands)

    # ── drawing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = {}
        self._strips.clear()

    @property
    def _palette(self) -> Mapping[Style, RichStyle]:
        if not self._styles:
            self._styles = styles_of(self.app.theme_variables, dark=self.app.current_theme.dark)
            if self.app.no_color:
                self._styles = {**self._styles, "cursor": RichStyle(underline=True)}
        return self._styles

    @override
    def render_line(self, y: int) -> Strip:
        row = self.scroll_offset.y + y
        is_cursor = row == self.cursor and bool(self._rows)
        strip = self._strips.get((row, is_cursor))
        if strip is None:
            strip = self._strips[row, is_cursor] = self._draw(row, is_cursor=is_cursor)
        return strip.adjust_cell_length(self.scrollable_content_region.width, self.rich_style)

    def _draw(self, row: int, *, is_cursor: bool) -> Strip:
        if not self._rows or row > self._last:
            return Strip.blank(self._width, self.rich_style)
        index = self._block_at(row)
        line = self._rows[index][row - self._starts[index]].line
        width = self.scrollable_content_region.width
        palette = self._palette
        if self._query:
            line = marked(line, self._query)
        strip = Strip([Segment(" ", None), *(Segment(text, palette[style]) for text, style in line)])
        strip = strip.adjust_cell_length(width, None)
        base = self.rich_style
        if is_cursor:
            base += palette["cursor" if self.has_focus else "place"]
        return strip.apply_style(base)

    def watch_cursor(self, before: int, after: int) -> None:
        """Draw the rows that the cursor left and came to."""
        for row in (before, after):
            self.refresh_line(row - self.scroll_offset.y)

    @override
    def refresh_line(self, y: int) -> None:
        self.refresh(Region(0, y, self.size.width, 1))

    @override
    def watch_has_focus(self, _has_focus: bool) -> None:
        super().watch_has_focus(_has_focus)
        self._strips.clear()
        self.refresh()

    # ── keys and mouse ───────────────────────────────────────────────────────────────────────────────────────────────

    def _go(self, row: int) -> None:
        self.cursor = max(0, min(row, self._last))
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)

    def action_move(self, rows: int) -> None:
        """Move the cursor by `rows`."""
        self._go(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Move by a screenful, less a row to hold on to."""
        self._go(self.cursor + pages * max(1, self.scrollable_content_region.height - 1))

    def action_end(self, which: int) -> None:
        """Go to the first row or the last."""
        self._go(self._last if which > 0 else 0)

    def action_block(self, step: int) -> None:
        """Go to the head of the next block, or of the one before."""
        if not self._rows:
            return
        index = self._block_at(self.cursor)
        inside = self.cursor > self._starts[index]
        index = index + 1 if step > 0 else index - (0 if inside else 1)
        self._go(self._starts[max(0, min(index, len(self._blocks) - 1))])

    def action_fold(self) -> None:
        """Unfold the block under the cursor, further where it has more, or fold it."""
        if not self._rows:
            return
        index = self._block_at(self.cursor)
        block, opened = self._blocks[index], self._opened.get(self._blocks[index].key, 0)
        rows = self._rows[index]
        says_more = rows[min(self.cursor - self._starts[index], len(rows) - 1)].does == "more"
        if not any(row.does for row in rows):
            return
        self._opened[block.key] = opened + 1 if not opened or says_more else 0
        stands = self._stands()
        self._lay_out()
        if stands is not None:
            self._go(self._starts[index] if opened and not says_more else self._row_at(*stands))

    def action_fold_all(self) -> None:
        """Unfold every block, or fold them all again."""
        opened = any(self._opened.values())
        self._opened = {} if opened else {block.key: 1 for block in self._blocks}
        stands = self._stands()
        self._lay_out()
        if stands is not None:
            self._go(self._row_at(*stands))

    def search(self, query: str) -> int:
        """Unfold all, mark `query`, and go to its next match; return the number of rows that have it."""
        self._query = query.lower()
        if self._query:
            self._opened = {block.key: max(1, self._opened.get(block.key, 0)) for block in self._blocks}
        stands = self._stands()
        self._lay_out()
        if stands is not None:
            self._go(self._row_at(*stands))
        found = self._matches()
        if found and self.cursor not in found:
            self.action_match(1)
        return len(found)

    def _matches(self) -> list[int]:
        """The rows that say what is looked for."""
        if not self._query:
            return []
        return [
            number for number, row in enumerate(self.rows) if any(self._query in text.lower() for text, _ in row.line)
        ]

    def action_match(self, step: int) -> None:
        """Go to the next or previous row that matches the search; the search wraps around."""
        found = self._matches()
        if not found:
            self.notify("Nothing is looked for; / asks for it." if not self._query else "Not found.", markup=False)
        elif step > 0:
            self._go(next((row for row in found if row > self.cursor), found[0]))
        else:
            self._go(next((row for row in reversed(found) if row < self.cursor), found[-1]))

    def action_copy(self) -> None:
        """Copy the block under the cursor, unchanged, to the terminal's clipboard."""
        if not self._rows:
            return
        copied = self._blocks[self._block_at(self.cursor)].copied
        text = copied() if copied is not None else ""
        if not text:
            self.notify("Nothing to copy here.", markup=False)
        elif len(text) > _LONGEST_COPY:
            self.notify("Too long for a clipboard.", severity="warning", markup=False)
        else:
            self.app.copy_to_clipboard(text.encode("utf-8", "replace").decode())
            self.notify(f"Copied {len(text):,} characters.", markup=False)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; on a row that folds, fold or unfold."""
        offset = event.get_content_offset(self)
        if offset is None or not self._rows:
            return
        row = self.scroll_offset.y + offset.y
        if row > self._last:
            return
        self.cursor = row
        index = self._block_at(row)
        if self._rows[index][row - self._starts[index]].does:
            self.action_fold()
