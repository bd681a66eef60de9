"""Tells which recordings were made while the machine had no time for them.

Two calls overlap in such a recording that do not in the program, and the other way round; a replay that says `projected`
of it is right.
"""

from __future__ import annotations

import _thread
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

__all__ = ["note_starving", "was_starved"]

_BEAT_S = 0.005
_STARVED_S = 0.02
"""For how long a machine that has time keeps a thread waiting; the delays of the tests' servers differ by more."""

_TASKS = Path("/proc/self/task")

_late_s: dict[str, float] = {}
"""By the id of a recording: for how long a thread that could have run did not while it was made; the longest."""


def was_starved(recording: str) -> bool:
    """Return whether the machine had no time for a thread while the recording with this id was made."""
    return _late_s[recording] > _STARVED_S


@contextmanager
def note_starving(made: list[str]) -> Iterator[None]:
    """Watch the block; note it for the recordings whose ids it adds to `made`."""
    over, ended = _thread.allocate_lock(), _thread.allocate_lock()
    over.acquire()
    ended.acquire()
    late_s = 0.0
    began_s = _kept_waiting_s()

    def beat() -> None:
        nonlocal late_s
        while over.locked():
            begun = monotonic()
            select.select([], [], [], _BEAT_S)
            late_s = max(late_s, monotonic() - begun - _BEAT_S)
            for task, waited_s in _kept_waiting_s().items():
                late_s = max(late_s, waited_s - began_s.get(task, 0.0))
        ended.release()

    # No thread of `threading`: a recording numbers those, and a replay waits for them.
    _thread.start_new_thread(beat, ())
    try:
        yield
    finally:
        over.release()
        ended.acquire()
        _late_s.update(dict.fromkeys(made, late_s))


def _kept_waiting_s() -> dict[str, float]:
    """Return the time that each thread of this process waited for a processor, by id; empty if unknown."""
    waited: dict[str, float] = {}
    for path in _TASKS.glob("*/schedstat"):
        with suppress(OSError, IndexError):
            waited[path.parent.name] = int(path.read_bytes().split()[1]) / 1e9
    return waited
