"""Event loops on the replay's clock: their selector tells the clock when nothing is left to do, and when to go on."""

from __future__ import annotations

import asyncio
import functools
import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from tracekit.replayer.clock import PATIENCE_S, STANDSTILL_S, Participant, VirtualClock

__all__ = ["Loops"]


class Loops:
    """The event loops that run on `clock`. Meant for asyncio's own loops; others have no such inside."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._zero_s: WeakKeyDictionary[asyncio.BaseEventLoop, float] = WeakKeyDictionary()

    def run_forever(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        """What to put in place of `BaseEventLoop.run_forever`."""

        @functools.wraps(original)
        def run_forever(loop: Any) -> None:
            with self.on_clock(loop):
                original(loop)

        return run_forever

    @contextmanager
    def on_clock(self, loop: Any) -> Iterator[None]:
        """Let `loop`, which runs on this thread, run on the clock meanwhile."""
        real = getattr(loop, "_selector", None)
        if real is None or self.knows(loop):
            yield
            return
        if loop not in self._zero_s:
            passed_s = (self._clock.now_ns() - self._clock.start_ns) / 1e9
            self._zero_s[loop] = loop.time() - passed_s
        loop.time = functools.partial(self.time_s, loop)
        with self._clock.taking_part() as participant:
            loop._selector = _Selector(real, loop, self._clock, participant)  # noqa: SLF001  asyncio has no other door
            try:
                yield
            finally:
                loop._selector = real  # noqa: SLF001  see above

    def time_s(self, loop: Any) -> float:
        """The time of `loop` in seconds, as its `time()` gives it."""
        return self.when_s(loop, self._clock.now_ns())

    def when_s(self, loop: Any, at_ns: int) -> float:
        """`at_ns` as the time of `loop` in seconds."""
        return float(self._zero_s[loop] + (at_ns - self._clock.start_ns) / 1e9)

    def knows(self, loop: Any) -> bool:
        """Whether `loop` runs on the clock."""
        selector = getattr(loop, "_selector", None)
        return isinstance(selector, _Selector) and selector.is_of(self._clock)

    def let_go(self) -> None:
        """End the clock, and give every loop its own time back, going on from where it is."""
        self._clock.end()
        for loop in list(self._zero_s):
            if not loop.is_closed():
                ahead_s = loop.time() - time.monotonic()
                loop.time = functools.partial(_ahead_s, ahead_s)  # type: ignore[method-assign]


def _ahead_s(ahead_s: float) -> float:
    return time.monotonic() + ahead_s


class _Selector:
    """Stands before a loop's selector: asks it first, and the clock when there is nothing to do."""

    def __init__(self, real: Any, loop: Any, clock: VirtualClock, participant: Participant) -> None:
        self._real = real
        self._loop = loop
        self._clock = clock
        self._participant = participant
        self._listened_s: dict[int, tuple[Any, float]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def is_of(self, clock: VirtualClock) -> bool:
        """Whether it asks `clock`."""
        return self._clock is clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now, or once the clock says that it is the loop's turn."""
        if self._clock.is_over:
            late: list[tuple[selectors.SelectorKey, int]] = self._real.select(timeout)
            return late
        events: list[tuple[selectors.SelectorKey, int]] = self._real.select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        events = self._under_way(timeout)
        return events or self._wait(timeout)

    def _under_way(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """What sockets and pipes bring shortly; those that have brought nothing for long are not waited for again."""
        own = self._loop._ssock.fileno()  # noqa: SLF001  by which other threads wake it
        known, self._listened_s = self._listened_s, {}
        for key in self._real.get_map().values():
            if key.fd != own:
                # A number may have been given to another; what is to be called then tells.
                data, passed_s = known.get(key.fd, (None, 0.0))
                self._listened_s[key.fd] = key.data, passed_s if data is key.data else 0.0
        left_s = PATIENCE_S - min((passed_s for _, passed_s in self._listened_s.values()), default=PATIENCE_S)
        if left_s <= 0:
            return []
        return self._listen(left_s if timeout is None else min(timeout, left_s))

    def _listen(self, patience_s: float) -> list[tuple[selectors.SelectorKey, int]]:
        began_s = time.monotonic()
        self._participant.listens = True
        try:
            events: list[tuple[selectors.SelectorKey, int]] = self._real.select(patience_s)
        finally:
            self._participant.listens = False
        passed_s = time.monotonic() - began_s
        brought = {key.fd for key, _ in events}
        for fd, (data, before_s) in self._listened_s.items():
            self._listened_s[fd] = data, 0.0 if fd in brought else before_s + max(passed_s, 0.001)
        return events

    def _wait(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        clock, me, loop = self._clock, self._participant, self._loop
        at_ns = None if timeout is None else clock.now_ns() + max(1, round(timeout * 1e9))
        is_turn: list[bool] = []

        def wake() -> None:
            is_turn.append(True)
            if asyncio._get_running_loop() is not loop:  # noqa: SLF001  the documented way for libraries
                loop._write_to_self()  # noqa: SLF001  what `call_soon_threadsafe` does

        before, me.wake = me.wake, wake
        # What other threads have given the loop to do is work, though it has not woken yet.
        clock.announce(me, at_ns, lambda: not loop._ready)  # noqa: SLF001  asyncio has no other door
        try:
            while not (is_turn or clock.is_over):
                events: list[tuple[selectors.SelectorKey, int]] = self._real.select(STANDSTILL_S)
                if events:
                    return events
                clock.look()
            return []
        finally:
            clock.withdraw(me)
            me.wake = before
