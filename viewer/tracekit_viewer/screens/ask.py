"""A question that is answered with yes or no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static
from typing_extensions import override

__all__ = ["AskScreen"]


class AskScreen(ModalScreen[bool]):
    """Asks `question`, with `detail` below it.

    Args:
        question: What happens on yes.
        detail: The command, or what else the user should know.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "answer(True)", "Yes", key_display="⏎"),
        Binding("escape,n,q", "answer(False)", "No", key_display="esc"),
    ]
    DEFAULT_CSS = """
    AskScreen {
        align: center middle;
        #ask { width: 76; max-width: 96%; height: auto; background: $surface; border: round $foreground 25%; padding: 0 2; }
        Static { width: 1fr; height: auto; }
        #keys { color: $text-muted; margin-top: 1; }
        #detail { margin-top: 1; }
    }
    """

    def __init__(self, question: str, detail: str) -> None:
        super().__init__()
        self._question, self._detail = question, detail

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static(self._question, markup=False)
            yield Static(self._detail, id="detail", markup=False)
            yield Static("⏎ yes   esc no", id="keys", markup=False)

    def action_answer(self, is_yes: bool) -> None:
        """Answer."""
        self.dismiss(is_yes)
