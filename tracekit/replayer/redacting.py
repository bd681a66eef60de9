"""A sink that redacts a replay's events by the rules of its recording, in whatever folder the replay runs."""

from __future__ import annotations

from typing_extensions import override

from tracekit.instrument.protocols import RunSink
from tracekit.model.events import Event
from tracekit.model.run import RunInfo
from tracekit.privacy import Privacy

__all__ = ["RedactingSink"]


class RedactingSink(RunSink):
    """Passes every event on to `sink`, redacted by the rules of `privacy` and by those for credentials."""

    def __init__(self, sink: RunSink, privacy: Privacy) -> None:
        self._sink = sink
        self._privacy = privacy

    @override
    def write(self, run: RunInfo, *events: Event) -> None:
        self._sink.write(run, *(self._privacy.event(event) for event in events))

    @override
    def release(self, run: RunInfo) -> None:
        self._sink.release(run)

    @override
    def has_others(self, run: RunInfo) -> bool:
        return self._sink.has_others(run)

    @override
    def forked(self) -> None:
        self._sink.forked()

    @override
    def exit(self, at_ns: int) -> None:
        self._sink.exit(at_ns)
