"""Choose the form in which a node is copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from typing_extensions import override

__all__ = ["CopyScreen"]


class CopyScreen(ModalScreen[str | None]):
    """Offers `forms`, and returns the one that is chosen.

    Args:
        title: What is copied.
        forms: The names of the forms; the digit of its place chooses one, too.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,Y", "dismiss", "Close", show=False)]
    DEFAULT_CSS = """
    CopyScreen {
        align: center middle;
        #copy { width: 44; max-width: 96%; height: auto; background: $surface; border: round $foreground 25%; padding: 0 1; }
        OptionList, OptionList:focus { height: auto; border: none; padding: 0; background: $surface; }
    }
    """

    def __init__(self, title: str, forms: Sequence[str]) -> None:
        super().__init__()
        self._title, self._forms = title, forms

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="copy") as box:
            box.border_title = self._title
            box.border_subtitle = "⏎ copies, esc closes"
            yield OptionList(*(f"{number}  {form}" for number, form in enumerate(self._forms, 1)), markup=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the form that was chosen."""
        self.dismiss(self._forms[event.option_index])

    def key_1(self) -> None:
        """Choose the first."""
        self._choose(1)

    def key_2(self) -> None:
        """Choose the second."""
        self._choose(2)

    def key_3(self) -> None:
        """Choose the third."""
        self._choose(3)

    def key_4(self) -> None:
        """Choose the fourth."""
        self._choose(4)

    def key_5(self) -> None:
        """Choose the fifth."""
        self._choose(5)

    def _choose(self, number: int) -> None:
        if number <= len(self._forms):
            self.dismiss(self._forms[number - 1])
