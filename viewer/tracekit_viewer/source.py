"""The source of a screen's run: a complete record, or a growing one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Protocol

from tracekit_viewer.door import (
    Entry,
    Follower,
    Run,
    Structurer,
    TracekitError,
    damage_in,
    find,
    is_alive,
    read_entry,
    runs_folder,
)

__all__ = ["Followed", "Recorded", "RunSource", "source_of", "source_of_entry"]

_PAUSE_S = 0.2
_SHARE = 4
"""The time between two looks is this many times what a look takes: following takes a fifth of a core at most."""

_LINGER_S = 5.0
"""Seconds for which a run is looked at after its last process has gone: another may write its end, or join it."""


class RunSource(Protocol):
    """A run that may still change. `poll` may be called from any one thread at a time."""

    @property
    def live(self) -> bool:
        """Return whether the run may still grow, so that polling makes sense."""

    @property
    def note(self) -> str | None:
        """Return a note for the user: that the process was killed, or what could not be read."""

    @property
    def pause_s(self) -> float:
        """Seconds after which the next poll makes sense, so that following stays cheap however long the run is."""

    def poll(self) -> Run | None:
        """The run as it stands, if anything changed since the last call; else None. The first call gives the run.

        A run whose `root` is the one of the run before has only had more of its answers arrive.
        """


class Recorded:
    """A run that no longer changes."""

    live = False
    pause_s = _PAUSE_S

    def __init__(self, run: Run) -> None:
        self._run: Run | None = run
        self.note = _note(run)

    def poll(self) -> Run | None:
        """The run, once."""
        run, self._run = self._run, None
        return run


class Followed:
    """A run that is being recorded, by whichever processes, from its journals.

    Nothing that happens to them ends it: what has been read stays, and `note` says what came between.
    """

    def __init__(self, id: str) -> None:
        self.live = True
        self.note: str | None = None
        self.pause_s = _PAUSE_S
        self._follower = Follower(id)
        self._structurer = Structurer()
        self._run: Run | None = None
        self._alone_since: float | None = None

    def poll(self) -> Run | None:
        """Return the run if the run or `note` has changed, else None."""
        began = time.monotonic()
        before = self.note
        try:
            recording = self._follower.poll()
        except TracekitError as error:
            self.live = False
            self.note = f"this is as far as it could be followed: {error}"
            return self._run
        if recording is not None:
            self._run = self._structurer.structure(recording)
        self._judge()
        self.pause_s = max(_PAUSE_S, _SHARE * (time.monotonic() - began))
        return self._run if recording is not None or self.note != before else None

    def _judge(self) -> None:
        """Say what has become of the run's processes."""
        run, now = self._run, time.monotonic()
        if run is None:
            return
        self.note = _note(run)
        if any(segment.alive for segment in run.recording.segments):
            self._alone_since, self.live = None, True
            self.note = self.note or _no_room()
        else:
            self._alone_since = self._alone_since or now
            self.live = now - self._alone_since < _LINGER_S


def _note(run: Run) -> str | None:
    notes = damage_in(run)
    gone = [segment.path for segment in run.recording.segments if not Path(segment.path).exists()]
    if gone:
        notes = [f"its journal has been removed: {', '.join(gone)}; this is what had been read of it"]
    elif run.status == "interrupted":
        notes = ["interrupted: its process is gone, and what was open has no recorded end", *notes]
    return "; ".join(notes) or None


def _no_room() -> str | None:
    """Return the note for a full disk: the run continues, but is not recorded."""
    try:
        is_full = os.statvfs(runs_folder()).f_bavail == 0
    except OSError:
        return None
    return "the disk is full: what happens from here on may not be recorded" if is_full else None


def source_of(text: str) -> RunSource:
    """The source of the run that `text` means.

    Raises:
        TracekitError: It means none or several, or cannot be read.
    """
    return source_of_entry(find(text))


def source_of_entry(entry: Entry) -> RunSource:
    """The source of the run of `entry`: followed if one of its processes lives.

    Raises:
        TracekitError: It cannot be read.
    """
    if any(map(is_alive, entry.paths)):
        return Followed(entry.id)
    return Recorded(read_entry(entry))
