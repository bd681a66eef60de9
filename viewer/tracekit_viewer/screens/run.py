"""One run: lanes above, its tree and waterfall, what the cursor stands on beside it."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer
from typing_extensions import override

from tracekit_viewer.door import Run
from tracekit_viewer.messages import NodeHighlighted
from tracekit_viewer.source import RunSource
from tracekit_viewer.widgets.detail import DetailPane
from tracekit_viewer.widgets.timeline import Timeline

__all__ = ["RunScreen"]

_POLL_S = 0.25


class RunScreen(Screen[None]):
    """Shows the run of `source`, and follows it while it is live."""

    def __init__(self, source: RunSource) -> None:
        super().__init__()
        self._source = source
        self._run: Run | None = None

    @override
    def compose(self) -> ComposeResult:
        yield Timeline()
        yield DetailPane()
        yield Footer()

    def on_mount(self) -> None:
        """Show the run, and look again while it may grow."""
        self._poll()
        if self._source.live:
            self.set_interval(_POLL_S, self._poll)

    def _poll(self) -> None:
        run = self._source.poll()
        if run is not None:
            self._run = run
            self.query_one(Timeline).show(run)

    @on(NodeHighlighted)
    def _show_detail(self, message: NodeHighlighted) -> None:
        if self._run is not None:
            self.query_one(DetailPane).show(self._run, message.node)
