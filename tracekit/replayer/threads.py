"""Threads on the replay's clock: which work, which wait for which, and sleeps that take no real time."""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from tracekit.instrument.carry import is_of_a_pool
from tracekit.replayer.clock import VirtualClock
from tracekit.replayer.outside import Looks, looks_after_processes, owed_by_processes
from tracekit.replayer.participants import Participant, Waiter
from tracekit.replayer.simple_queues import simple_queue

__all__ = ["Threads"]

_REAL_SLEEP = time.sleep


class _ThreadJob(threading.local):
    """The state of the calling thread: True in `starts` while it starts another thread, and the job that it runs."""

    starts = False
    job: _Job | None = None


class Threads:
    """Replacements for the methods that start threads and those that wait. Each takes the original."""

    def __init__(self, clock: VirtualClock, looks: Looks) -> None:
        self._clock = clock
        self._looks = looks
        self._ended: WeakSet[threading.Thread] = WeakSet()
        self._joining: WeakKeyDictionary[threading.Thread, list[Waiter]] = WeakKeyDictionary()
        self._pools: WeakKeyDictionary[Any, _Pool] = WeakKeyDictionary()
        self._here = _ThreadJob()

    def take_part(self) -> bool:
        """Return whether the calling thread takes part in the replay's time."""
        return self._clock.me() is not None

    # ── sleeps ───────────────────────────────────────────────────────────────────────────────────────────────────

    def sleep(self, original: Callable[[float], None]) -> Callable[[float], None]:
        """Wrap `time.sleep`, for threads that take part."""

        @functools.wraps(original)
        def sleep(seconds: float, /) -> None:
            if self._clock.me() is None or not seconds > 0:
                original(seconds)
            elif self._looks.take():
                with self._outside():
                    original(seconds)
            else:
                self._clock.wait_until(self._clock.now_ns() + round(seconds * 1e9))

        return sleep

    @contextmanager
    def _outside(self) -> Iterator[None]:
        """Let the calling thread wait in real time within the block; the clock then catches up."""
        since_ns, began_s = self._clock.now_ns(), time.monotonic()
        with self._clock.outside():
            yield
        self._clock.catch_up(since_ns, time.monotonic() - began_s)

    def wait_for_process(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a method that waits for a process: `Popen.wait` and `communicate`, `multiprocessing`'s `join`."""

        @functools.wraps(original)
        def wait(process: Any, *args: Any, **kwargs: Any) -> Any:
            if self._clock.me() is None:
                return original(process, *args, **kwargs)
            since_ns, began_s = self._clock.now_ns(), time.monotonic()
            try:
                return original(process, *args, **kwargs)
            finally:
                self._clock.catch_up(since_ns, time.monotonic() - began_s)

        return wait

    # ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, original: Callable[..., None]) -> Callable[..., None]:
        """Wrap `Thread.start`."""

        @functools.wraps(original)
        def start(thread: threading.Thread) -> None:
            if self._clock.me() is None:
                original(thread)
                return
            # It waits for the thread to begin, which takes no time of the program.
            before, self._here.starts = self._here.starts, True
            try:
                owed = owed_by_processes(thread)
                if owed is None and (is_of_a_pool(thread) or looks_after_processes(thread)):
                    original(thread)
                else:
                    self._start(thread, original, owed)
            finally:
                self._here.starts = before

        return start

    def _start(self, thread: threading.Thread, original: Callable[..., None], owed: Callable[[], bool] | None) -> None:
        participant = self._clock.expect()
        participant.owed = owed
        self._run_as(thread, participant)
        try:
            original(thread)
        except BaseException:
            self._clock.leave(participant)
            raise

    def _run_as(self, thread: threading.Thread, participant: Participant) -> None:
        """Make `thread` be `participant` while it runs. The replaced `run` removes itself when the thread begins."""
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
                for waiter in self._joining.pop(thread, []):
                    with suppress(RuntimeError):
                        waiter.release()
                self._clock.unbind(None)
                self._clock.leave(participant)

        thread.run = run_as  # type: ignore[method-assign]

    def join(self, original: Callable[..., None]) -> Callable[..., None]:
        """Wrap `Thread.join`."""

        @functools.wraps(original)
        def join(thread: threading.Thread, timeout: float | None = None) -> None:
            def is_running() -> bool:
                return thread.is_alive() and thread not in self._ended

            me = self._clock.me()
            if me is None or me.blocked is not None or _is_at_once(timeout) or thread is threading.current_thread():
                original(thread, timeout)
            elif timeout is None:
                with self._clock.blocked(is_running):
                    original(thread)
            elif is_running():
                waiter = Waiter()
                self._joining.setdefault(thread, []).append(waiter)
                # It may have ended meanwhile.
                if not is_running() or self._clock.wait_on(waiter, timeout):
                    original(thread)

        return join

    # ── conditions, on which events, queues and futures wait ─────────────────────────────────────────────────────

    def wait(self, original: Callable[..., bool]) -> Callable[..., bool]:
        """Wrap `Condition.wait`."""

        @functools.wraps(original)
        def wait(condition: Any, timeout: float | None = None) -> bool:
            is_ours = self._clock.me() is not None and not self._here.starts and not _is_at_once(timeout)
            if not is_ours or not condition._is_owned():  # noqa: SLF001  which raises
                return original(condition, timeout)
            if timeout is not None and self._looks.take():
                with self._outside():
                    return original(condition, timeout)
            waiter = Waiter()
            condition._waiters.append(waiter)  # noqa: SLF001  what `notify` releases
            held = condition._release_save()  # noqa: SLF001  as the original does
            notified = False
            try:
                notified = self._clock.wait_on(waiter, timeout)
            finally:
                condition._acquire_restore(held)  # noqa: SLF001  as the original does
                if not notified:
                    with suppress(ValueError):
                        condition._waiters.remove(waiter)  # noqa: SLF001  as the original does
            return notified

        return wait

    def monotonic_s(self, original: Callable[[], float]) -> Callable[[], float]:
        """Wrap the clock by which waits measure their timeouts."""

        def monotonic() -> float:
            return original() if self._clock.me() is None else self._clock.now_ns() / 1e9

        return monotonic

    def simple_queue(self, gave: Callable[[Any], None], took: Callable[[Any], None]) -> Callable[[Any], Any]:
        """Wrap `queue.SimpleQueue`; `gave` and `took` are called with the queue at each put and get."""
        return simple_queue(self._clock, gave, took)

    # ── pools ────────────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, original: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
        """Wrap `ThreadPoolExecutor.submit`."""

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
            # A job that is cancelled before it begins is never run.
            future.add_done_callback(lambda future: pool.done(job) if future.cancelled() else None)
            return future

        return submit

    def run_item(self, original: Callable[..., None]) -> Callable[..., None]:
        """Wrap `_WorkItem.run`: when it returns, the threads that wait for the job have been notified."""

        @functools.wraps(original)
        def run(item: Any, *args: Any, **kwargs: Any) -> None:
            before = self._here.job
            self._here.job = None
            try:
                original(item, *args, **kwargs)
            finally:
                self._over(self._here.job)
                self._here.job = before

        return run

    def _over(self, job: _Job | None) -> None:
        if job is not None:
            self._clock.unbind(None)
            job.pool.done(job)

    def _run_job(self, job: _Job, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._here.job = job
        self._clock.bind(job.take())
        return fn(*args, **kwargs)

    def shutdown(self, original: Callable[..., None]) -> Callable[..., None]:
        """Wrap `ThreadPoolExecutor.shutdown`, which waits for the jobs."""

        @functools.wraps(original)
        def shutdown(executor: Any, *args: Any, **kwargs: Any) -> None:
            pool = self._pools.get(executor)
            if pool is None:
                original(executor, *args, **kwargs)
                return
            with self._clock.blocked(lambda: pool.is_busy):
                original(executor, *args, **kwargs)

        return shutdown

    # ── anyio's own pool ─────────────────────────────────────────────────────────────────────────────────────────

    def run_in_worker(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap anyio's ``run_sync_in_worker_thread``, in which a task waits for a job."""

        @functools.wraps(original)
        async def run_in_worker(cls: Any, func: Callable[..., Any], args: Any, *more: Any, **kwargs: Any) -> Any:
            job = _HandedOver(self._clock, func)
            try:
                return await original(cls, job, args, *more, **kwargs)
            finally:
                job.awaited()

        return run_in_worker

    def put(self, original: Callable[..., None]) -> Callable[..., None]:
        """Wrap `queue.Queue.put`, by which anyio hands jobs to its workers."""

        @functools.wraps(original)
        def put(queue: Any, item: Any, *args: Any, **kwargs: Any) -> None:
            if type(item) is tuple and len(item) > 1 and isinstance(item[1], _HandedOver):
                item[1].begin()
            original(queue, item, *args, **kwargs)

        return put


class _HandedOver:
    """A job of anyio's pool. It takes part while a worker has it or a task awaits it."""

    def __init__(self, clock: VirtualClock, function: Callable[..., Any]) -> None:
        self._clock = clock
        self._function = function
        self._participant: Participant | None = None
        self._runs = False
        self._is_awaited = True

    def begin(self) -> None:
        """Take part from now on: a worker is about to get the job."""
        self._participant = self._clock.expect()

    def __call__(self, *args: Any) -> Any:
        """Run, on the worker's thread."""
        if self._participant is None:
            return self._function(*args)
        self._runs = True
        self._clock.bind(self._participant)
        try:
            return self._function(*args)
        finally:
            self._clock.unbind(None)
            self._runs = False
            if not self._is_awaited:
                self._clock.leave(self._participant)

    def awaited(self) -> None:
        """Note that the waiting task goes on, with a result or without."""
        self._is_awaited = False
        if self._participant is not None and not self._runs:
            self._clock.leave(self._participant)


def _is_at_once(timeout_s: float | None) -> bool:
    return timeout_s is not None and timeout_s <= 0


class _Job:
    """A job of a pool. It takes part once there is a worker for it."""

    __slots__ = ("is_done", "participant", "pool")

    def __init__(self, pool: _Pool) -> None:
        self.pool = pool
        self.participant: Participant | None = None
        self.is_done = False

    def take(self) -> Participant:
        """Return the participant of this job, which a worker now has."""
        return self.pool.begin(self)


class _Pool:
    """The jobs of a pool that have a worker: as many as there are workers, in the order of submission."""

    def __init__(self, clock: VirtualClock, workers: int) -> None:
        self._clock = clock
        self._free = workers
        self._queued: deque[_Job] = deque()
        self._unfinished = 0
        self._lock = threading.RLock()

    @property
    def is_busy(self) -> bool:
        """True while a job is unfinished."""
        return self._unfinished > 0

    def add(self) -> _Job:
        """Add a new job."""
        job = _Job(self)
        with self._lock:
            self._unfinished += 1
            if self._free > 0:
                self._free -= 1
                self.begin(job)
            else:
                self._queued.append(job)
        return job

    def begin(self, job: _Job) -> Participant:
        """Return the participant of `job`, for which there is a worker now."""
        with self._lock:
            if job.participant is None:
                job.participant = self._clock.expect()
            return job.participant

    def done(self, job: _Job) -> None:
        """Note that `job` is over, or will never run; the next job gets its worker."""
        with self._lock:
            if job.is_done:
                return
            job.is_done = True
            self._unfinished -= 1
            if job.participant is None:
                self._queued.remove(job)
                return
            if self._queued:
                self.begin(self._queued.popleft())
            else:
                self._free += 1
        self._clock.leave(job.participant)
