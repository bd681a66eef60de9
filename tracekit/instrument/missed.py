"""Requests to Claude that are only counted, not recorded, held until their run is known."""

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
    """Holds each counted request for the run in which it was sent, or for the next run of its lane.

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
        """Remove and return the requests held for `run`, which is about to be written, or for a run in `lane`."""
        return [event for place in (run, lane) for event in self._waiting.pop(place, ())]

    def forked(self) -> None:
        """Drop the requests held in a forked child; they belong to its parent."""
        self.counts.clear()
        self._waiting = WeakKeyDictionary()

    def exit(self) -> None:
        """The process ends in good order."""
        if self._notes is not None:
            self._notes.exit()
