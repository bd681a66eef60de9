"""Carries the current span into a process that `multiprocessing` starts afresh (spawn, forkserver).

A forked child has the parent's memory, so it needs nothing. A fresh one gets, with its pickled `Process` object, the
run and the span in which it was started.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from opentelemetry import trace as otel_trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from tracekit.instrument.context import Attached, current_span
from tracekit.instrument.guard import guarded
from tracekit.instrument.lanes import main_lane
from tracekit.instrument.live import LiveRun, LiveSpan
from tracekit.instrument.recorder import active
from tracekit.model.run import RunInfo

__all__ = ["start", "when_entered"]

_activate: list[Callable[[], None]] = []


def when_entered(activate: Callable[[], None]) -> None:
    """Call `activate` in a process that was started from a recorded span, before its target runs."""
    _activate[:] = [activate]


def start(original: Callable[..., None]) -> Callable[..., None]:
    """`BaseProcess.start`, which gives a process that starts afresh the place it is started from."""

    @functools.wraps(original)
    def start(process: Any) -> None:
        if active() is not None and _starts_afresh(process):
            _prepare(process)
        original(process)

    return start


def _starts_afresh(process: Any) -> bool:
    """Whether the new process does not share the memory of this one."""
    import multiprocessing  # noqa: PLC0415  loaded by now

    return (getattr(process, "_start_method", None) or multiprocessing.get_start_method()) != "fork"


@guarded
def _prepare(process: Any) -> None:
    live = current_span()
    recorder = active()
    if live is None or recorder is None or "run" in process.__dict__:
        return
    recorder.write_begin(live)
    if live.run is not None:
        activate = _activate[0] if _activate else None
        process.run = Entry(process, live.run.info, live.id, live.trace, activate)


class Entry:
    """Runs a process's own `run` in the span in which the process was started.

    `activate` is pickled by its name, so that the new process imports what starts the recording there.
    """

    def __init__(
        self, process: Any, run: RunInfo, span_id: str, trace: str, activate: Callable[[], None] | None
    ) -> None:
        self._activate = activate
        self._process = process
        self._run = run
        self._span_id = span_id
        self._trace = trace
        self._pid = os.getpid()

    def __call__(self) -> None:
        """Run the process's `run`; called by `multiprocessing` in the new process."""
        del self._process.run
        self._attach()
        self._process.run()

    @guarded
    def _attach(self) -> None:
        if self._activate is not None:
            self._activate()
        if self._pid == os.getpid() or active() is None:
            return
        otel = None
        if self._trace:
            context = SpanContext(int(self._trace, 16), int(self._span_id, 16), is_remote=True, trace_flags=TraceFlags(1))
            otel = NonRecordingSpan(context) if context.is_valid else None
        remote = LiveSpan(
            "span",
            "",
            id=self._span_id,
            trace=self._trace,
            parent=None,
            begin_ns=0,
            lane=main_lane(),
            attributes={},
            otel=otel,
        )
        remote.run = LiveRun(self._run)
        remote.run.written = remote.written = True
        if otel is not None and otel_trace.get_current_span().get_span_context().is_valid:
            remote.otel = None
        Attached(remote)
