"""The application: opens the list of runs, or one run."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from typing_extensions import override

from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.screens.runs import RunsScreen
from tracekit_viewer.source import source_of

__all__ = ["Viewer", "view"]


class Viewer(App[None]):
    """Looks at runs.

    Args:
        run: What a user calls a run: an id, a prefix of one, a name, ``last`` or a file. The list of runs without.

    Raises:
        TracekitError: `run` means none or several, or cannot be read.
    """

    TITLE = "tracekit"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "quit", "Quit")]

    def __init__(self, run: str | None = None) -> None:
        super().__init__()
        self._source = None if run is None else source_of(run)

    @override
    def get_default_screen(self) -> RunScreen | RunsScreen:
        return RunsScreen() if self._source is None else RunScreen(self._source)


def view(run: str | None) -> int:
    """Look at `run`, or at the list of runs; the exit code. What `tracekit view` calls.

    Raises:
        TracekitError: `run` means none or several, or cannot be read.
    """
    app = Viewer(run)
    app.run()
    return app.return_code or 0
