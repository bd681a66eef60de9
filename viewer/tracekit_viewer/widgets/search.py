"""The line in which one types what to look for."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label

from tracekit_viewer.messages import SearchChanged, SearchEnded

__all__ = ["SearchBar"]


class SearchBar(Horizontal):
    """Appears when asked for; asks for each change of what is typed, and says when that is over."""

    DEFAULT_CSS = """
    SearchBar { height: 1; display: none; background: $surface; padding: 0 1; }
    SearchBar.-open { display: block; }
    SearchBar Label { width: auto; color: $text-muted; }
    SearchBar Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $surface; }
    SearchBar Input:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Stop searching", show=False)]

    async def open(self) -> None:
        """Let the user type."""
        if not self.children:
            # Most who look at a run never search, and a field to type in takes longer to make than all rows.
            field = Input(placeholder="a name, or a text in messages, tool inputs and results", compact=True)
            await self.mount(Label("/"), field, Label("", id="found", markup=False))
        self.add_class("-open")
        field = self.query_one(Input)
        field.value = ""
        field.focus()

    def tell(self, found: str) -> None:
        """Show the number of matches."""
        self.query_one("#found", Label).update(found)

    def action_cancel(self) -> None:
        """Cancel the search."""
        self._close(found=False)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(SearchChanged(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close(found=True)

    def _close(self, *, found: bool) -> None:
        self.remove_class("-open")
        self.post_message(SearchEnded(found))
