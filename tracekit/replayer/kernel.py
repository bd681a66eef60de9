"""What the system tells of the threads of this process: who runs, and what the others wait for."""

from __future__ import annotations

import platform
import threading
from contextlib import suppress
from pathlib import Path

__all__ = ["somebody_runs", "waits_for_process", "waits_outside"]

_TASKS = Path("/proc/self/task")
_MACHINE = platform.machine()
_WITHIN = {"x86_64": ("", "running", "202"), "aarch64": ("", "running", "98")}.get(_MACHINE)
"""The calls of the system in which a thread waits for another: what waits in the process itself waits for a futex."""
_WAITS = {"x86_64": ("61", "247"), "aarch64": ("260", "95")}.get(_MACHINE, ())
"""Those in which a thread waits for a process: `wait4` and `waitid`."""


def somebody_runs() -> bool:
    """Whether the system runs, or would run, another thread of this process."""
    me = threading.get_native_id()
    for path in _TASKS.glob("*"):
        if path.name != str(me):
            with suppress(OSError):
                stat = (path / "stat").read_text()
                if stat.rpartition(")")[2].split()[0] in ("R", "D"):
                    return True
    return False


def waits_outside(native: int) -> bool:
    """Whether the thread with this id waits for the outside world, such as a socket or a process."""
    return _WITHIN is not None and _call_of(native) not in _WITHIN


def waits_for_process(native: int) -> bool:
    """Whether it waits for a process to end."""
    return _call_of(native) in _WAITS


def _call_of(native: int) -> str:
    """The number of the call of the system in which a thread is; empty where that cannot be told."""
    try:
        return (_TASKS / str(native) / "syscall").read_text().split()[0]
    except (OSError, IndexError):
        return ""
