"""A replacement for `queue.SimpleQueue`, whose own methods cannot be replaced: its consumers wait on the clock."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from typing_extensions import override

from tracekit.replayer.clock import VirtualClock
from tracekit.replayer.participants import Waiter

__all__ = ["simple_queue"]


def simple_queue(clock: VirtualClock, gave: Callable[[Any], None], took: Callable[[Any], None]) -> Callable[[Any], Any]:
    """Return a wrapper of `queue.SimpleQueue` that calls `gave` and `took` with the queue at each put and get."""

    def replace(original: type[queue.SimpleQueue[Any]]) -> Any:
        class SimpleQueue(original):  # type: ignore[valid-type, misc]
            """A queue whose consumers wait on the replay's clock."""

            def __init__(self) -> None:
                self._waiting: deque[Waiter] = deque()

            @override
            def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
                gave(self)
                super().put(item)
                while self._waiting:
                    with suppress(IndexError, RuntimeError):
                        self._waiting.popleft().release()
                        return

            @override
            def put_nowait(self, item: Any) -> None:
                self.put(item)

            @override
            def get(self, block: bool = True, timeout: float | None = None) -> Any:
                is_ours = block and clock.me() is not None and (timeout is None or timeout > 0)
                item = self._await(timeout) if is_ours else super().get(block, timeout)
                took(self)
                return item

            @override
            def get_nowait(self) -> Any:
                return self.get(block=False)

            def _await(self, timeout: float | None) -> Any:
                until_ns = None if timeout is None else clock.now_ns() + round(timeout * 1e9)
                while True:
                    waiter = Waiter()
                    self._waiting.append(waiter)
                    with suppress(queue.Empty):
                        item = super().get(block=False)
                        self._forget(waiter)
                        return item
                    left_s = None if until_ns is None else max(0.0, (until_ns - clock.now_ns()) / 1e9)
                    if not clock.wait_on(waiter, left_s):
                        self._forget(waiter)
                        raise queue.Empty

            def _forget(self, waiter: Waiter) -> None:
                """Remove `waiter`; if it was already woken for an item, wake the next one."""
                with suppress(ValueError):
                    self._waiting.remove(waiter)
                    return
                if self._waiting and not self.empty():
                    with suppress(IndexError, RuntimeError):
                        self._waiting.popleft().release()

        return SimpleQueue

    return replace
