"""The replay's clock: time that passes only when everybody waits for it.

Each thread that takes part either works, or waits: for a time, or for another (`blocked`). When none works, the clock
moves to the earliest time that one waits for, and lets that one go on. So what a program does takes no time but what
it waits for, and threads go on one after another in the order of their times, however busy the machine is.

A thread may be kept from working by what is not seen here, such as a lock of the user's. When nothing has happened for
50 ms of real time, the earliest goes on all the same, and the order is no longer proven. What waits for the outside
world, such as a tool's socket or a process, has longer.
"""

from __future__ import annotations

import _thread
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

__all__ = ["PATIENCE_S", "STANDSTILL_S", "Participant", "VirtualClock", "Waiter"]

STANDSTILL_S = 0.05
"""Real seconds without any progress after which the order is given up."""
PATIENCE_S = 1.0
"""Real seconds that sockets, pipes and processes have to bring something."""

_sleep = time.sleep
_BUSY_S = 0.005
"""Seconds of the processor within a standstill that mean that somebody works."""


class Participant:
    """Somebody whose work the clock waits for: a thread, a job of a pool, or an event loop.

    `until_ns` is the time that it waits for, None if it works or is blocked; `blocked` tells whether it is kept by
    another, and None if it is not. `native` is the thread's id for the system. `listens` says that it waits for the
    outside world, and `is_parked` that it did so for too long to be waited for.
    """

    __slots__ = ("blocked", "is_parked", "listens", "native", "order", "turn", "until_ns", "wake")

    def __init__(self, order: int) -> None:
        self.order = order
        self.until_ns: int | None = None
        self.blocked: Callable[[], bool] | None = None
        self.native = 0
        self.listens = False
        self.is_parked = False
        # Not of `threading`, whose waiting is hooked into.
        self.turn = _thread.allocate_lock()
        self.turn.acquire()
        self.wake: Callable[[], None] = self.turn.release

    @property
    def works(self) -> bool:
        """Whether it works, as far as can be seen. A loop that waits for a time works when it is given something."""
        if self.blocked is None:
            return self.until_ns is None and not self.is_parked
        return not self.blocked()


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


