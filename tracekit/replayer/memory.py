"""A sink that keeps the events of a replay in memory."""

from __future__ import annotations

import threading

from typing_extensions import override

from tracekit.instrument.protocols import RunSink
from tracekit.journal.fold import Fold
from tracekit.model.events import Event, Exit, Replayed, ReplayMode
from tracekit.model.recording import Recording
from tracekit.model.run import RunInfo

__all__ = ["MemorySink"]


class MemorySink(RunSink):
    """Keeps the events of a replay's runs."""

    def __init__(self) -> None:
        self._runs: dict[str, tuple[RunInfo, list[Event]]] = {}
        self._lock = threading.RLock()

    @override
    def write(self, run: RunInfo, *events: Event) -> None:
        with self._lock:
            self._runs.setdefault(run.id, (run, []))[1].extend(events)

    @override
    def release(self, run: RunInfo) -> None:
        """Do nothing: no file is open."""

    @override
    def has_others(self, run: RunInfo) -> bool:
        return False

    @override
    def forked(self) -> None:
        self._runs = {}

    @override
    def exit(self, at_ns: int) -> None:
        """Do nothing: events in memory need no closing line."""

    def recording(self, mode: ReplayMode | None, at_ns: int) -> Recording | None:
        """Return the run with the most events, or None without events.

        `mode` is how the replay of it went, or None if that could not be tested.
        """
        if not self._runs:
            return None
        run, events = max(self._runs.values(), key=lambda each: len(each[1]))
        fold = Fold()
        segment = fold.open_segment("")
        outcome = [Replayed(at_ns, mode)] if mode is not None else []
        for event in [*events, *outcome, Exit(at_ns)]:
            fold.add(segment, event)
        root = {"id": run.root.id, "t": run.root.at_ns, "argv": list(run.root.argv)} if run.root is not None else None
        header = {
            "run": run.id,
            "name": run.name,
            "recorded_at_ns": run.recorded_at_ns,
            "root": root,
            "replay_of": run.replay_of,
        }
        fold.describe(segment, header, alive=False)
        return fold.recording()
