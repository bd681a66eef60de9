"""Carries the current span into processes that `multiprocessing` starts, and into the tasks of its pools.

A forked child has the parent's memory, and with it the place it was started from. A fresh one (spawn, forkserver) gets
it with its pickled `Process` object. A pool's worker serves whoever gives it a task, so it has no place of its own:
each task brings the place in which it was given.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry import trace as otel_trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from tracekit.instrument.clock import AnchoredClock
from tracekit.instrument.context import Attached, attach_context, current_span
from tracekit.instrument.guard import guarded
from tracekit.instrument.lanes import main_lane
from tracekit.instrument.live import LiveRun, LiveSpan
from tracekit.instrument.recorder import active
from tracekit.instrument.units import Unit, UnitKind, begin_unit, end_unit
from tracekit.model.run import RunInfo

__all__ = ["POOL_METHODS", "Place", "ProcessRunner", "RemoteCall", "give_remote_call", "start", "when_entered"]

POOL_METHODS = ("apply_async", "map", "map_async", "starmap", "starmap_async", "imap", "imap_unordered")
"""The methods of `multiprocessing.pool.Pool` that take a function and give it to the workers."""

_POOLS = frozenset(("concurrent.futures.process", "multiprocessing.pool"))

_activate: list[Callable[[], None]] = []


def when_entered(activate: Callable[[], None]) -> None:
    """Call `activate` in a process that was started by a recorded one, before its target runs."""
    _activate[:] = [activate]


# ── where a process or a task comes from ─────────────────────────────────────────────────────────────────────────────


class Place(NamedTuple):
    """A span of a run, as another process on the same machine receives it; `offset_ns` is its clock's offset.

    It is a `home` where the run is that of a program or of a unit of work, which other runs may begin in: see `Homes`.
    `span` is empty where such a run has no span of its own.
    """

    run: RunInfo
    span: str
    trace: str
    flags: int
    offset_ns: int | None
    home: UnitKind | None = None

    def enter(self) -> Callable[[], object]:
        """Make the span of another process current in this process; returns the function that undoes this."""
        remote = LiveSpan(
            "span",
            "",
            id=self.span,
            trace=self.trace,
            parent=None,
            begin_ns=0,
            lane=main_lane(),
            attributes={},
            otel=self._otel(),
        )
        recorder = active()
        if recorder is not None and self.offset_ns is not None and isinstance(recorder.clock, AnchoredClock):
            recorder.clock.offset_ns = self.offset_ns
        remote.run = LiveRun(self.run)
        remote.run.written = remote.written = True
        if self.home:
            unit = Unit(self.home, self.run.name)
            unit.run, unit.span = remote.run, remote if self.span else None
            return functools.partial(end_unit, begin_unit(unit))
        return Attached(remote).detach

    def _otel(self) -> NonRecordingSpan | None:
        """The span for OpenTelemetry, unless the application has carried its own trace here."""
        if not self.trace or otel_trace.get_current_span().get_span_context().is_valid:
            return None
        context = SpanContext(
            int(self.trace, 16), int(self.span, 16), is_remote=True, trace_flags=TraceFlags(self.flags)
        )
        return NonRecordingSpan(context)


@guarded
def _place() -> Place | None:
    """The caller's place. A trace in which nothing of interest has happened yet is none: it may never be written."""
    live, recorder = current_span(), active()
    if recorder is None:
        return None
    offset_ns = recorder.clock.offset_ns if isinstance(recorder.clock, AnchoredClock) else None
    if live is None and recorder.process is None:
        home = recorder.homes.share()
        if isinstance(home, LiveRun):
            return Place(home.info, "", "", TraceFlags.DEFAULT, offset_ns, "job")
        # The span of the program is written at its end, if anything of interest was in it.
        return (
            Place(home.run.info, home.id, "", TraceFlags.DEFAULT, offset_ns, "program") if home and home.run else None
        )
    if live is None or not recorder.is_within_run(live):
        return None
    recorder.write_begin(live)
    if live.run is None:
        return None
    flags = live.otel.get_span_context().trace_flags if live.otel is not None else TraceFlags.DEFAULT
    return Place(live.run.info, live.id, live.trace, int(flags), offset_ns)


# ── processes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def start(original: Callable[..., None]) -> Callable[..., None]:
    """`BaseProcess.start`, which lets the new process begin with an `ProcessRunner`."""

    @functools.wraps(original)
    def start(process: Any) -> None:
        entry = _prepare(process)
        try:
            original(process)
        finally:
            if entry is not None:
                process.__dict__.pop("run", None)

    return start


@guarded
def _prepare(process: Any) -> ProcessRunner | None:
    if active() is None or "run" in process.__dict__:
        return None
    serves_pool = getattr(getattr(process, "_target", None), "__module__", None) in _POOLS
    process.run = ProcessRunner(process, None if serves_pool else _place(), serves_pool=serves_pool)
    return process.run  # type: ignore[no-any-return]  # the entry set in the line before


class ProcessRunner:
    """Runs the `run` of a process under the span that started the process, and records that it ended normally.

    What starts the recording is pickled by its name, so that a fresh process imports it.
    """

    def __init__(self, process: Any, place: Place | None, *, serves_pool: bool) -> None:
        self._activate = _activate[0] if _activate else None
        self._process = process
        self._place = place
        self._serves_pool = serves_pool

    def __call__(self) -> None:
        """Run the process's `run`; called by `multiprocessing` in the new process."""
        del self._process.run
        self._begin()
        try:
            self._process.run()
        finally:
            self._end()

    @guarded
    def _begin(self) -> None:
        if self._activate is not None:
            self._activate()
        if self._serves_pool:
            attach_context(Context())
        elif self._place is not None and active() is not None and current_span() is None:
            self._place.enter()

    @guarded
    def _end(self) -> None:
        # `multiprocessing` ends a forked child without calling what `atexit` knows of.
        recorder = active()
        if recorder is not None:
            recorder.exit()


# ── tasks of pools ───────────────────────────────────────────────────────────────────────────────────────────────────


def give_remote_call(original: Callable[..., Any]) -> Callable[..., Any]:
    """A pool's method that takes a function, which lets it run in the caller's place."""

    @functools.wraps(original)
    def give(pool: Any, /, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return original(pool, _task(pool, func) or func, *args, **kwargs)

    return give


@guarded
def _task(pool: Any, function: Callable[..., Any]) -> RemoteCall | None:
    if type(pool).__name__ == "ThreadPool":
        # Its workers are threads of this process.
        return None
    place, recorder = _place(), active()
    is_exported = recorder is not None and recorder.exporter is not None
    return RemoteCall(function, place) if place is not None or is_exported else None


class RemoteCall:
    """A function that runs in another process as if called here, under the span of `place`, if any."""

    def __init__(self, function: Callable[..., Any], place: Place | None) -> None:
        self._activate = _activate[0] if _activate else None
        self._function = function
        self._place = place

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, in the worker."""
        leave = self._enter()
        try:
            return self._function(*args, **kwargs)
        finally:
            if leave is not None:
                leave()
            self._settle()

    @guarded
    def _settle(self) -> None:
        # A pool may end its workers by a signal as soon as it has the last result.
        recorder = active()
        if recorder is not None and recorder.exporter is not None:
            recorder.exporter.settle()

    @guarded
    def _enter(self) -> Callable[[], object] | None:
        if self._activate is not None:
            self._activate()
        return self._place.enter() if self._place is not None and active() is not None else None
