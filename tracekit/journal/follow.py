"""Follows a run as it is recorded, by whichever processes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tracekit.journal.catalog import segments_of
from tracekit.journal.reader import RunReader
from tracekit.model.recording import Recording

__all__ = ["Follower"]


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

    def poll(self) -> Recording | None:
        """The run as it is now; None if that is what the last call told, or nothing has been written yet.

        Raises:
            HomeError: The folder for journals is a file.
            NewerJournalError: A newer version of tracekit takes part in the run.
        """
        if self._id is not None:
            # A process that joins begins its segment today, never on a day before those that are known.
            since = min((path.parent.name for path in self._paths), default="")
            self._paths = sorted(segments_of(self._id, since))
        changed = self._reader.read(self._paths)
        return self._reader.recording() if changed and self._reader.has_begun else None
