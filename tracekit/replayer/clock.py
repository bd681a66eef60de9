"""The replay's virtual clock: time passes only when every participant waits for it.

Each thread that takes part either works or waits: until a time, or for another participant (`blocked`). When none
works, the clock moves to the earliest time that a participant waits for and lets that participant go on. So a program's
own computation takes no virtual time, and threads go on one after another in the order of their times, however busy the
machine is.

A thread may be held up by something the clock cannot see, such as a lock of the user's. When nothing has happened for
50 ms of real time, the earliest participant goes on all the same, and the order is no longer proven.

A thread that waits for the outside world, such as a process or a tool's socket, waits in real time and stops the clock
for up to a second. After that second virtual time passes for the other participants at the pace of real time, as long
as the outside world *owes* something to a waiting thread. Where it owes nothing, as on an idle connection, the clock no
longer takes the thread into account.
"""

from __future__ import annotations

import _thread
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count

from tracekit.replayer.kernel import somebody_runs, waits_for_process, waits_outside
from tracekit.replayer.participants import Participant, Waiter

__all__ = ["PATIENCE_S", "STANDSTILL_S", "VirtualClock"]

STANDSTILL_S = 0.05
"""Real seconds without any progress after which the order of threads is given up."""
PATIENCE_S = 1.0
"""Real seconds that sockets, pipes and processes have to deliver something."""
_LONG_S = 30.0
"""Real seconds that a thread may wait for anything but a process; then it counts as a permanent reader."""

_sleep = time.sleep
_LEAST_S = 0.02
"""Real seconds within which a response that is already there arrives."""
_BUSY_S = 0.005
"""Seconds of processor time within a standstill that mean that a thread works."""


