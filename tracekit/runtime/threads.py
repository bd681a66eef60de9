"""Between code that blocks and code that must not: sync tools and clients off the loop, and `run_sync`."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakSet

from tracekit.instrument.lanes import acting_for, current_lane

__all__ = ["change_loop", "end_loop", "in_thread", "run_sync"]

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call `function` on a thread of its own, with the caller's context variables.

    The thread is a daemon and belongs to no pool, so one that hangs holds up neither others nor the program's end.
    Whoever stops waiting leaves it to end by itself.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[T | None, BaseException | None]] = loop.create_future()
    context = contextvars.copy_context()

    def tell(result: T | None, error: BaseException | None) -> None:
        if not done.done():
            done.set_result((result, error))

    def work() -> None:
        result, failed = None, None
        try:
            result = context.run(function, *args)
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            failed = error
        # The loop may be closed by now, when nobody waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, result, failed)

    threading.Thread(target=work, name=f"tracekit-{getattr(function, '__name__', 'call')}", daemon=True).start()
    result, failed = await done
    if failed is not None:
        raise failed
    return result  # type: ignore[return-value]  # None only if the function returned it


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run `coroutine` from code that is not asynchronous, even where an event loop is running on this thread.

    All of them run on one loop, on a thread of its own: the connections of an asynchronous client belong to the loop
    that opened them, and would be dead in the next `asyncio.run`. An interrupt of the caller cancels the coroutine.
    """
    loop = _Loop.running()
    outcome: Future[T] = Future()
    started: list[asyncio.Task[T]] = []

    caller = current_lane()

    def start() -> None:
        with acting_for(caller):
            started.append(loop.create_task(coroutine))
        started[0].add_done_callback(finish)

    def stop() -> None:
        started[0].cancel()

    def finish(task: asyncio.Task[T]) -> None:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(task.result())

    loop.call_soon_threadsafe(start)
    try:
        return outcome.result()
    except BaseException:
        if not outcome.done():
            loop.call_soon_threadsafe(stop)
            # What is cancelled has its own ending to do. A second interrupt ends the wait for that.
            wait([outcome])
        raise


def change_loop(to: asyncio.AbstractEventLoop | None = None) -> asyncio.AbstractEventLoop | None:
    """Let `run_sync` use the loop `to`, or a new one, and return the loop used before, still running."""
    return _Loop.change(to)


def end_loop(loop: asyncio.AbstractEventLoop) -> None:
    """End a loop that `change_loop` gave, and its thread."""
    _ended.add(loop)
    loop.call_soon_threadsafe(loop.stop)


_ended: WeakSet[asyncio.AbstractEventLoop] = WeakSet()


class _Loop:
    """The loop of `run_sync`, made at its first use."""

    _loop: asyncio.AbstractEventLoop | None = None
    _lock = threading.Lock()

    @classmethod
    def running(cls) -> asyncio.AbstractEventLoop:
        with cls._lock:
            if cls._loop is None:
                cls._loop = asyncio.new_event_loop()
                thread = threading.Thread(target=_run, args=(cls._loop,), name="tracekit-run-sync", daemon=True)
                # An empty context: the thread outlives the caller, whose span it would else stand in for ever.
                contextvars.Context().run(thread.start)
            return cls._loop

    @classmethod
    def change(cls, loop: asyncio.AbstractEventLoop | None) -> asyncio.AbstractEventLoop | None:
        """Use `loop` from now on, or a new one; returns the one before."""
        with cls._lock:
            before, cls._loop = cls._loop, loop
        return before

    @classmethod
    def forget(cls) -> None:
        """A forked child has the loop without its thread."""
        cls._loop, cls._lock = None, threading.Lock()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    while loop not in _ended:
        # An exit or interrupt that a task raises ends `run_forever`, and is the waiting caller's to get.
        with suppress(SystemExit, KeyboardInterrupt):
            loop.run_forever()
    loop.close()


os.register_at_fork(after_in_child=_Loop.forget)
