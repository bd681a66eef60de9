"""The replay's clock: time that passes only when everybody waits for it.

Each thread that takes part either works, or waits: for a time, or for another (`blocked`). When none works, the clock
moves to the earliest time that one waits for, and lets that one go on. So what a program does takes no time but what
it waits for, and threads go on one after another in the order of their times, however busy the machine is.

A thread may be kept from working by what is not seen here, such as a lock of the user's. When nothing has happened for
50 ms of real time, the earliest goes on all the same, and the order is no longer proven.
"""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

__all__ = ["STANDSTILL_S", "Participant", "VirtualClock"]

STANDSTILL_S = 0.05
"""Real seconds without any progress after which the order is given up."""

_sleep = time.sleep
_BUSY_S = 0.005
"""Seconds of the processor within such a time that mean that somebody works."""


class Participant:
    """Somebody whose work the clock waits for: a thread, a job of a pool, or an event loop.

    `until_ns` is the time that it waits for, None if it works or is blocked; `blocked` tells whether it is kept by
    another, and None if it is not. `native` is the thread's id for the system.
    """

    __slots__ = ("blocked", "depth", "native", "order", "turn", "until_ns", "wake")

    def __init__(self, order: int) -> None:
        self.order = order
        self.until_ns: int | None = None
        self.blocked: Callable[[], bool] | None = None
        self.native = 0
        self.depth = 0
        # Not of `threading`, whose waiting is hooked into.
        self.turn = _thread.allocate_lock()
        self.turn.acquire()
        self.wake: Callable[[], None] = self.turn.release

    @property
    def works(self) -> bool:
        """Whether it works, as far as can be seen. A loop that waits for a time works when it is given something."""
        return self.until_ns is None if self.blocked is None else not self.blocked()


class VirtualClock:
    """Nanoseconds since the epoch, from `start_ns` on.

    Args:
        start_ns: Where time begins.
        speed: How many seconds pass in a real one; None lets time pass at once.
    """

    def __init__(self, start_ns: int, speed: float | None = None) -> None:
        self.start_ns = start_ns
        self.is_proven = True
        self._now_ns = start_ns
        self._speed = speed
        self._began_s = time.monotonic()
        self._lock = _thread.allocate_lock()
        self._moves = 0
        self._order = count()
        self._participants: dict[Participant, None] = {}
        self._by_thread: dict[int, Participant] = {}

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return self._now_ns

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
        return self._by_thread.get(_thread.get_ident())

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
        with self._lock:
            participant.blocked = is_blocked
            self._moves += 1
            self._advance()
        try:
            yield
        finally:
            with self._lock:
                participant.blocked = None
                self._moves += 1

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def wait_until(self, at_ns: int) -> None:
        """Let the calling thread wait until `at_ns`."""
        if at_ns <= self._now_ns:
            return
        with self.taking_part() as participant:
            participant.turn.acquire(blocking=False)
            self.announce(participant, at_ns)
            moves, used_s = self._moves, time.process_time()
            try:
                while self._now_ns < at_ns:
                    if not participant.turn.acquire(timeout=STANDSTILL_S):
                        moves, used_s = self.look(moves, used_s)
            finally:
                self.withdraw(participant)

    def announce(self, participant: Participant, at_ns: int | None, blocked: Callable[[], bool] | None = None) -> None:
        """`participant` waits from now on, until `at_ns` or while it is `blocked`."""
        with self._lock:
            participant.until_ns = at_ns
            participant.blocked = blocked
            self._moves += 1
            self._advance()

    def withdraw(self, participant: Participant) -> None:
        """`participant` works again."""
        with self._lock:
            participant.until_ns = participant.blocked = None
            self._moves += 1

    def look(self, moves: int, used_s: float) -> tuple[int, float]:
        """Whether everything stands still since there were `moves`, when the process had used `used_s` seconds.

        Who waits calls this each `STANDSTILL_S`. If so, the earliest goes on.
        """
        now_used_s = time.process_time()
        with self._lock:
            if self._moves == moves:
                if not any(participant.works for participant in self._participants):
                    self._release_earliest()
                elif now_used_s - used_s < _BUSY_S and not self._somebody_runs():
                    self.is_proven = False
                    self._release_earliest()
            return self._moves, now_used_s

    def _advance(self) -> None:
        if not any(participant.works for participant in self._participants):
            self._release_earliest()

    def _release_earliest(self) -> None:
        waiting = [each for each in self._participants if each.until_ns is not None and not each.works]
        if not waiting:
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
        """Whether the system runs, or would run, the thread of somebody who works here."""
        for participant in self._participants:
            if participant.works and participant.native:
                try:
                    stat = Path(f"/proc/self/task/{participant.native}/stat").read_text()
                except OSError:
                    continue
                if stat.rpartition(")")[2].split()[0] in ("R", "D"):
                    return True
        return False
