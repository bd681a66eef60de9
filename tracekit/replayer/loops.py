"""Event loops on the replay's clock: a loop's selector waits on the clock when nothing is left to do."""

from __future__ import annotations

import asyncio
import functools
import selectors
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from tracekit.replayer.clock import PATIENCE_S, STANDSTILL_S, VirtualClock
from tracekit.replayer.outside import Looks
from tracekit.replayer.participants import Participant

__all__ = ["Loops"]

_LONG_S = 30.0
"""Real seconds that a loop waits for a response."""
_POLL_S = 5.0
"""Real seconds at most until a task that polls something outside looks again."""
_LOOK_S = 0.2
"""Real seconds between two checks for something still owed."""


class Loops:
    """The event loops that run on `clock`. Only asyncio's own loops are supported."""

    def __init__(self, clock: VirtualClock, looks: Looks) -> None:
        self._clock = clock
        self._looks = looks
        self._processes: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        self._zero_s: WeakKeyDictionary[asyncio.BaseEventLoop, float] = WeakKeyDictionary()

    def run_forever(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        """Wrap `BaseEventLoop.run_forever`."""

        @functools.wraps(original)
        def run_forever(loop: Any) -> None:
            with self.on_clock(loop):
                original(loop)

        return run_forever

    @contextmanager
    def on_clock(self, loop: Any) -> Iterator[None]:
        """Let `loop`, which runs on this thread, run on the clock within the block."""
        real = getattr(loop, "_selector", None)
        if real is None or self.knows(loop):
            yield
            return
        if loop not in self._zero_s:
            passed_s = (self._clock.now_ns() - self._clock.start_ns) / 1e9
            self._zero_s[loop] = loop.time() - passed_s
        loop.time = functools.partial(self.time_s, loop)
        with self._clock.taking_part() as participant:
            loop._selector = _Selector(real, loop, self._clock, participant, self)  # noqa: SLF001  asyncio has no other door
            try:
                yield
            finally:
                loop._selector = real  # noqa: SLF001  see above

    def time_s(self, loop: Any) -> float:
        """Return the time of `loop` in seconds, as its `time()` does."""
        return self.when_s(loop, self._clock.now_ns())

    def when_s(self, loop: Any, at_ns: int) -> float:
        """Return `at_ns` as the time of `loop` in seconds."""
        return float(self._zero_s[loop] + (at_ns - self._clock.start_ns) / 1e9)

    def knows(self, loop: Any) -> bool:
        """Return whether `loop` runs on the clock."""
        selector = getattr(loop, "_selector", None)
        return isinstance(selector, _Selector) and selector.is_of(self._clock)

    # ── what a loop waits for outside ────────────────────────────────────────────────────────────────────────────

    def write(self, original: Callable[..., None]) -> Callable[..., None]:
        """Wrap the `write` of asyncio's transports: a response will come, on the same socket or from its process."""

        @functools.wraps(original)
        def write(transport: Any, data: Any) -> None:
            original(transport, data)
            selector = getattr(transport._loop, "_selector", None)  # noqa: SLF001  asyncio has no other door
            # Who is connected to a server of the program's own may have all that it wanted.
            if isinstance(selector, _Selector) and getattr(transport, "_server", None) is None:
                process = getattr(getattr(transport, "_protocol", None), "proc", None)
                pipes = process._pipes if process is not None else {}  # noqa: SLF001  see above
                answering = [pipe.pipe for number, pipe in pipes.items() if number and pipe is not None and pipe.pipe]
                selector.asked(answering or [transport])

        return write

    def start_process(self, original: Callable[..., None]) -> Callable[..., None]:
        """Wrap the `__init__` of asyncio's processes."""

        @functools.wraps(original)
        def start(process: Any, *args: Any, **kwargs: Any) -> None:
            begun_s = time.monotonic()
            original(process, *args, **kwargs)
            self._processes[process] = begun_s

        return start

    def awaited(self, loop: Any) -> list[float]:
        """Return the start times of the processes that tasks of `loop` wait for and that will end by themselves."""
        return [since_s for process, since_s in list(self._processes.items()) if _is_awaited(process, loop)]

    def has_looked(self) -> bool:
        """Return whether the calling thread has polled something outside in vain since the last call."""
        return self._looks.take()

    def let_go(self) -> None:
        """End the clock, and restore every loop's own time, which continues from the present value."""
        self._clock.end()
        for loop in list(self._zero_s):
            if not loop.is_closed():
                ahead_s = loop.time() - time.monotonic()
                loop.time = functools.partial(_ahead_s, ahead_s)  # type: ignore[method-assign]


def _ahead_s(ahead_s: float) -> float:
    return time.monotonic() + ahead_s


def _is_awaited(process: Any, loop: Any) -> bool:
    """Return whether a task of `loop` waits for `process` to end, or for output that needs no further input."""
    if process._loop is not loop or process._returncode is not None:  # noqa: SLF001  asyncio has no other door
        return False
    if getattr(process, "_exit_waiters", None):
        return True
    asking = process._pipes.get(0)  # noqa: SLF001  see above
    if asking is not None and asking.pipe is not None and not asking.pipe.is_closing():
        return False
    streams = (getattr(process._protocol, name, None) for name in ("stdout", "stderr"))  # noqa: SLF001  see above
    return any(getattr(stream, "_waiter", None) is not None for stream in streams)


class _Selector:
    """Replaces a loop's selector: polls the real one first, and waits on the clock when there is nothing to do."""

    def __init__(self, real: Any, loop: Any, clock: VirtualClock, participant: Participant, loops: Loops) -> None:
        self._real = real
        self._loop = loop
        self._clock = clock
        self._participant = participant
        self._loops = loops
        self._listened_s: dict[int, tuple[Any, float]] = {}
        self._asked: dict[int, float] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def is_of(self, clock: VirtualClock) -> bool:
        """Return whether this selector waits on `clock`."""
        return self._clock is clock

    def asked(self, transports: Iterable[Any]) -> None:
        """Note that data was sent on `transports`, which will be responded to."""
        now_s = time.monotonic()
        self._asked.update((fd, now_s) for each in transports if (fd := _number_of(each)) is not None)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return the events that are ready now, or once the clock gives the loop its turn."""
        if self._clock.is_over:
            late: list[tuple[selectors.SelectorKey, int]] = self._real.select(timeout)
            return late
        events: list[tuple[selectors.SelectorKey, int]] = self._real.select(0)
        if not events and (timeout is None or timeout > 0):
            at_ns = None if timeout is None else self._clock.now_ns() + max(1, round(timeout * 1e9))
            since_ns, began_s = self._clock.now_ns(), time.monotonic()
            events = self._under_way(timeout)
            if events:
                passed_s = time.monotonic() - began_s
                self._clock.catch_up(since_ns, passed_s if timeout is None else min(passed_s, timeout))
            else:
                events = self._wait(at_ns)
        for key, event in events:
            if event & selectors.EVENT_READ:
                self._asked.pop(key.fd, None)
        return events

    def _under_way(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return events that sockets, pipes and processes deliver soon, or for as long as they owe something.

        A source that owes nothing, and has delivered nothing for long, is not waited for again.
        """
        own = self._loop._ssock.fileno()  # noqa: SLF001  by which other threads wake it
        known, self._listened_s = self._listened_s, {}
        for key in self._real.get_map().values():
            if key.fd != own:
                # A number may have been given to another; what is to be called then tells.
                data, passed_s = known.get(key.fd, (None, 0.0))
                self._listened_s[key.fd] = key.data, passed_s if data is key.data else 0.0
        if self._loops.has_looked():
            return self._listen(_POLL_S if timeout is None else min(timeout, _POLL_S), lambda: True)
        if self._is_owed():
            # A process that is replayed itself takes longer to begin.
            begun_s = max(self._loops.awaited(self._loop), default=0.0)
            extra_s = max(0.0, begun_s + PATIENCE_S - time.monotonic())
            return self._listen(None if timeout is None else timeout + extra_s, self._is_owed)
        left_s = PATIENCE_S - min((passed_s for _, passed_s in self._listened_s.values()), default=PATIENCE_S)
        if left_s <= 0:
            return []
        return self._listen(left_s if timeout is None else min(timeout, left_s), None)

    def _is_owed(self) -> bool:
        """Return whether a response is outstanding, a process is awaited, or a connection is being made."""
        keys, since_s = self._real.get_map(), time.monotonic() - _LONG_S
        self._asked = {fd: asked_s for fd, asked_s in self._asked.items() if fd in keys and asked_s > since_s}
        is_connecting = any(key.events & selectors.EVENT_WRITE for key in keys.values())
        return bool(self._asked) or is_connecting or bool(self._loops.awaited(self._loop))

    def _listen(
        self, patience_s: float | None, owed: Callable[[], bool] | None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        began_s = time.monotonic()
        me = self._participant
        before, me.owed, me.listens = me.owed, owed or _nothing, True
        events: list[tuple[selectors.SelectorKey, int]] = []
        passed_s = 0.0
        try:
            while not events and not self._clock.is_over and (patience_s is None or passed_s < patience_s):
                left_s = _LOOK_S if patience_s is None else min(_LOOK_S, patience_s - passed_s)
                events = self._real.select(left_s)
                passed_s = time.monotonic() - began_s
                if owed is not None and not owed():
                    break
        finally:
            me.owed, me.listens, me.outside = before, False, None
        brought = {key.fd for key, _ in events}
        for fd, (data, before_s) in self._listened_s.items():
            self._listened_s[fd] = data, 0.0 if fd in brought else before_s + max(passed_s, 0.001)
        return events

    def _wait(self, at_ns: int | None) -> list[tuple[selectors.SelectorKey, int]]:
        clock, me, loop = self._clock, self._participant, self._loop
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


def _number_of(transport: Any) -> int | None:
    """Return the file descriptor of one of asyncio's transports."""
    number = getattr(transport, "_sock_fd", None)
    return number if number is not None else getattr(transport, "_fileno", None)


def _nothing() -> bool:
    return False
