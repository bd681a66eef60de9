"""Follows a run as it is recorded, by whichever processes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from tracekit.journal.catalog import segments_of
from tracekit.journal.reader import RunReader
from tracekit.model.recording import Recording, Segment

__all__ = ["Follower"]

_FAREWELL_S = 3.0
"""Seconds for which the end of a program's processes waits for that of the program, which `tracekit run` writes."""


class Follower:
    """Reads a run's segments as they grow, each line once, and finds those of processes that join it.

    `Segment.alive` tells a span that is open from one that was interrupted.

    Args:
        run: The id of a run, whose segments are looked for, or the paths of its segments.
    """

    def __init__(self, run: str | Iterable[Path]) -> None:
        self._id = run if isinstance(run, str) else None
        self._paths = [] if isinstance(run, str) else sorted(run)
        self._reader = RunReader()
        self._gone_since: float | None = None
        self._is_news_held = False

    def poll(self) -> Recording | None:
        """Return the run as it is now, or None if nothing has changed since the last call.

        Raises:
            HomeError: The folder for journals is a file.
            NewerJournalError: A newer version of tracekit takes part in the run.
        """
        if self._id is not None:
            # A process that joins begins its segment today, never on a day before those that are known.
            since = min((path.parent.name for path in self._paths), default="")
            self._paths = sorted(segments_of(self._id, since))
        self._is_news_held |= self._reader.read(self._paths)
        if not self._is_news_held or not self._reader.has_begun:
            return None
        recording = self._reader.recording()
        if self._is_between_ends(recording):
            return None
        self._is_news_held = False
        return recording

    def _is_between_ends(self, recording: Recording) -> bool:
        """Return whether all processes ended in good order, so that the program is about to end too."""
        root = recording.process_root
        if root is None or root.id in recording.spans or not all(_ended_well(each) for each in recording.segments):
            self._gone_since = None
            return False
        now = time.monotonic()
        self._gone_since = self._gone_since or now
        return now - self._gone_since < _FAREWELL_S


def _ended_well(segment: Segment) -> bool:
    return segment.exited and not segment.alive
