"""Tells which recordings were made while the machine had no time for them.

Two calls overlap in such a recording that do not in the program, and the other way round; a replay that says `projected`
of it is right.
"""

from __future__ import annotations

import _thread
import select
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

__all__ = ["note_starving", "was_starved"]

_BEAT_S = 0.005
_STARVED_S = 0.02
"""How late a thread may wake up on a machine that has time; the delays of the tests' servers differ by more."""

_late_s: dict[str, float] = {}
"""By the id of a recording: by how much the latest beat was too late while it was made."""


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

    def beat() -> None:
        nonlocal late_s
        while over.locked():
            begun = monotonic()
            select.select([], [], [], _BEAT_S)
            late_s = max(late_s, monotonic() - begun - _BEAT_S)
        ended.release()

    # No thread of `threading`: a recording numbers those, and a replay waits for them.
    _thread.start_new_thread(beat, ())
    try:
        yield
    finally:
        over.release()
        ended.acquire()
        _late_s.update(dict.fromkeys(made, late_s))
