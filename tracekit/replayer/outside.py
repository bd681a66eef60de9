"""Notice when a program polls something outside itself, such as a running process or a starting server.

Between two polls the program sleeps. On the replay's clock a sleep takes no real time, so hours would pass while a
process runs for a moment. So a thread that has just polled in vain sleeps in real time, and stops the clock.

A thread that watches the processes of a pool waits for nothing while they have no job; while they have one, it is owed
their results.
"""

from __future__ import annotations

import errno
import functools
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Looks", "looks_after_processes", "owed_by_processes"]

_NOBODY = frozenset((errno.ECONNREFUSED, errno.ENOENT))
_WATCHERS = ("Pool._handle_workers", "ThreadedChildWatcher._do_waitpid")
"""Suffixes of the names of thread functions that run no code of the program."""


_OWN = ("asyncio", "subprocess")
_SOON_S = 2.0
"""Real seconds after a poll in which a sleep counts as the wait for the next poll."""


class _LastLook(threading.local):
    looked_s = 0.0


class Looks:
    """Notes which threads have polled something outside in vain. Its methods take the function that they replace."""

    def __init__(self) -> None:
        self._here = _LastLook()

    def take(self) -> bool:
        """Return whether the calling thread has just polled in vain, and forget it."""
        looked_s, self._here.looked_s = self._here.looked_s, 0.0
        return looked_s > time.monotonic() - _SOON_S

    def again(self) -> None:
        """Note that the calling thread has polled in vain."""
        self._here.looked_s = time.monotonic()

    def wait_for_process(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap `os.waitpid` and its like, which return no process, or 0, if none has ended."""

        @functools.wraps(original)
        def wait(*args: Any, **kwargs: Any) -> Any:
            found = original(*args, **kwargs)
            if found is None or found[0] == 0:
                self.again()
            return found

        return wait

    def poll(self, original: Callable[[Any], int | None]) -> Callable[[Any], int | None]:
        """Wrap `Popen.poll` for calls by the program; the standard library itself polls before it sends a signal."""

        @functools.wraps(original)
        def poll(process: Any) -> int | None:
            code = original(process)
            caller = str(sys._getframe(1).f_globals.get("__name__", ""))  # noqa: SLF001  cheap, and only in a replay
            if code is None and caller.partition(".")[0] not in _OWN:
                self.again()
            return code

        return poll

    def returncode(self, original: property) -> property:
        """Wrap the `returncode` of asyncio's processes."""
        get = original.fget
        assert get is not None

        def returncode(process: Any) -> int | None:
            code: int | None = get(process)
            if code is None:
                self.again()
            return code

        return property(returncode)

    def connect(self, original: Callable[..., None]) -> Callable[..., None]:
        """Wrap `socket.connect`."""

        @functools.wraps(original)
        def connect(sock: Any, address: Any, /) -> None:
            try:
                original(sock, address)
            except OSError as error:
                if error.errno in _NOBODY:
                    self.again()
                raise

        return connect

    def connected(self, original: Callable[..., None]) -> Callable[..., None]:
        """Wrap `BaseSelectorEventLoop._sock_connect_cb`, which a loop calls with the result of a connection."""

        @functools.wraps(original)
        def connected(loop: Any, done: Any, sock: Any, address: Any) -> None:
            original(loop, done, sock, address)
            error = done.exception() if done.done() and not done.cancelled() else None
            if isinstance(error, OSError) and error.errno in _NOBODY:
                self.again()

        return connected


def looks_after_processes(thread: threading.Thread) -> bool:
    """Return whether `thread` only watches processes for a pool or asyncio, and runs no code of the program."""
    return str(getattr(getattr(thread, "_target", None), "__qualname__", "")).endswith(_WATCHERS)


def owed_by_processes(thread: threading.Thread) -> Callable[[], bool] | None:
    """Return a function that returns whether a pool's processes have jobs; None if `thread` collects no results."""
    pending = getattr(thread, "pending_work_items", None)
    if isinstance(pending, dict):
        return lambda: bool(pending)
    arguments: tuple[Any, ...] = getattr(thread, "_args", ())
    is_handler = getattr(getattr(thread, "_target", None), "__qualname__", "") == "Pool._handle_results"
    if is_handler and len(arguments) > 2:
        jobs = arguments[2]
        return lambda: bool(jobs)
    return None
