"""Run a program on the replay's clock by replacing functions of the standard library, and restore them."""

from __future__ import annotations

import asyncio
import asyncio.base_events
import asyncio.base_subprocess
import asyncio.selector_events
import concurrent.futures
import concurrent.futures._base
import concurrent.futures.thread
import functools
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from tracekit.errors import ReplayDivergence, ReplayError, ReplayImpossible
from tracekit.instrument.importing import when_imported
from tracekit.instrument.lanes import current_lane
from tracekit.instrument.processes import POOL_METHODS
from tracekit.instrument.replaced import Replaced
from tracekit.replayer.loops import Loops
from tracekit.replayer.outside import Looks
from tracekit.replayer.player import Player
from tracekit.replayer.threads import Threads

__all__ = ["Hooks"]

_DEPTH = 6
"""Frames to search at most between `as_completed` and the creation of its tasks, or of its queue."""


class Hooks:
    """The functions that a replay replaces in a program.

    The hooks report three kinds of lanes to `player`: lanes whose input depends on which task finishes first
    (`loosen`), lanes that take from a queue with other consumers (`share`), and lanes that handle results as they
    arrive (`arrive`).
    """

    def __init__(self, loops: Loops, threads: Threads, player: Player, looks: Looks) -> None:
        self._loops = loops
        self._looks = looks
        self._threads = threads
        self._player = player
        self._replaced = Replaced()
        self._consumers: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
        self._producers: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
        self._is_in = False

    def put_in(self) -> None:
        """Replace the functions."""
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
        put(asyncio.Queue, "put_nowait", self._put)
        put(queue.Queue, "get", self._get)
        put(queue.Queue, "put", threads.put)
        put(queue.Queue, "put", self._put)
        put(queue, "SimpleQueue", threads.simple_queue(self._gave_to, self._took_from))
        put(asyncio.tasks, "_wait", self._wait)
        put(concurrent.futures._base, "_create_and_install_waiters", self._wait_for_jobs)  # noqa: SLF001  no other door
        put(concurrent.futures._base, "_yield_finished_futures", self._finished_jobs)  # noqa: SLF001  no other door
        for name in ("waitpid", "wait3", "wait4", "waitid"):
            put(os, name, self._looks.wait_for_process)
        put(socket.socket, "connect", self._looks.connect)
        put(asyncio.selector_events.BaseSelectorEventLoop, "_sock_connect_cb", self._looks.connected)
        sockets: Any = vars(asyncio.selector_events)["_SelectorSocketTransport"]
        for name in ("write", "writelines") if "writelines" in vars(sockets) else ("write",):
            put(sockets, name, self._loops.write)
        put(asyncio.base_subprocess.BaseSubprocessTransport, "__init__", self._loops.start_process)
        when_imported("subprocess", self._hook_processes)
        when_imported("asyncio.subprocess", self._hook_process)
        when_imported("multiprocessing.process", self._hook_join)
        when_imported("asyncio.unix_events", self._hook_pipes)
        when_imported("multiprocessing.pool", self._hook_pool)
        when_imported("multiprocessing.queues", self._hook_queues)
        when_imported("anyio._backends._asyncio", self._hook_anyio)
        when_imported("anyio.streams.memory", self._hook_streams)

    def take_out(self) -> None:
        """Restore the functions."""
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

    def _hook_pool(self, module: ModuleType) -> None:
        if self._is_in:
            for name in POOL_METHODS:
                self._replaced.replace(module.Pool, name, _with_errors)

    def _hook_queues(self, module: ModuleType) -> None:
        if self._is_in:
            self._replaced.replace(module.Queue, "get", self._get_from_process)
            self._replaced.replace(module.SimpleQueue, "get", self._get_from_process)

    def _hook_processes(self, module: ModuleType) -> None:
        if self._is_in:
            self._replaced.replace(module.Popen, "poll", self._looks.poll)
            for name in ("wait", "communicate"):
                self._replaced.replace(module.Popen, name, self._threads.wait_for_process)

    def _hook_process(self, module: ModuleType) -> None:
        if self._is_in:
            self._replaced.replace(module.Process, "returncode", self._looks.returncode)

    def _hook_join(self, module: ModuleType) -> None:
        if self._is_in:
            self._replaced.replace(module.BaseProcess, "join", self._threads.wait_for_process)

    def _hook_pipes(self, module: ModuleType) -> None:
        if self._is_in:
            self._replaced.replace(module._UnixWritePipeTransport, "write", self._loops.write)  # noqa: SLF001  no other door

    def _hook_streams(self, module: ModuleType) -> None:
        if self._is_in:
            self._replaced.replace(module.MemoryObjectReceiveStream, "receive_nowait", self._get)
            self._replaced.replace(module.MemoryObjectReceiveStream, "receive", self._receive)
            self._replaced.replace(module.MemoryObjectSendStream, "send_nowait", self._put)

    # ── who works on what ────────────────────────────────────────────────────────────────────────────────────────

    def _create_task(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap `BaseEventLoop.create_task`: `as_completed` starts its tasks in the random order of a set."""

        def create_task(loop: Any, coro: Any, **kwargs: Any) -> Any:
            if not _is_called_by("as_completed"):
                return original(loop, coro, **kwargs)
            return original(loop, self._loosened(coro), **kwargs)

        return create_task

    async def _loosened(self, coro: Any) -> Any:
        self._player.loosen(current_lane().id)
        return await coro

    def _put(self, original: Callable[..., None]) -> Callable[..., None]:
        """Wrap a queue's `put`: with several producers, the order of items depends on which producer is done first."""

        @functools.wraps(original)
        def put(source: Any, *args: Any, **kwargs: Any) -> None:
            self._gave_to(source)
            original(source, *args, **kwargs)

        return put

    def _get(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a queue's `get`: with several consumers, each item goes to the consumer that is free first."""

        @functools.wraps(original)
        def get(source: Any, *args: Any, **kwargs: Any) -> Any:
            item = original(source, *args, **kwargs)
            self._took_from(source)
            return item

        return get

    def _receive(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the `receive` of anyio's streams, which hand items to waiting consumers without `receive_nowait`."""

        @functools.wraps(original)
        async def receive(source: Any) -> Any:
            item = await original(source)
            self._took_from(source)
            return item

        return receive

    def _gave_to(self, source: Any) -> None:
        if self._threads.take_part():
            self._producers.setdefault(getattr(source, "_state", source), set()).add(current_lane().id)

    def _took_from(self, source: Any) -> None:
        if not self._threads.take_part():
            # A worker of a pool between its jobs.
            return
        source = getattr(source, "_state", source)
        lane = current_lane().id
        if len(self._producers.get(source, ())) > 1 or _is_called_by("_wait_for_one"):
            self._player.arrive(lane)
        consumers = self._consumers.setdefault(source, set())
        if lane not in consumers:
            consumers.add(lane)
            self._player.share(lane)
            for each in consumers if len(consumers) > 1 else ():
                self._player.loosen(each)

    def _get_from_process(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the `get` of a queue between processes, whose other consumers and producers cannot be seen."""

        @functools.wraps(original)
        def get(source: Any, *args: Any, **kwargs: Any) -> Any:
            item = original(source, *args, **kwargs)
            lane = current_lane().id
            if _is_child_process():
                self._player.share(lane)
                self._player.loosen(lane)
            else:
                self._player.arrive(lane)
            return item

        return get

    # ── who goes on with what is done first ──────────────────────────────────────────────────────────────────────

    def _wait(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the coroutine that `asyncio.wait` waits in."""

        @functools.wraps(original)
        async def wait(fs: Any, timeout_s: float | None, return_when: str, loop: Any) -> Any:
            found = await original(fs, timeout_s, return_when, loop)
            if return_when != asyncio.ALL_COMPLETED:
                self._player.arrive(current_lane().id)
            return found

        return wait

    def _wait_for_jobs(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the function that `concurrent.futures.wait` begins with."""

        @functools.wraps(original)
        def create(fs: Any, return_when: str) -> Any:
            if return_when != concurrent.futures.ALL_COMPLETED:
                self._player.arrive(current_lane().id)
            return original(fs, return_when)

        return create

    def _finished_jobs(self, original: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """Wrap the iterator from which `concurrent.futures.as_completed` takes its results."""

        @functools.wraps(original)
        def finished(*args: Any, **kwargs: Any) -> Iterator[Any]:
            for job in original(*args, **kwargs):
                self._player.arrive(current_lane().id)
                yield job

        return finished


def _with_errors(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a pool's method so that a function run on a thread raises nothing but an `Exception`.

    Any other error would end the thread silently, and the thread that waits for the result would wait for ever.
    """

    @functools.wraps(original)
    def give(pool: Any, /, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        is_of_threads = type(pool).__name__ == "ThreadPool"
        return original(pool, functools.partial(_raise_error, func) if is_of_threads else func, *args, **kwargs)

    return give


def _raise_error(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return func(*args, **kwargs)
    except (ReplayDivergence, ReplayImpossible) as raised:
        raise ReplayError(str(raised)) from None


def _is_child_process() -> bool:
    """Return whether `multiprocessing` started this process."""
    return sys.modules["multiprocessing.process"].parent_process() is not None


def _is_called_by(name: str) -> bool:
    """Return whether a function called `name` is near in the caller's stack."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  cheap, and only in a replay
    for _ in range(_DEPTH):
        if frame is None:
            return False
        if frame.f_code.co_name == name:
            return True
        frame = frame.f_back
    return False
