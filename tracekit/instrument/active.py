"""The recorder of this process, and its reactions to forks and to the end of the process."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING

from tracekit.instrument import lanes

if TYPE_CHECKING:
    from tracekit.instrument.recorder import Recorder

__all__ = ["active", "install", "note_fork"]

_active: Recorder | None = None


def active() -> Recorder | None:
    """The recorder of this process, or None while nothing is recorded."""
    return _active


def install(recorder: Recorder | None) -> None:
    """Make `recorder` the one of this process, or stop recording."""
    global _active  # noqa: PLW0603  one recorder a process is the point
    _active = recorder


def _forking() -> None:
    if _active is not None:
        _active.forking()


def note_fork() -> None:
    """Begin a new record in the recorder of this process, which was just forked."""
    lanes.reset_after_fork()
    if _active is not None:
        _active.forked()


def _exit() -> None:
    if _active is not None:
        _active.exit()


os.register_at_fork(before=_forking, after_in_child=note_fork)
atexit.register(_exit)
