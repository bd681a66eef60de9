"""The requests to Claude of which the record has only the number, until it is known to which run they belong."""

from __future__ import annotations

from collections import Counter
from weakref import WeakKeyDictionary

from tracekit.instrument.lanes import Lane
from tracekit.instrument.live import LiveRun
from tracekit.instrument.protocols import Notes
from tracekit.model.events import Unrecorded

__all__ = ["Missed"]

_MOST = 1000
"""How many requests are kept for a run that may never be written."""


class Missed:
    """Keeps each request for the run that it was sent in, or for the run that begins next in its lane.

    `notes`, if given, hear of all of them.
    """

    def __init__(self, notes: Notes | None = None) -> None:
        self._notes = notes
        self.counts: Counter[tuple[str, str]] = Counter()
        """How many requests each caller has sent to each host."""
        self._waiting: WeakKeyDictionary[LiveRun | Lane, list[Unrecorded]] = WeakKeyDictionary()

    def note(self, event: Unrecorded) -> None:
        """Count `event`, and tell the notes of it."""
        self.counts[event.caller, event.host] += 1
        if self._notes is not None:
            self._notes.add(event.caller, event.host)

    def wait(self, event: Unrecorded, place: LiveRun | Lane) -> None:
        """Keep `event` for `place`, of which nothing is written yet."""
        waiting = self._waiting.setdefault(place, [])
        if len(waiting) < _MOST:
            waiting.append(event)

    def take(self, run: LiveRun, lane: Lane) -> list[Unrecorded]:
        """Return what waits for `run`, which is about to be written, or for a run in `lane`; it waits no longer."""
        return [event for place in (run, lane) for event in self._waiting.pop(place, ())]

    def forked(self) -> None:
        """What waits is the parent's."""
        self.counts.clear()
        self._waiting = WeakKeyDictionary()

    def exit(self) -> None:
        """The process ends in good order."""
        if self._notes is not None:
            self._notes.exit()
