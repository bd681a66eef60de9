"""Threads on the replay's clock: who works, who waits for whom, and sleeps that take no real time."""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from tracekit.replayer.clock import Participant, VirtualClock

__all__ = ["Threads"]

_REAL_SLEEP = time.sleep
_POOLS = ("anyio.", "trio.", "concurrent.futures.")
"""Modules whose threads belong to a pool: their jobs take part, and the threads between them do not."""


class Threads:
    """What to put in place of the methods that start threads, and of those that wait; each takes the original."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._ended: WeakSet[threading.Thread] = WeakSet()
        self._waiting: WeakKeyDictionary[threading.Condition, deque[list[bool]]] = WeakKeyDictionary()
        self._pools: WeakKeyDictionary[Any, _Pool] = WeakKeyDictionary()
        self._submitting = threading.local()

    # ── sleeps ───────────────────────────────────────────────────────────────────────────────────────────────────

    def sleep(self, original: Callable[[float], None]) -> Callable[[float], None]:
        """`time.sleep`, for threads that take part."""

        @functools.wraps(original)
        def sleep(seconds: float, /) -> None:
            if self._clock.me() is None or not seconds > 0:
                original(seconds)
            else:
                self._clock.wait_until(self._clock.now_ns() + round(seconds * 1e9))

        return sleep

    # ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, original: Callable[..., None]) -> Callable[..., None]:
        """`Thread.start`."""

        @functools.wraps(original)
        def start(thread: threading.Thread) -> None:
            if _is_of_a_pool(thread) or self._clock.me() is None:
                original(thread)
                return
            participant = self._clock.expect()
            self._run_as(thread, participant)
            try:
                original(thread)
            except BaseException:
                self._clock.leave(participant)
                raise

        return start

    def _run_as(self, thread: threading.Thread, participant: Participant) -> None:
        """Let `thread` be `participant` while it runs. What replaces `run` removes itself when the thread begins."""
        run, own = thread.run, thread.__dict__.get("run")

        def run_as() -> None:
            del thread.run  # the instance's, set below
            if own is not None:
                thread.run = own  # type: ignore[method-assign]
            self._clock.bind(participant)
            try:
                run()
            finally:
                self._ended.add(thread)
                self._clock.unbind(None)
                self._clock.leave(participant)

        thread.run = run_as  # type: ignore[method-assign]

    def join(self, original: Callable[..., None]) -> Callable[..., None]:
        """`Thread.join`."""

        @functools.wraps(original)
        def join(thread: threading.Thread, *args: Any, **kwargs: Any) -> None:
            with self._clock.blocked(lambda: thread.is_alive() and thread not in self._ended):
                original(thread, *args, **kwargs)

        return join

    # ── conditions, on which events, queues and futures wait ─────────────────────────────────────────────────────

    def wait(self, original: Callable[..., bool]) -> Callable[..., bool]:
        """`Condition.wait`."""

        @functools.wraps(original)
        def wait(condition: threading.Condition, *args: Any, **kwargs: Any) -> bool:
            if self._clock.me() is None:
                return original(condition, *args, **kwargs)
            notified: list[bool] = []
            self._waiting.setdefault(condition, deque()).append(notified)
            try:
                with self._clock.blocked(lambda: not notified):
                    return original(condition, *args, **kwargs)
            finally:
                waiting = self._waiting.get(condition)
                if waiting is not None and notified in waiting:
                    _remove(waiting, notified)

        return wait

    def notify(self, original: Callable[..., None]) -> Callable[..., None]:
        """`Condition.notify`."""

        @functools.wraps(original)
        def notify(condition: threading.Condition, n: int = 1) -> None:
            waiting = self._waiting.get(condition)
            for _ in range(min(n, len(waiting) if waiting is not None else 0)):
                if waiting:
                    waiting.popleft().append(True)
            original(condition, n)

        return notify

    # ── pools ────────────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, original: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
        """`ThreadPoolExecutor.submit`."""

        @functools.wraps(original)
        def submit(executor: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            if self._clock.me() is None:
                return original(executor, fn, *args, **kwargs)
            pool = self._pools.setdefault(executor, _Pool(self._clock, executor._max_workers))  # noqa: SLF001  no other door
            job = pool.add()
            try:
                future = original(executor, functools.partial(self._run_job, job, fn), *args, **kwargs)
            except BaseException:
                pool.done(job)
                raise
            job.future = future
            return future

        return submit

    def run_item(self, original: Callable[..., None]) -> Callable[..., None]:
        """`_WorkItem.run`: when it returns, whoever waits for the job has been told."""

        @functools.wraps(original)
        def run(item: Any, *args: Any, **kwargs: Any) -> None:
            before, self._submitting.job = getattr(self._submitting, "job", None), None
            try:
                original(item, *args, **kwargs)
            finally:
                job, self._submitting.job = self._submitting.job, before
                if job is not None:
                    self._clock.unbind(None)
                    job.pool.done(job)

        return run

    def _run_job(self, job: _Job, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._submitting.job = job
        if job.participant is not None:
            job.participant.blocked = None
            self._clock.bind(job.participant)
        return fn(*args, **kwargs)

    def run_in_worker(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Anyio's ``run_sync_in_worker_thread``: the job is over when the task that waits for it goes on."""

        @functools.wraps(original)
        async def run_in_worker(cls: Any, func: Callable[..., Any], args: Any, *more: Any, **kwargs: Any) -> Any:
            participant = self._clock.expect()

            def bound(*given: Any) -> Any:
                self._clock.bind(participant)
                try:
                    return func(*given)
                finally:
                    self._clock.unbind(None)

            try:
                return await original(cls, bound, args, *more, **kwargs)
            finally:
                self._clock.leave(participant)

        return run_in_worker


def _remove(waiting: deque[list[bool]], notified: list[bool]) -> None:
    for place, each in enumerate(waiting):
        if each is notified:
            del waiting[place]
            return


def _is_of_a_pool(thread: threading.Thread) -> bool:
    target = getattr(thread, "_target", None)
    return f"{type(thread).__module__}.".startswith(_POOLS) or f"{getattr(target, '__module__', '')}.".startswith(
        _POOLS
    )


class _Job:
    """A job of a pool. It takes part from when there is a worker for it."""

    __slots__ = ("future", "participant", "pool")

    def __init__(self, pool: _Pool) -> None:
        self.pool = pool
        self.participant: Participant | None = None
        self.future: Future[Any] | None = None

    def begin(self, clock: VirtualClock) -> None:
        """There is a worker for it."""
        self.participant = clock.expect()
        self.participant.blocked = lambda: self.future is not None and self.future.cancelled()


class _Pool:
    """Which jobs of a pool have a worker: as many as it has workers, in the order in which they came."""

    def __init__(self, clock: VirtualClock, workers: int) -> None:
        self._clock = clock
        self._free = workers
        self._queued: deque[_Job] = deque()
        self._lock = threading.Lock()

    def add(self) -> _Job:
        """A new job."""
        job = _Job(self)
        with self._lock:
            if self._free > 0:
                self._free -= 1
                job.begin(self._clock)
            else:
                self._queued.append(job)
        return job

    def done(self, job: _Job) -> None:
        """`job` is over; the next one has its worker."""
        with self._lock:
            if self._queued:
                self._queued.popleft().begin(self._clock)
            else:
                self._free += 1
        if job.participant is not None:
            self._clock.leave(job.participant)
