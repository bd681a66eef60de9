"""Ask the operating system what the threads of this process do: run, or wait for what."""

from __future__ import annotations

import platform
import threading
from contextlib import suppress
from pathlib import Path

__all__ = ["somebody_runs", "waits_for_process", "waits_outside"]

_TASKS = Path("/proc/self/task")
_MACHINE = platform.machine()
_WITHIN = {"x86_64": ("", "running", "202"), "aarch64": ("", "running", "98")}.get(_MACHINE)
"""System calls in which a thread waits for another thread: a wait within the process is a futex."""
_WAITS = {"x86_64": ("61", "247"), "aarch64": ("260", "95")}.get(_MACHINE, ())
"""System calls in which a thread waits for a process: `wait4` and `waitid`."""


def somebody_runs() -> bool:
    """Return whether another thread of this process runs or is ready to run."""
    me = threading.get_native_id()
    for path in _TASKS.glob("*"):
        if path.name != str(me):
            with suppress(OSError):
                stat = (path / "stat").read_text()
                if stat.rpartition(")")[2].split()[0] in ("R", "D"):
                    return True
    return False


def waits_outside(native: int) -> bool:
    """Return whether the thread with this id waits for the outside world, such as a socket or a process."""
    return _WITHIN is not None and _call_of(native) not in _WITHIN


def waits_for_process(native: int) -> bool:
    """Return whether the thread with this id waits for a process to end."""
    return _call_of(native) in _WAITS


def _call_of(native: int) -> str:
    """Return the number of the system call in which a thread is, or "" if that is unknown."""
    try:
        return (_TASKS / str(native) / "syscall").read_text().split()[0]
    except (OSError, IndexError):
        return ""
