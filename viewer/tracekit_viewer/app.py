"""The application: opens the list of runs, or one run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import Input
from typing_extensions import override

from tracekit_viewer.door import TracekitError
from tracekit_viewer.messages import RunIdChosen
from tracekit_viewer.render.text import plain
from tracekit_viewer.screens.help import HelpScreen, keys_of
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.screens.runs import RunsScreen
from tracekit_viewer.settings import ViewerSettings
from tracekit_viewer.source import RunSource, source_of
from tracekit_viewer.terminal import leave_if_gone

__all__ = ["Viewer", "view"]

_RESUMED_S = 0.05
_TERMINAL_S = 2.0
"""The time between two looks whether the terminal is still there."""
_OPENING_S = 3.0
"""A field that has not opened by then does not come."""

_DARK = Theme(
    name="tracekit",
    primary="#7aa2f7",
    secondary="#bb9af7",
    accent="#7aa2f7",
    warning="#e0af68",
    error="#f7768e",
    success="#9ece6a",
    foreground="#d5d9e8",
    background="#16171f",
    surface="#1b1d27",
    panel="#242735",
    variables={
        "footer-key-foreground": "#7aa2f7",
        "footer-background": "#1b1d27",
        "scrollbar": "#3b3f54",
        "scrollbar-background": "#16171f",
    },
)
_LIGHT = Theme(
    name="tracekit-light",
    primary="#2e5fd0",
    secondary="#7a45c9",
    accent="#2e5fd0",
    warning="#9a6200",
    error="#c4283d",
    success="#3f7d2c",
    foreground="#23262f",
    background="#fbfbfd",
    surface="#f0f1f5",
    panel="#e4e6ee",
    dark=False,
    variables={"footer-background": "#f0f1f5"},
)


_THEMES = {_DARK.name: "dark", _LIGHT.name: "light", "ansi-dark": "the colours of the terminal"}


class Viewer(App[None]):
    """Looks at runs.

    Args:
        run: What a user calls a run: an id, a prefix of one, a name, ``last`` or a file. The list of runs without.

    Raises:
        TracekitError: `run` means none or several, or cannot be read.
    """

    TITLE = "tracekit"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (160, "-wide")]  # noqa: RUF012  an instance variable in Textual
    VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?", tooltip="Every key"),
        Binding("q", "quit", "Quit"),
        Binding("T", "next_theme", "Theme", show=False, tooltip="Dark, light, or the colours of the terminal"),
        Binding("ctrl+p", "command_palette", "Palette", key_display="^p", tooltip="Every command by name"),
        Binding("ctrl+c", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]

    def __init__(self, run: str | None = None) -> None:
        # Without this, shades of grey would be drawn where no colour is wanted.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.settings = ViewerSettings()
        self._source: RunSource | None = None if run is None else source_of(run)
        for theme in (_DARK, _LIGHT):
            self.register_theme(theme)
        self.theme = self._first_theme()
        self._ahead: list[events.Key] | None = None
        self._ahead_until = 0.0

    def on_mount(self) -> None:
        """Redraw the screen after the process was suspended, since other programs may have written to it."""
        self.app_resume_signal.subscribe(self, lambda _: self.set_timer(_RESUMED_S, self._draw_anew))
        self.theme_changed_signal.subscribe(self, lambda theme: self.settings.keep("theme", theme.name))
        if not self.is_headless:
            self.set_interval(_TERMINAL_S, leave_if_gone)

    def _first_theme(self) -> str:
        """Return the theme that the user chose last; else the light one in a terminal that says it is light."""
        kept = self.settings.text("theme")
        if kept in self.available_themes:
            return str(kept)
        background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
        return _LIGHT.name if background in ("7", "15") else _DARK.name

    def action_next_theme(self) -> None:
        """Use the next of the three themes: dark, light, and the colours of the terminal."""
        names = list(_THEMES)
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]
        self.notify(f"theme: {_THEMES[self.theme]}", timeout=2)

    def _draw_anew(self) -> None:
        self.refresh(layout=True)
        self.screen.refresh(layout=True)

    @override
    async def on_event(self, event: events.Event) -> None:
        """Keep keys that follow `/` for the search field, so that they never run a command."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self._ahead is not None and not self._is_typing:
                if time.monotonic() < self._ahead_until:
                    self._ahead.append(event)
                    return
                self._ahead = None
            await self._catch_up()
            if event.key == "slash" and not self._is_typing and "slash" in self.screen.active_bindings:
                self._ahead, self._ahead_until = [], time.monotonic() + _OPENING_S
        await super().on_event(event)

    async def on_descendant_focus(self) -> None:
        """Send keys that were typed before a field opened to the field."""
        await self._catch_up()

    async def _catch_up(self) -> None:
        if self._ahead is not None and self._is_typing:
            ahead, self._ahead = self._ahead, None
            for key in ahead:
                await super().on_event(key)

    @property
    def _is_typing(self) -> bool:
        return isinstance(self.focused, Input)

    @override
    def get_default_screen(self) -> Screen[Any]:
        return RunsScreen() if self._source is None else self.run_screen(self._source)

    def run_screen(self, source: RunSource) -> RunScreen:
        """The screen for the run that was asked for."""
        return RunScreen(source)

    @override
    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for command in super().get_system_commands(screen):
            # The help of Textual's own lists a part of the keys, in another way than ours.
            if command.title != "Keys":
                yield command
        for key in keys_of(screen):
            yield SystemCommand(key.command, f"{key.group}: {key.shown}", key.run)

    def on_run_id_chosen(self, message: RunIdChosen) -> None:
        """Open a run that a query has named."""
        try:
            self.push_screen(self.run_screen(source_of(message.id)))
        except TracekitError as error:
            self.notify(plain(str(error), 300), severity="error", markup=False)

    def action_help(self) -> None:
        """Show every key of the screen."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(keys_of(self.screen)))

    def action_leave(self) -> None:
        """Leave a run for the list of runs."""
        if not isinstance(self.screen, RunScreen):
            return
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            # The screen that an application begins with can't be switched for another; a mode has a stack of its own.
            self.add_mode("runs", RunsScreen)
            self.switch_mode("runs")


def view(run: str | None) -> int:
    """Look at `run`, or at the list of runs; the exit code. What `tracekit view` calls.

    Raises:
        TracekitError: `run` means none or several, or cannot be read.
    """
    app = Viewer(run)
    app.run()
    return app.return_code or 0
