"""What a program waits for outside of itself by looking again and again: a process that runs, a server that comes up.

Between two looks it sleeps. On the replay's clock a sleep takes no real time, so that hours would pass while a process
runs for a moment. Whoever has looked in vain sleeps in real time, and keeps the clock.

A thread that looks after the processes of a pool waits for nothing while they have no job, and is owed their results else.
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
"""The ends of the names of functions that threads run which do nothing of the program's."""


_OWN = ("asyncio", "subprocess")
_SOON_S = 2.0
"""Real seconds after a look in which a sleep is one until the next look."""


class _Here(threading.local):
    looked_s = 0.0


class Looks:
    """Notes which threads have looked in vain for something outside. Its methods take what they stand in for."""

    def __init__(self) -> None:
        self._here = _Here()

    def take(self) -> bool:
        """Whether the calling thread has just looked in vain, and was not asked since."""
        looked_s, self._here.looked_s = self._here.looked_s, 0.0
        return looked_s > time.monotonic() - _SOON_S

    def again(self) -> None:
        """The calling thread has looked in vain."""
        self._here.looked_s = time.monotonic()

    def wait_for_process(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`os.waitpid` and its like, which return no process, or 0 for it, where none has ended."""

        @functools.wraps(original)
        def wait(*args: Any, **kwargs: Any) -> Any:
            found = original(*args, **kwargs)
            if found is None or found[0] == 0:
                self.again()
            return found

        return wait

    def poll(self, original: Callable[[Any], int | None]) -> Callable[[Any], int | None]:
        """`Popen.poll`, called by the program: the standard library looks so before it sends a signal."""

        @functools.wraps(original)
        def poll(process: Any) -> int | None:
            code = original(process)
            caller = str(sys._getframe(1).f_globals.get("__name__", ""))  # noqa: SLF001  cheap, and only in a replay
            if code is None and caller.partition(".")[0] not in _OWN:
                self.again()
            return code

        return poll

    def returncode(self, original: property) -> property:
        """The `returncode` of asyncio's processes."""
        get = original.fget
        assert get is not None

        def returncode(process: Any) -> int | None:
            code: int | None = get(process)
            if code is None:
                self.again()
            return code

        return property(returncode)

    def connect(self, original: Callable[..., None]) -> Callable[..., None]:
        """`socket.connect`."""

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
        """`BaseSelectorEventLoop._sock_connect_cb`, which an event loop calls when it knows how a connection went."""

        @functools.wraps(original)
        def connected(loop: Any, done: Any, sock: Any, address: Any) -> None:
            original(loop, done, sock, address)
            error = done.exception() if done.done() and not done.cancelled() else None
            if isinstance(error, OSError) and error.errno in _NOBODY:
                self.again()

        return connected


def looks_after_processes(thread: threading.Thread) -> bool:
    """Whether `thread` only waits for processes on behalf of a pool or of asyncio, and does nothing of the program's."""
    return str(getattr(getattr(thread, "_target", None), "__qualname__", "")).endswith(_WATCHERS)


def owed_by_processes(thread: threading.Thread) -> Callable[[], bool] | None:
    """For a thread that brings what the processes of a pool have done: whether they have anything to do."""
    pending = getattr(thread, "pending_work_items", None)
    if isinstance(pending, dict):
        return lambda: bool(pending)
    arguments: tuple[Any, ...] = getattr(thread, "_args", ())
    is_handler = getattr(getattr(thread, "_target", None), "__qualname__", "") == "Pool._handle_results"
    if is_handler and len(arguments) > 2:
        jobs = arguments[2]
        return lambda: bool(jobs)
    return None
