"""Who takes part in a replay's time: threads, jobs of pools and event loops, and what a thread waits on."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from contextlib import suppress

__all__ = ["Participant", "Waiter"]


class Participant:
    """Somebody whose work the clock waits for: a thread, a job of a pool, or an event loop.

    `until_ns` is the time that it waits for, None if it works or is blocked; `blocked` tells whether it is kept by
    another, and None if it is not. `native` is the thread's id for the system. `listens` says that it waits for the
    outside world, and `is_parked` that it did so for too long to be waited for. `owed` tells whether the outside world
    owes it something, and is None where only what the thread is seen to do tells. `outside` is when it began to wait
    there: real seconds, and nanoseconds of the clock.
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
        """Whether it works, as far as can be seen. A loop that waits for a time works when it is given something."""
        if self.blocked is not None:
            return not self.blocked()
        # One that was not waited for is again once it has been given something to wait for.
        is_parked = self.is_parked and not (self.owed is not None and self.owed())
        return self.until_ns is None and not is_parked


class Waiter:
    """What a thread waits on, as a condition keeps it: a lock that is released by who notifies, or by the clock.

    Only its `release` is the lock's, which raises where there is nobody to wake any more.
    """

    __slots__ = ("_lock", "is_notified", "is_over")

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()
        self.is_notified = False
        self.is_over = False

    def release(self) -> None:
        """Somebody notifies.

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
        """The time has come."""
        self.is_over = True
        with suppress(RuntimeError):
            self._lock.release()

    def waits(self) -> bool:
        """Whether nobody has notified, nor has the time come."""
        return not (self.is_notified or self.is_over)

    def acquire(self, timeout_s: float) -> bool:
        """Wait for so many real seconds; tells whether the wait is over."""
        return self._lock.acquire(timeout=timeout_s)