class VirtualClock:
    """Nanoseconds since the epoch, from `start_ns` on.

    Args:
        start_ns: The first time that the clock shows.
        speed: Virtual seconds that pass in a real one; None lets time pass at once.

    Attributes:
        is_proven: False once the order of threads had to be guessed.
        is_beside_others: True once time passed while some participants waited for the outside world.
        room_ns: Returns the time up to which the clock may move before the next recorded request is due.
        extra_s: Real seconds that a process takes longer to begin than in the recording, about.
    """

    def __init__(self, start_ns: int, speed: float | None = None) -> None:
        self.start_ns = start_ns
        self.is_proven = True
        self.is_beside_others = False
        self.is_over = False
        self.room_ns: Callable[[], int] = lambda: sys.maxsize
        self.extra_s = 0.0
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
        """Return the time in nanoseconds since the epoch."""
        return self._now_ns

    def end(self) -> None:
        """End the replay's time: every waiting thread goes on, and time is the system's again."""
        with self._lock:
            self.is_over = True
            for participant in self._participants:
                if participant.until_ns is not None:
                    with suppress(RuntimeError):
                        participant.wake()

    # ── who takes part ───────────────────────────────────────────────────────────────────────────────────────────

    def expect(self) -> Participant:
        """Register a participant that is about to start and counts as working from now on."""
        with self._lock:
            participant = Participant(next(self._order))
            self._participants[participant] = None
            self._moves += 1
        return participant

    def bind(self, participant: Participant) -> Participant | None:
        """Bind `participant` to the calling thread; return the participant that the thread was before."""
        thread = _thread.get_ident()
        with self._lock:
            before = self._by_thread.get(thread)
            participant.native = threading.get_native_id()
            participant.is_daemon = threading.current_thread().daemon
            self._by_thread[thread] = participant
        return before

    def unbind(self, before: Participant | None) -> None:
        """Bind the participant `before` to the calling thread again, or none."""
        thread = _thread.get_ident()
        with self._lock:
            if before is None:
                self._by_thread.pop(thread, None)
            else:
                self._by_thread[thread] = before

    def leave(self, participant: Participant) -> None:
        """Remove `participant` from the clock."""
        with self._lock:
            self._participants.pop(participant, None)
            self._moves += 1
            self._advance()

    def me(self) -> Participant | None:
        """Return the participant bound to the calling thread, or None."""
        return None if self.is_over else self._by_thread.get(_thread.get_ident())

    @contextmanager
    def taking_part(self) -> Iterator[Participant]:
        """Let the calling thread take part within the block, if it does not yet."""
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
        """Count the calling thread as waiting within the block, as long as `is_blocked` returns True."""
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

    def catch_up(self, since_ns: int, passed_s: float) -> None:
        """Let the time pass that has passed outside since `since_ns`, but none beyond where the recording goes on.

        A process may take longer than it did; what comes after it is to be done when it was.
        """
        until_ns = since_ns + round((passed_s - self.extra_s) * 1e9)
        if passed_s < _LEAST_S:
            return
        while self._now_ns < until_ns and not self.is_over:
            to_ns = min(until_ns, self.room_ns())
            if to_ns <= self._now_ns:
                return
            self.wait_until(to_ns)

    def wait_on(self, waiter: Waiter, timeout_s: float | None) -> bool:
        """Let the calling thread wait on `waiter`, for at most `timeout_s` seconds.

        Returns:
            Whether the waiter was notified; False if the time ran out.
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
        """Note that `participant` waits from now on, until `at_ns` or while it is `blocked`."""
        with self._lock:
            # One that was thought to be over may have been abandoned only.
            self._participants.setdefault(participant)
            participant.until_ns = at_ns
            participant.blocked = blocked
            participant.is_parked, participant.outside = False, None
            self._moves += 1
            self._advance()

    def withdraw(self, participant: Participant, blocked: Callable[[], bool] | None = None) -> None:
        """Note that `participant` works again, unless it is still `blocked`."""
        with self._lock:
            participant.until_ns = None
            participant.blocked = blocked
            participant.is_parked, participant.outside = False, None
            self._moves += 1

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Let the calling thread wait in real time within the block, for something that ends, such as a process."""
        participant = self.me()
        if participant is None or participant.listens:
            yield
            return
        participant.listens = True
        try:
            yield
        finally:
            participant.listens = False

    def look(self) -> None:
        """Let the earliest participant go on if nothing moves. Waiting threads call this every `STANDSTILL_S`."""
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
        """Act on a standstill of `still_s` seconds, in which the process used `used_s` of processor time."""
        at_work = [participant for participant in self._participants if participant.works]
        if not at_work:
            self._release_earliest()
            return
        if used_s >= _BUSY_S or somebody_runs():
            # It may be one that waited outside before.
            for participant in at_work:
                participant.outside = None
            return
        outside = [participant for participant in at_work if self._is_outside(participant, still_s)]
        if outside:
            if any(map(self._is_owed, outside)):
                self._release_due(at_work)
                return
            idle = [participant for participant in at_work if _is_idle(participant)]
            if len(idle) < len(at_work) and still_s < PATIENCE_S:
                return
            for participant in at_work:
                participant.is_parked = not participant.listens
            self.is_proven &= len(idle) == len(at_work)
        else:
            self.is_proven = False
        self._release_earliest()

    def _is_outside(self, participant: Participant, still_s: float) -> bool:
        """Return whether `participant`, idle for `still_s`, waits for the outside world; note since when."""
        if not (participant.listens or waits_outside(participant.native)):
            participant.outside = None
            return False
        if participant.outside is None:
            participant.outside = time.monotonic() - still_s, self._now_ns
        return True

    def _is_owed(self, participant: Participant) -> bool:
        """Return whether `participant` can expect the outside world to deliver what it waits for.

        A process ends. A thread that the program waits for came back in the recording. A daemon may read from a source
        that never delivers.
        """
        if participant.outside is None:
            return False
        if participant.owed is not None:
            return participant.owed()
        if participant.listens or waits_for_process(participant.native):
            return True
        is_needed = not participant.is_daemon or any(
            each.blocked is not None and each.until_ns is None and each.blocked() for each in self._participants
        )
        return is_needed and time.monotonic() - participant.outside[0] < _LONG_S

    def _release_due(self, at_work: Sequence[Participant]) -> None:
        """Let the earliest participant go on if its time has come in real time."""
        now_s = time.monotonic()
        began = [participant.outside for participant in at_work if participant.outside is not None]
        until_ns = min(at_ns + round((now_s - since_s - PATIENCE_S) * 1e9) for since_s, at_ns in began)
        # Who is first, the one outside or the others, is now for this machine to say.
        self.is_beside_others |= self._release_earliest(until_ns)

    def _advance(self) -> None:
        if not any(participant.works for participant in self._participants):
            self._release_earliest()

    def _release_earliest(self, last_ns: int | None = None) -> bool:
        """Let the participant with the earliest time go on, if that is by `last_ns`; return whether there was one."""
        waiting = [each for each in self._participants if each.until_ns is not None and not each.works]
        if not waiting or self.is_over:
            return False
        first = min(waiting, key=lambda each: (each.until_ns or 0, each.order))
        if last_ns is not None and (first.until_ns or 0) > last_ns:
            return False
        at_ns, first.until_ns, first.blocked = first.until_ns or 0, None, None
        self._moves += 1
        if at_ns > self._now_ns:
            self._pace(at_ns)
            self._now_ns = at_ns
        first.wake()
        return True

    def _pace(self, at_ns: int) -> None:
        """Sleep in real time as the speed demands."""
        if self._speed is not None:
            due_s = self._began_s + (at_ns - self.start_ns) / 1e9 / self._speed
            while (left_s := due_s - time.monotonic()) > 0:
                _sleep(min(left_s, 0.2))


def _is_idle(participant: Participant) -> bool:
    """Return whether `participant` watches processes that have nothing to do."""
    return participant.owed is not None and not participant.owed() and not participant.listens
