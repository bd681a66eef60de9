"""The viewer on a run that a test made."""

from __future__ import annotations

from tracekit_viewer.app import Viewer
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.source import RunSource

from tests.support.trees import MS, START_NS


class Showing(Viewer):
    """The viewer on a run of the test's; `now_ms` is the time since `START_NS`."""

    def __init__(self, source: RunSource, now_ms: float = 0) -> None:
        super().__init__()
        self._source = source
        self.now_ms = now_ms

    def run_screen(self, source: RunSource) -> RunScreen:
        return RunScreen(source, lambda: START_NS + round(self.now_ms * MS))
