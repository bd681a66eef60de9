"""The line of keys at the foot of a screen."""

from __future__ import annotations

from dataclasses import replace

from textual.binding import ActiveBinding
from textual.screen import Screen
from textual.widgets import Footer
from typing_extensions import override

__all__ = ["KeyLine", "KeyLineScreen"]


_FIRST = ("question_mark", "q", "ctrl+p")
"""The keys that stand in the line even where it has no room for the others."""


class KeyLineScreen(Screen[None]):
    """A screen with a `KeyLine`. Groups of keys are for the help; keys that are always there come first."""

    @property
    @override
    def active_bindings(self) -> dict[str, ActiveBinding]:
        bindings = super().active_bindings
        first = [key for key in _FIRST if key in bindings]
        return {
            key: bindings[key]._replace(binding=replace(bindings[key].binding, group=None))
            for key in (*first, *(key for key in bindings if key not in _FIRST))
        }


class KeyLine(Footer):
    """Textual's footer, rebuilt only for other keys: a rebuild costs as much as a screen of rows."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        self._shown: list[tuple[str, str, bool]] | None = None

    @override
    def bindings_changed(self, screen: Screen[object]) -> None:
        if not screen.app.app_focus:
            return
        shown = [
            (active.binding.key, active.binding.description, active.enabled)
            for active in screen.active_bindings.values()
            if active.binding.show
        ]
        if shown != self._shown:
            self._shown = shown
            super().bindings_changed(screen)
