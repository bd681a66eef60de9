"""Finds the run of what has nothing around it: that of its unit of work, or of the program.

Under `tracekit run`, and in processes that a recorded one has started, there always is something around it.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Protocol

from tracekit import semconv
from tracekit.instrument.lanes import main_lane
from tracekit.instrument.live import LiveRun, LiveSpan, new_run_id, new_span_id
from tracekit.instrument.program import program_name
from tracekit.instrument.stacks import is_hosted
from tracekit.instrument.units import Unit, unit_of_caller
from tracekit.instrument.upstream import OnlyRun
from tracekit.model.run import ProcessRoot, RunInfo, Session

__all__ = ["Homes", "process_span"]

_ARRIVING = ("SERVER", "CONSUMER")


class _NewRun(Protocol):
    """Makes a run that begins now."""

    def __call__(self, name: str, *, rootless: bool = False, unit: str = "") -> LiveRun: ...


class Homes:
    """The runs of units of work, and the run that the program is unless an installed command hosts it.

    `new_run` makes a run; `began_ns` is when the record of the process began. `only` is the one run of the process, if
    it has no more than one.
    """

    def __init__(self, new_run: _NewRun, began_ns: int, only: OnlyRun | None) -> None:
        self._new_run = new_run
        self._began_ns = began_ns
        self._only = only
        self._is_hosted: bool | None = None
        self._only_run: LiveRun | None = None
        self._program: LiveSpan | None = None
        self._is_shared = False
        self._lock = threading.RLock()

    def of_caller(self, otel: Any = None) -> LiveSpan | LiveRun | None:
        """Return the program's span above the caller's spans, or the run of the caller's unit of work.

        None where neither is known, and where the OpenTelemetry span `otel` says that it begins such a unit itself.
        """
        if getattr(getattr(otel, "kind", None), "name", "") in _ARRIVING:
            return None
        # Two threads of one unit of work may be the first to ask at once.
        with self._lock:
            if self._only is not None:
                return self._run_of_all(self._only)
            unit = unit_of_caller()
            if unit is None:
                return self.of_program()
            return unit.span or self._run_of(unit)

    def of_program(self) -> LiveSpan | None:
        """Return the span of the whole program; None where an installed command runs the user's code."""
        if self._is_hosted is None:
            self._is_hosted = is_hosted()
        if self._program is None and not self._is_hosted:
            self._program = _program_span(self._began_ns)
        return self._program

    def forked(self) -> None:
        """This process is a fresh fork: no other thread is here to let go of the lock."""
        self._lock = threading.RLock()

    def is_program(self, live: LiveSpan) -> bool:
        """Return whether `live` is the span of the whole program."""
        return live is self._program

    def share(self) -> LiveSpan | LiveRun | None:
        """Return the caller's home, in which another process is about to take part."""
        if self._only is not None:
            return None
        home = self.of_caller()
        self._is_shared |= home is self._program
        return home

    def ending(self) -> tuple[LiveSpan, bool] | None:
        """Return the program's span if this process has to end it, and whether other processes may have used the span."""
        program = self._program
        return (program, self._is_shared) if program is not None and program.pid == os.getpid() else None

    def _run_of_all(self, only: OnlyRun) -> LiveRun:
        if self._only_run is None:
            self._only_run = self._new_run(only.name, rootless=only.is_rootless)
        return self._only_run

    def _run_of(self, unit: Unit) -> LiveRun:
        if unit.run is None:
            unit.run = self._new_run(unit.name or program_name(), rootless=True, unit=unit.kind)
        return unit.run


def _program_span(began_ns: int) -> LiveSpan:
    """Return the span of the program, which is written with the first of interest in it."""
    argv = tuple(getattr(sys, "orig_argv", sys.argv)[1:])
    span = LiveSpan(
        "run",
        program_name(),
        id=new_span_id(),
        trace="",
        parent=None,
        begin_ns=began_ns,
        lane=main_lane(),
        attributes={semconv.COMMAND_ARGS: list(argv)},
    )
    root = ProcessRoot(span.id, began_ns, argv)
    span.run = LiveRun(RunInfo(new_run_id(), span.name, began_ns, root), held=True)
    return span


def process_span(session: Session) -> LiveSpan:
    """The span under which a process of a process run stands, which whoever started it writes."""
    info = session.run
    assert info.root is not None
    run = LiveRun(info, held=True)
    run.is_declared = True
    span = LiveSpan(
        "run",
        info.name,
        id=session.parent or info.root.id,
        trace="",
        parent=None,
        begin_ns=info.root.at_ns,
        lane=main_lane(),
        attributes={},
    )
    span.run = run
    span.written = True
    return span
