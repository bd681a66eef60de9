"""Puts a replay's clock under a program, and takes it away again."""

from __future__ import annotations

import asyncio
import asyncio.base_events
import concurrent.futures.thread
import functools
import queue
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from tracekit.instrument.importing import when_imported
from tracekit.instrument.lanes import current_lane
from tracekit.instrument.replaced import Replaced
from tracekit.replayer.loops import Loops
from tracekit.replayer.threads import Threads

__all__ = ["Hooks"]

_DEPTH = 6
"""How many frames lie between `as_completed` and the making of its tasks, at the most."""


class Hooks:
    """What a replay replaces in a program.

    `loosen` is told of lanes whose work depends on who finishes first, `shares` of those that take it from a queue, and
    may yet turn out to be such.
    """

    def __init__(
        self, loops: Loops, threads: Threads, loosen: Callable[[str], None], shares: Callable[[str], None]
    ) -> None:
        self._loops = loops
        self._threads = threads
        self._loosen = loosen
        self._shares = shares
        self._replaced = Replaced()
        self._consumers: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
        self._is_in = False

    def put_in(self) -> None:
        """Put everything in place."""
        self._is_in = True
        put, threads = self._replaced.replace, self._threads
        put(time, "sleep", threads.sleep)
        put(threading.Thread, "start", threads.start)
        put(threading.Thread, "join", threads.join)
        put(threading.Condition, "wait", threads.wait)
        put(threading, "_time", threads.monotonic_s)
        put(queue, "time", threads.monotonic_s)
        put(concurrent.futures.thread.ThreadPoolExecutor, "submit", threads.submit)
        put(concurrent.futures.thread.ThreadPoolExecutor, "shutdown", threads.shutdown)
        put(concurrent.futures.thread._WorkItem, "run", threads.run_item)  # noqa: SLF001  no other door
        put(asyncio.base_events.BaseEventLoop, "run_forever", self._loops.run_forever)
        put(asyncio.base_events.BaseEventLoop, "create_task", self._create_task)
        put(asyncio.Queue, "get_nowait", self._get)
        put(queue.Queue, "get", self._get)
        put(queue.Queue, "put", threads.put)
        when_imported("anyio._backends._asyncio", self._hook_anyio)
        when_imported("anyio.streams.memory", self._hook_streams)

    def take_out(self) -> None:
        """Restore everything."""
        self._is_in = False
        self._replaced.restore()
        self._loops.let_go()

    def _hook_anyio(self, module: ModuleType) -> None:
        if self._is_in:
            run = self._threads.run_in_worker
            self._replaced.replace(
                module.AsyncIOBackend,
                "run_sync_in_worker_thread",
                lambda original: classmethod(run(original.__func__)),
            )

    def _hook_streams(self, module: ModuleType) -> None:
        if self._is_in:
            self._replaced.replace(module.MemoryObjectReceiveStream, "receive_nowait", self._get)
            self._replaced.replace(module.MemoryObjectReceiveStream, "receive", self._receive)

    # ── who works on what ────────────────────────────────────────────────────────────────────────────────────────

    def _create_task(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`BaseEventLoop.create_task`: `as_completed` starts its tasks in the order of a set, which is no order."""

        def create_task(loop: Any, coro: Any, **kwargs: Any) -> Any:
            if not _is_as_completed():
                return original(loop, coro, **kwargs)
            return original(loop, self._loosened(coro), **kwargs)

        return create_task

    async def _loosened(self, coro: Any) -> Any:
        self._loosen(current_lane().id)
        return await coro

    def _get(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A queue's `get`: which of several consumers gets what depends on who is free first."""

        @functools.wraps(original)
        def get(source: Any, *args: Any, **kwargs: Any) -> Any:
            item = original(source, *args, **kwargs)
            self._took_from(source)
            return item

        return get

    def _receive(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The same for anyio's streams, which give to those that wait without a further `receive_nowait`."""

        @functools.wraps(original)
        async def receive(source: Any) -> Any:
            item = await original(source)
            self._took_from(source)
            return item

        return receive

    def _took_from(self, source: Any) -> None:
        if not self._threads.take_part():
            # A worker of a pool between its jobs.
            return
        consumers = self._consumers.setdefault(getattr(source, "_state", source), set())
        lane = current_lane().id
        if lane not in consumers:
            consumers.add(lane)
            self._shares(lane)
            for each in consumers if len(consumers) > 1 else ():
                self._loosen(each)


def _is_as_completed() -> bool:
    frame = sys._getframe(2)  # noqa: SLF001  cheap, and only in a replay
    for _ in range(_DEPTH):
        if frame.f_code.co_name == "as_completed":
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False
