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

from tracekit.instrument import lanes
from tracekit.instrument.agent_sdk import hear_of_sessions
from tracekit.instrument.arriving import create_server, hear_of_arrivals
from tracekit.instrument.callers import function_of, functions_around
from tracekit.instrument.context import attach_context
from tracekit.instrument.greenlets import SPAWNING, begin_greenlet, spawn, start_in_group
from tracekit.instrument.guard import guarded
from tracekit.instrument.importing import when_imported
from tracekit.instrument.recorder import active
from tracekit.instrument.replaced import Replaced
from tracekit.instrument.sdk.current import current_call
from tracekit.instrument.tool_hints import hear_of_tools
from tracekit.instrument.units import note_start

__all__ = ["Carried", "carry", "is_of_a_pool", "new_lane", "stop_carrying"]

_POOLS = ("anyio.", "trio.", "concurrent.futures.", "tracekit.otlp.")
"""Modules whose threads belong to a pool: their jobs bring their context and lane, so the thread has none; and ours."""

_replaced = Replaced()


class _CarrySwitch:
    """The switch that turns the wrapping of threads, jobs and tasks on; modules may be imported before or after it."""

    is_on = False


@guarded
def _replace(owner: type | ModuleType, name: str, make: Callable[[Any], Any]) -> None:
    if _CarrySwitch.is_on:
        _replaced.replace(owner, name, make)


def carry() -> None:
    """Wrap what starts threads, jobs, tasks and processes. Harmless twice."""
    if _CarrySwitch.is_on:
        return
    _CarrySwitch.is_on = True
    _replace(threading.Thread, "start", _start)
    when_imported("concurrent.futures.thread", lambda module: _replace(module.ThreadPoolExecutor, "submit", _submit))
    when_imported("asyncio.base_events", lambda module: _replace(module.BaseEventLoop, "create_task", _create_task))
    when_imported("uvloop", _hook_uvloop)
    when_imported("trio._core._run", _hook_trio)
    when_imported("multiprocessing.process", _hook_process)
    when_imported("subprocess", _hook_subprocess)
    when_imported("concurrent.futures.process", _hook_process_pool)
    when_imported("multiprocessing.pool", _hook_pool)
    when_imported("gevent", _hook_gevent)
    when_imported("eventlet.greenthread", lambda module: _replace(module.GreenThread, "__init__", begin_greenlet))
    when_imported("gevent.pool", lambda module: _replace(module.Group, "start", start_in_group))
    hear_of_arrivals(_replace)
    hear_of_tools(_replace)
    hear_of_sessions(_replace)


def stop_carrying() -> None:
    """Restore what `carry` wrapped."""
    _CarrySwitch.is_on = False
    _replaced.restore()
    lanes.main_lane().forget_arrivals()


def _hook_trio(module: ModuleType) -> None:
    _replace(module.Nursery, "start_soon", _start_soon)
    _replace(module.Nursery, "start", _start_in_nursery)


def _hook_uvloop(module: ModuleType) -> None:
    _replace(module.Loop, "create_task", _create_task)
    _replace(module.Loop, "create_server", create_server)


def _hook_gevent(module: ModuleType) -> None:
    for name in SPAWNING:
        _replace(module, name, spawn)


def _hook_process(module: ModuleType) -> None:
    from tracekit.instrument.processes import start  # noqa: PLC0415  loads with the first use of multiprocessing

    _replace(module.BaseProcess, "start", start)


def _hook_subprocess(module: ModuleType) -> None:
    from tracekit.instrument.programs import start_program  # noqa: PLC0415  loads with the first use of subprocess

    _replace(module.Popen, "__init__", start_program)


def _hook_process_pool(module: ModuleType) -> None:
    from tracekit.instrument.processes import give_remote_call  # noqa: PLC0415  see above

    _replace(module.ProcessPoolExecutor, "submit", give_remote_call)


def _hook_pool(module: ModuleType) -> None:
    from tracekit.instrument.processes import POOL_METHODS, give_remote_call  # noqa: PLC0415  see above
    from tracekit.instrument.thread_pools import give_jobs  # noqa: PLC0415  see above

    for name in POOL_METHODS:
        _replace(module.Pool, name, give_remote_call)
        _replace(module.Pool, name, give_jobs)


@guarded
def new_lane(kind: lanes.LaneKind, started: Any, parent: lanes.Lane | None = None) -> lanes.Lane | None:
    """A lane for `started`, a coroutine or a function, which `parent`, by default the caller, is about to start.

    None if nothing is recorded, or if it is the SDK that starts it.
    """
    recorder = active()
    if recorder is None or current_call() is not None:
        return None
    if parent is None:
        lane = lanes.new_child(kind)
        note_start(lane)
    else:
        lane = parent.child(kind)
    lane.function = function_of(started) or "".join(functions_around(_within(lane.parent), most=1))
    recorder.upstream.lane_started(lane)
    return lane