class VirtualClock:
    """Nanoseconds since the epoch, from `start_ns` on.

    Args:
        start_ns: Where time begins.
        speed: How many seconds pass in a real one; None lets time pass at once.
    """

    def __init__(self, start_ns: int, speed: float | None = None) -> None:
        self.start_ns = start_ns
        self.is_proven = True
        self.is_over = False
        self._now_ns = start_ns
        self._speed = speed
        self._began_s = time.monotonic()
        self._lock = _thread.allocate_lock()
        self._moves = 0
        self._seen = (-1, 0.0, 0.0)
        self._order = count()
        self._participants: dict[Participant, None] = {}
        self._by_thread: dict[int, Participant] = {}

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return self._now_ns

    def end(self) -> None:
        """The replay is over: whoever still waits goes on, and time is the system's again."""
        with self._lock:
            self.is_over = True
            for participant in self._participants:
                if participant.until_ns is not None:
                    with suppress(RuntimeError):
                        participant.wake()

    # ── who takes part ───────────────────────────────────────────────────────────────────────────────────────────

    def expect(self) -> Participant:
        """Somebody who is about to start, and works from now on."""
        with self._lock:
            participant = Participant(next(self._order))
            self._participants[participant] = None
            self._moves += 1
        return participant

    def bind(self, participant: Participant) -> Participant | None:
        """`participant` is the calling thread from now on; returns who it was before."""
        thread = _thread.get_ident()
        with self._lock:
            before = self._by_thread.get(thread)
            participant.native = threading.get_native_id()
            self._by_thread[thread] = participant
        return before

    def unbind(self, before: Participant | None) -> None:
        """The calling thread is who it was `before`."""
        thread = _thread.get_ident()
        with self._lock:
            if before is None:
                self._by_thread.pop(thread, None)
            else:
                self._by_thread[thread] = before

    def leave(self, participant: Participant) -> None:
        """`participant` is over."""
        with self._lock:
            self._participants.pop(participant, None)
            self._moves += 1
            self._advance()

    def me(self) -> Participant | None:
        """Who the calling thread is; None if it takes no part."""
        return None if self.is_over else self._by_thread.get(_thread.get_ident())

    @contextmanager
    def taking_part(self) -> Iterator[Participant]:
        """Let the calling thread take part meanwhile, if it does not yet."""
        known = self.me()
        if known is not None:
            yield known
            return
        participant = self.expect()
        self.bind(participant)
        try:
            yield participant
        finally:
            self.unbind(None)
            self.leave(participant)

    @contextmanager
    def blocked(self, is_blocked: Callable[[], bool]) -> Iterator[None]:
        """The calling thread waits for another as long as `is_blocked` says so."""
        participant = self.me()
        if participant is None or participant.blocked is not None:
            yield
            return
        self.announce(participant, None, is_blocked)
        try:
            yield
        finally:
            self.withdraw(participant)

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def wait_until(self, at_ns: int) -> None:
        """Let the calling thread wait until `at_ns`."""
        if at_ns <= self._now_ns or self.is_over:
            return
        with self.taking_part() as participant:
            participant.turn.acquire(blocking=False)
            self.announce(participant, at_ns)
            try:
                while self._now_ns < at_ns and not self.is_over:
                    if not participant.turn.acquire(timeout=STANDSTILL_S):
                        self.look()
            finally:
                self.withdraw(participant)

    def wait_on(self, waiter: Waiter, timeout_s: float | None) -> bool:
        """Let the calling thread, which takes part, wait on `waiter`, for so many seconds at the most.

        Returns:
            Whether somebody notified, rather than the time having come.
        """
        participant = self.me()
        if participant is None:
            return waiter.acquire(-1 if timeout_s is None else timeout_s)
        before, participant.wake = participant.wake, waiter.time_out
        held = participant.blocked
        at_ns = None if timeout_s is None else self._now_ns + max(0, round(timeout_s * 1e9))
        self.announce(participant, at_ns, waiter.waits)
        try:
            while not waiter.acquire(STANDSTILL_S):
                self.look()
        finally:
            self.withdraw(participant, held)
            participant.wake = before
            waiter.is_over = True
        return waiter.is_notified

    def announce(self, participant: Participant, at_ns: int | None, blocked: Callable[[], bool] | None = None) -> None:
        """`participant` waits from now on, until `at_ns` or while it is `blocked`."""
        with self._lock:
            # One that was thought to be over may have been abandoned only.
            self._participants.setdefault(participant)
            participant.until_ns = at_ns
            participant.blocked = blocked
            participant.is_parked = False
            self._moves += 1
            self._advance()

    def withdraw(self, participant: Participant, blocked: Callable[[], bool] | None = None) -> None:
        """`participant` works again, but for what it is still `blocked` by."""
        with self._lock:
            participant.until_ns = None
            participant.blocked = blocked
            participant.is_parked = False
            self._moves += 1

    def look(self) -> None:
        """Whether everything stands still. If so, the earliest goes on. Who waits calls this each `STANDSTILL_S`."""
        if self.is_over:
            return
        with self._lock:
            now_s, used_s = time.monotonic(), time.process_time()
            moves, since_s, before_s = self._seen
            if moves != self._moves:
                self._seen = self._moves, now_s, used_s
            elif now_s - since_s >= STANDSTILL_S * 0.9:
                self._seen = self._moves, since_s, used_s
                self._settle(now_s - since_s, used_s - before_s)

    def _settle(self, still_s: float, used_s: float) -> None:
        """Nothing has been heard for `still_s`, in which the processor was used for `used_s`."""
        at_work = [participant for participant in self._participants if participant.works]
        if not at_work:
            self._release_earliest()
            return
        if used_s >= _BUSY_S or self._somebody_runs():
            return
        if any(participant.listens or _is_outside(participant.native) for participant in at_work):
            if still_s < PATIENCE_S:
                return
            for participant in at_work:
                participant.is_parked = not participant.listens
        self.is_proven = False
        self._release_earliest()

    def _advance(self) -> None:
        if not any(participant.works for participant in self._participants):
            self._release_earliest()

    def _release_earliest(self) -> None:
        waiting = [each for each in self._participants if each.until_ns is not None and not each.works]
        if not waiting or self.is_over:
            return
        first = min(waiting, key=lambda each: (each.until_ns or 0, each.order))
        at_ns, first.until_ns, first.blocked = first.until_ns or 0, None, None
        self._moves += 1
        if at_ns > self._now_ns:
            self._pace(at_ns)
            self._now_ns = at_ns
        first.wake()

    def _pace(self, at_ns: int) -> None:
        """Let as much real time pass as the speed asks for."""
        if self._speed is not None:
            due_s = self._began_s + (at_ns - self.start_ns) / 1e9 / self._speed
            while (left_s := due_s - time.monotonic()) > 0:
                _sleep(min(left_s, 0.2))

    def _somebody_runs(self) -> bool:
        """Whether the system runs, or would run, another thread of this process."""
        me = threading.get_native_id()
        for path in _TASKS.glob("*"):
            if path.name != str(me):
                with suppress(OSError):
                    stat = (path / "stat").read_text()
                    if stat.rpartition(")")[2].split()[0] in ("R", "D"):
                        return True
        return False


_TASKS = Path("/proc/self/task")
_FUTEX = {"x86_64": "202", "aarch64": "98"}.get(platform.machine())


def _is_outside(native: int) -> bool:
    """Whether the thread waits for the outside world, such as a socket or a process, as far as the system tells."""
    try:
        called = (_TASKS / str(native) / "syscall").read_text().split()[0]
    except (OSError, IndexError):
        return False
    # What waits in the process itself, for a lock of any kind, waits for a futex.
    return _FUTEX is not None and called not in (_FUTEX, "running")
