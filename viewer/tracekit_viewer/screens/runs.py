"""The list of runs."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer, Static
from typing_extensions import override

__all__ = ["RunsScreen"]


class RunsScreen(Screen[None]):
    """The runs, newest first. Opens a `RunScreen`."""

    @override
    def compose(self) -> ComposeResult:
        yield Static("runs")
        yield Footer()
