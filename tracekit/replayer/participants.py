"""The participants of a replay's time (threads, pool jobs, event loops), and the lock that a thread waits on."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from contextlib import suppress

__all__ = ["Participant", "Waiter"]


class Participant:
    """A unit that the clock waits for while it works: a thread, a pool job, or an event loop.

    `until_ns` is the time that it waits for, None while it works or is blocked; `blocked` returns whether another
    participant blocks it, and is None if none does. `native` is the thread's id in the operating system. `listens` is
    True while it waits for the outside world, `is_parked` once it did so for too long to be waited for. `owed` returns
    whether the outside world owes it something, and is None where only the thread's behaviour shows that. `outside` is
    when it began to wait there: in real seconds, and in nanoseconds of the clock.
    """

    __slots__ = (
        "blocked",
        "is_daemon",
        "is_parked",
        "listens",
        "native",
        "order",
        "outside",
        "owed",
        "turn",
        "until_ns",
        "wake",
    )

    def __init__(self, order: int) -> None:
        self.order = order
        self.until_ns: int | None = None
        self.blocked: Callable[[], bool] | None = None
        self.native = 0
        self.listens = False
        self.is_parked = False
        self.is_daemon = False
        self.owed: Callable[[], bool] | None = None
        self.outside: tuple[float, int] | None = None
        # Not of `threading`, whose waiting is hooked into.
        self.turn = _thread.allocate_lock()
        self.turn.acquire()
        self.wake: Callable[[], None] = self.turn.release

    @property
    def works(self) -> bool:
        """Return whether it works, as far as can be seen.

        A loop that waits for a time works as soon as it is given something.
        """
        if self.blocked is not None:
            return not self.blocked()
        # One that was not waited for is again once it has been given something to wait for.
        is_parked = self.is_parked and not (self.owed is not None and self.owed())
        return self.until_ns is None and not is_parked


class Waiter:
    """A lock that a thread waits on, as a condition keeps it; a notification or the clock releases it.

    Only `release` is as on a lock; it raises where no thread is left to wake.
    """

    __slots__ = ("_lock", "is_notified", "is_over")

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()
        self.is_notified = False
        self.is_over = False

    def release(self) -> None:
        """Notify the waiting thread.

        Raises:
            RuntimeError: The wait was over before.
        """
        if self.is_over:
            raise RuntimeError("the wait is over")
        # Said before the thread can go on: from then on it works.
        self.is_notified = True
        with suppress(RuntimeError):
            self._lock.release()

    def time_out(self) -> None:
        """Wake the waiting thread because its time has come."""
        self.is_over = True
        with suppress(RuntimeError):
            self._lock.release()

    def waits(self) -> bool:
        """Return whether the thread still waits: neither notified nor timed out."""
        return not (self.is_notified or self.is_over)

    def acquire(self, timeout_s: float) -> bool:
        """Wait for at most `timeout_s` real seconds; return whether the wait is over."""
        return self._lock.acquire(timeout=timeout_s)
