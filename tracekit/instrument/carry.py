"""Carries the current span and the lane into threads, executors' jobs, tasks and processes.

Plain OpenTelemetry loses its context at a new thread and at `ThreadPoolExecutor.submit`. Only OpenTelemetry's context
is carried, never the other context variables of the user, whose values in a thread stay what they are without us.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from tracekit.instrument import lanes
from tracekit.instrument.context import attach_context
from tracekit.instrument.guard import guarded
from tracekit.instrument.importing import when_imported
from tracekit.instrument.recorder import active
from tracekit.instrument.sdk.call import CURRENT_CALL

__all__ = ["carry", "stop_carrying"]

_originals: list[tuple[type, str, Any]] = []


class _Starting(threading.local):
    """Whether this thread is inside an executor that may start a worker, which belongs to the pool."""

    worker = False


_starting = _Starting()


def carry() -> None:
    """Wrap what starts threads, jobs, tasks and processes. Harmless twice."""
    if _originals:
        return
    _replace(threading.Thread, "start", _start)
    when_imported("concurrent.futures.thread", _hook_executor)
    when_imported("asyncio.base_events", _hook_event_loop)
    when_imported("multiprocessing.process", _hook_process)


def stop_carrying() -> None:
    """Restore what `carry` wrapped."""
    while _originals:
        owner, name, original = _originals.pop()
        setattr(owner, name, original)


def _replace(owner: type, name: str, make: Callable[[Any], Any]) -> None:
    original = owner.__dict__[name]
    _originals.append((owner, name, original))
    setattr(owner, name, make(original))


def _hook_executor(module: ModuleType) -> None:
    _replace(module.ThreadPoolExecutor, "submit", _submit)


def _hook_event_loop(module: ModuleType) -> None:
    _replace(module.BaseEventLoop, "create_task", _create_task)


def _hook_process(module: ModuleType) -> None:
    from tracekit.instrument.processes import start  # noqa: PLC0415  loads with the first use of multiprocessing

    _replace(module.BaseProcess, "start", start)


# ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _start(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def start(thread: threading.Thread) -> None:
        if active() is not None and not _starting.worker and CURRENT_CALL.get() is None:
            _prepare(thread)
        original(thread)

    return start


@guarded
def _prepare(thread: threading.Thread) -> None:
    """Let `thread` run in its own lane and in the starter's context. What replaces `run` removes itself."""
    if type(thread).__module__.startswith("anyio."):
        # A worker of anyio's pool: its jobs bring their context, and their lane is the asker's.
        return
    run, lane, context = thread.run, lanes.new_child("thread"), otel_context.get_current()

    def carried() -> None:
        del thread.run  # type: ignore[method-assign]  # the instance's own, set below
        _run_carried(lane, context, run)

    thread.run = carried  # type: ignore[method-assign]


def _run_carried(lane: lanes.Lane, context: Context, function: Callable[[], Any]) -> Any:
    recorder = active()
    if recorder is None:
        return function()
    before = attach_context(context) if context else None
    try:
        return lanes.run_in_lane(lane, recorder.clock.now_ns(), function)
    finally:
        if before is not None:
            attach_context(before)


def _submit(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def submit(executor: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if active() is None or CURRENT_CALL.get() is not None:
            return original(executor, fn, *args, **kwargs)
        job = _Job(fn, lanes.new_child("job"), otel_context.get_current())
        _starting.worker, before = True, _starting.worker
        try:
            return original(executor, job, *args, **kwargs)
        finally:
            _starting.worker = before

    return submit


class _Job:
    """A submitted function with the lane and the context it was submitted in."""

    __slots__ = ("_context", "_function", "_lane")

    def __init__(self, function: Callable[..., Any], lane: lanes.Lane, context: Context) -> None:
        self._function = function
        self._lane = lane
        self._context = context

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _run_carried(self._lane, self._context, functools.partial(self._function, *args, **kwargs))


# ── asyncio tasks ────────────────────────────────────────────────────────────────────────────────────────────────────


def _create_task(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def create_task(loop: Any, coro: Any, **kwargs: Any) -> Any:
        recorder = active()
        if recorder is None or CURRENT_CALL.get() is not None:
            return original(loop, coro, **kwargs)
        lane = lanes.new_child("task")
        if kwargs.get("context") is None and loop.get_task_factory() is None:
            # A factory of the user's may not know the argument.
            kwargs["context"] = lanes.start_task_lane(lane)

        def first_step() -> None:
            lane.first_ns = recorder.clock.now_ns()

        # The loop runs what is ready in order, so this runs right before the task's own first step.
        loop.call_soon(first_step)
        task = original(loop, coro, **kwargs)
        lanes.adopt_task(task, lane)
        return task

    return create_task