def _within(lane: lanes.Lane | None) -> int:
    return 0 if lane is None else lane.within


# ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Carried:
    """The caller's context and a lane, for code that is to run on another thread."""

    __slots__ = ("_context", "_lane")

    def __init__(self, lane: lanes.Lane) -> None:
        self._lane = lane
        self._context = otel_context.get_current()

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `function` there."""
        leave = self._enter()
        try:
            return function(*args, **kwargs)
        finally:
            if leave is not None:
                leave()

    @guarded
    def _enter(self) -> Callable[[], None] | None:
        recorder = active()
        if recorder is None:
            return None
        lane, context = lanes.enter(self._lane, recorder.clock.now_ns()), attach_context(self._context)

        def leave() -> None:
            lanes.leave(lane)
            attach_context(context)

        return leave


def _start(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def start(thread: threading.Thread) -> None:
        if not is_of_a_pool(thread):
            lane = new_lane("thread", getattr(thread, "_target", None) or thread.run)
            if lane is not None:
                _prepare(thread, Carried(lane))
        original(thread)

    return start


def is_of_a_pool(thread: threading.Thread) -> bool:
    """Return whether `thread` belongs to a pool or to tracekit; then its jobs carry the context."""
    target = getattr(thread, "_target", None)
    return f"{type(thread).__module__}.".startswith(_POOLS) or f"{getattr(target, '__module__', '')}.".startswith(
        _POOLS
    )


@guarded
def _prepare(thread: threading.Thread, carried: Carried) -> None:
    """Let `thread` run in `carried`. What replaces `run` removes itself when the thread begins."""
    run, own = thread.run, thread.__dict__.get("run")

    def run_carried() -> None:
        del thread.run  # the instance's, set below
        if own is not None:
            thread.run = own  # type: ignore[method-assign]
        carried.call(run)

    thread.run = run_carried  # type: ignore[method-assign]


def _submit(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def submit(executor: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        lane = new_lane("job", fn)
        if lane is None:
            return original(executor, fn, *args, **kwargs)
        return original(executor, Carried(lane).call, fn, *args, **kwargs)

    return submit


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _create_task(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def create_task(loop: Any, coro: Any, **kwargs: Any) -> Any:
        lane = None
        if not _is_of_the_collector(coro) and not loop.is_closed():
            lane = new_lane("task", coro)
        if lane is None:
            return original(loop, coro, **kwargs)
        _note_first_step(loop, lane)
        if kwargs.get("context") is None:
            # Made inside the context rather than with it, as a task factory may not know the argument.
            task = lanes.context_of_task(lane).run(original, loop, coro, **kwargs)
        else:
            if lanes.running_asyncio() is not None:
                # Not the one task of `asyncio.run`, which brings a context, too.
                lane.share_context()
            task = original(loop, coro, **kwargs)
        _adopt_task(task, lane)
        return task

    return create_task


_adopt_task = guarded(lanes.adopt_task)


def _is_of_the_collector(coro: Any) -> bool:
    """Return whether `coro` closes an object that the garbage collector found, and so is not the program's own task.

    Event loops close abandoned asynchronous generators in tasks, and the SDK its HTTP clients.
    """
    return type(coro).__name__ == "async_generator_athrow" or getattr(coro, "__qualname__", "") == "AsyncClient.aclose"


@guarded
def _note_first_step(loop: Any, lane: lanes.Lane) -> None:
    recorder = active()

    def first_step() -> None:
        if recorder is not None:
            lane.first_ns = recorder.clock.now_ns()

    # The loop runs what is ready in order, so this runs right before the task's own first step.
    loop.call_soon(first_step)


def _start_soon(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def start_soon(nursery: Any, *args: Any, **kwargs: Any) -> None:
        lane = new_lane("nursery", args[0] if args else None)
        if lane is None:
            return original(nursery, *args, **kwargs)
        return lanes.context_of_task(lane).run(original, nursery, *args, **kwargs)

    return start_soon


def _start_in_nursery(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def start(nursery: Any, *args: Any, **kwargs: Any) -> Any:
        if active() is not None:
            # The new task gets a copy of the context of this one, whose lane must be taken by then.
            _take_lane()
        return original(nursery, *args, **kwargs)

    return start


_take_lane = guarded(lanes.current_lane)
