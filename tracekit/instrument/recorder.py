"""The recorder: decides to which run a span belongs, and tells the sink when it begins and ends.

Where a run begins: at a `run` block; at an agent with no run above it; else at the process, under `tracekit run`; else
with the unit of work that reached the program from outside, or with the program (`Homes`). Where neither is known, as
under an unknown program that calls the user's code, calls without any parent are joined by what they ask
(`ThreadsOfTalk`). A trace without an agent, llm or tool is never written; when the first comes, its open ancestors are
written with their real begins.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary, ref

from opentelemetry import trace as otel_trace

from tracekit import semconv
from tracekit.instrument import lanes
from tracekit.instrument.clock import AnchoredClock
from tracekit.instrument.context import current_span, register, unregister
from tracekit.instrument.failures import failure_of
from tracekit.instrument.guard import guarded
from tracekit.instrument.homes import Homes
from tracekit.instrument.lanes import Lane, current_lane, main_lane
from tracekit.instrument.live import LiveRun, LiveSpan, known_run, new_run_id, new_span_id
from tracekit.instrument.measuring import Measuring
from tracekit.instrument.missed import Missed
from tracekit.instrument.open_spans import OpenSpans
from tracekit.instrument.program import program_name
from tracekit.instrument.protocols import Clock, Exporter, Holding, Notes, RunSink
from tracekit.instrument.remote import Remote
from tracekit.instrument.talk import ThreadsOfTalk
from tracekit.instrument.tool_hints import hints_of
from tracekit.instrument.upstream import Network, Upstream
from tracekit.model.events import (
    Event,
    Failure,
    Kind,
    LaneBegin,
    Request,
    Response,
    SpanBegin,
    SpanEnd,
    Unrecorded,
)
from tracekit.model.run import RunInfo, Session
from tracekit.model.unrecorded import Misses
from tracekit.origin import programs_exception

if TYPE_CHECKING:
    from tracekit.privacy import Privacy, SpanRules

__all__ = ["Recorder", "active", "exports_itself", "install"]

_MOST_RUNS = 256
"""How many runs are remembered before those that are over are forgotten."""

_Written: TypeAlias = tuple[LiveSpan | None, Event]
"""An event that is about to be written, after the span that it is of; None where it is of none."""

_OF_INTEREST: frozenset[Kind] = frozenset(("agent", "tool"))
"""Written at once. A call is of interest too, and written when it is known what it asks; an attempt with its request."""


class Recorder:
    """Records this process. There is one, made by `tracekit.configure`, or by a replay.

    `session` is the run of a whole process, if there is one. `exporter` takes, beside the sink, the spans that nobody
    else exports. `remote` is the span of another process under which this one's runs hang. `upstream` is the network
    by default. `privacy` redacts what an application's exporter gets, by default as the project says; `measuring` counts
    calls for metrics; `notes` hear of requests that are not recorded.
    """

    def __init__(
        self,
        sink: RunSink,
        clock: Clock,
        session: Session | None = None,
        *,
        exporter: Exporter | None = None,
        remote: Remote | None = None,
        upstream: Upstream | None = None,
        privacy: Sequence[Privacy] = (),
        measuring: Measuring | None = None,
        notes: Notes | None = None,
    ) -> None:
        self.sink = sink
        self.clock = clock
        self.exporter = exporter
        self.remote = remote
        self.upstream = upstream or Network()
        self._privacy = privacy
        self.measuring = measuring or Measuring()
        self.talk = ThreadsOfTalk()
        self.holding: set[Holding] = set()
        self._missed = Missed(notes)
        self.process = _process_span(session) if session else None
        self.homes = Homes(self._new_run, clock.now_ns(), self.upstream.only_run)
        self._lane_runs: WeakKeyDictionary[Lane, LiveRun] = WeakKeyDictionary()
        self._applications = OpenSpans()
        # Without a callback: what a signal handler raises in one is lost.
        self._runs: dict[str, ref[LiveRun]] = {}
        self._lock = threading.RLock()
        self._pid = os.getpid()

    @cached_property
    def span_rules(self) -> SpanRules:
        """The rules of what an application's exporter gets."""
        from tracekit.privacy import project_privacy, span_rules  # noqa: PLC0415  only where an application exports

        return span_rules(*(self._privacy or (project_privacy(),)))

    def begin_ns(self, parent: LiveSpan | None) -> int:
        """The time at which a span under `parent` begins.

        The clock follows the wall clock where that has been set, as long as that changes no run that is going on.
        """
        self._notice_fork()
        clock = self.clock
        if parent is None and self.process is None and isinstance(clock, AnchoredClock) and clock.has_jumped:
            self._follow(clock)
        return clock.now_ns()

    def _follow(self, clock: AnchoredClock) -> None:
        if not any(run.open for run in self._live_runs()):
            clock.anchor()

    # ── begin and end ────────────────────────────────────────────────────────────────────────────────────────────

    def begin(
        self,
        kind: Kind,
        name: str,
        parent: LiveSpan | None,
        *,
        otel: Any = None,
        attributes: dict[str, Any] | None = None,
        begin_ns: int | None = None,
        hidden: bool = False,
    ) -> LiveSpan:
        """A span begins under `parent`. One that is `hidden` is recorded and not exported.

        `otel` is the OpenTelemetry span that stands for it; its ids are used where it has its own. The span is
        written at once if it makes its trace interesting or its run is already written, and later or never if not.
        """
        otel = _with_own_ids(otel)
        span_id, trace = _ids(otel)
        noted = dict(attributes) if attributes else {}
        if kind == "tool":
            noted |= hints_of(noted)
        parent, run = parent or self.process, None
        if parent is None and kind not in ("run", "agent"):
            parent, run = self._home(otel)
        live = LiveSpan(
            kind,
            name,
            id=span_id,
            trace=trace,
            parent=parent,
            begin_ns=self.begin_ns(parent) if begin_ns is None else begin_ns,
            lane=current_lane(),
            attributes=noted,
            otel=otel,
        )
        live.run = run
        if live.trace:
            register(live)
        if self.exporter is not None:
            live.exported = not hidden and otel is None and not exports_itself()
        try:
            self._place(live, begin_ns)
        except BaseException as error:
            self.abandon(live, error)
            raise
        return live

    def _home(self, otel: Any) -> tuple[LiveSpan | None, LiveRun | None]:
        """Return the span under which something hangs that has nothing around it, and the run that it belongs to."""
        home = self.homes.of_caller(otel)
        if not isinstance(home, LiveSpan):
            return None, home
        if not home.written:
            home.exported = self.exporter is not None and not exports_itself()
        return home, None

    def _place(self, live: LiveSpan, begin_ns: int | None) -> None:
        """Find the run of `live`, and write its begin if that is of interest."""
        if live.kind == "run":
            self._begin_run(live)
        else:
            live.run = live.run or known_run(live.parent)
        if begin_ns is None:
            live.begin_ns = self.upstream.begin_ns(live)
        # A call writes its begin with its first request.
        is_seen = live.kind in ("span", "turn") and begin_ns is None and live.run is not None and live.run.written
        if live.kind in _OF_INTEREST or is_seen:
            self.write_begin(live)
        if live.is_applications and begin_ns is None:
            self._applications.add(live)

    @guarded
    def abandon(self, live: LiveSpan, error: BaseException) -> None:
        """End `live`, whose begin the program's `error` has cut short: nobody else has the span to end it."""
        if programs_exception(error, sys._getframe()) is not None:  # noqa: SLF001  the documented way to this frame
            self.end(live, failure_of(error))

    def write_begin(self, live: LiveSpan, request: Request | None = None) -> None:
        """Write that `live` has begun, its open ancestors first, unless that is written."""
        if live.written or live.ended:
            return
        # Two threads may ask for the begin of the span above them both.
        with self._lock:
            if not live.written:
                is_first = live.run is None or not live.run.written
                self._write_begin(live, request)
                if is_first and live.run is not None:
                    self._write_waiting(live.run)

    def _write_waiting(self, run: LiveRun) -> None:
        """Write the spans that are open in `run`, which has become of interest."""
        for other in self._applications.unwritten(run):
            if not other.written:
                self._write_begin(other, None)

    def _write_begin(self, live: LiveSpan, request: Request | None) -> None:
        run, begins = self._run_of(live), list[_Written]()
        self._add_begins(live, run, request, begins)
        self._write(run, begins)

    def _add_begins(self, live: LiveSpan, run: LiveRun, request: Request | None, begins: list[_Written]) -> None:
        """Add to `begins` that `live` has begun in `run`, after what is open and not written above it."""
        parent = live.parent
        while parent is not None and not parent.written and self._is_lost(parent):
            parent = parent.parent
        if parent is not None and not parent.written and parent.pid == os.getpid():
            self._add_begins(parent, self._run_of(parent), None, begins)
        live.written = run.written = True
        run.open.add(live.id)
        begins.extend((None, event) for event in self._missed.take(run, live.lane))
        self._announce(run, live.lane, begins)
        trace = "" if parent is not None and parent.trace == live.trace else live.trace
        attributes, live.attributes = live.attributes, {}
        if parent is None and self.remote is not None and not trace:
            trace = self.remote.trace
            attributes[semconv.REMOTE_PARENT] = self.remote.span
        event = SpanBegin(
            live.id,
            parent.id if parent is not None else None,
            live.kind,
            live.name,
            live.begin_ns,
            live.lane.id,
            trace,
            attributes,
            request,
        )
        begins.append((live, event))

    def _is_lost(self, live: LiveSpan) -> bool:
        """Return whether nobody will write the begin of `live`. That of a program is written by its first process."""
        is_others = live.pid != os.getpid()
        return live.ended or (is_others and not self.homes.is_program(live))

    def end(
        self,
        live: LiveSpan,
        failure: Failure | None = None,
        *,
        at_ns: int | None = None,
        before: Sequence[tuple[LiveSpan, Event]] = (),
    ) -> None:
        """`live` ends now, in the process in which it began; elsewhere the end is not this process's to tell.

        `at_ns` is when, where that is known better. What is `before` it is written together with it.
        """
        event = self.end_of(live, failure, at_ns=at_ns)
        try:
            if event is not None:
                self.tell(*before, (live, event))
        finally:
            # The sink has the line also where the program's exception has cut in.
            self.ended(live)

    def end_of(
        self,
        live: LiveSpan,
        failure: Failure | None = None,
        response: Response | None = None,
        *,
        at_ns: int | None = None,
    ) -> SpanEnd | None:
        """Return the end of `live`, which the caller writes before it calls `ended`; None if there is none to write."""
        if live.ended or live.pid != os.getpid():
            return None
        if live.numbering is not None:
            live.lane.begin_anew(live.numbering)
            live.numbering = None
        if live.trace:
            unregister(live)
        self._applications.remove(live)
        at_ns = self.upstream.end_ns(live) if at_ns is None else at_ns
        at_ns = self.clock.now_ns() if at_ns is None else at_ns
        if live.run is None or not live.written:
            return None
        failure = failure or live.failure
        return SpanEnd(live.id, at_ns, "error" if failure else "ok", failure, live.attributes, response)

    def ended(self, live: LiveSpan) -> None:
        """The end of `live` is written, or will be with what ends next above it."""
        if live.ended or live.pid != os.getpid():
            return
        live.ended = True
        run = live.run
        if run is not None and live.written:
            run.open.discard(live.id)
            if not run.open and not run.held:
                self.sink.release(run.info)

    def tell(self, *told: tuple[LiveSpan, Event]) -> None:
        """Write what happened within spans of one run, all together, in the process in which they began."""
        live = told[-1][0]
        if live.run is not None and live.written and live.pid == os.getpid():
            self._write(live.run, told)

    @guarded
    def missed(self, caller: str, host: str) -> None:
        """The package `caller` sends a request to Claude, at `host`, that is not recorded.

        Where `host` is empty, a program called `caller` is started, whose requests are not recorded.
        """
        self._notice_fork()
        event = Unrecorded(self.clock.now_ns(), caller, host)
        self._missed.note(event)
        lane = current_lane()
        run = known_run(current_span() or self.process) or self._lane_runs.get(lane)
        if run is None or not run.written:
            self._missed.wait(event, run or lane)
            return
        self.sink.write(run.info, event)
        if not run.open and not run.held:
            self.sink.release(run.info)

    def _write(self, run: LiveRun, told: Sequence[_Written]) -> None:
        """Write events of `run` all together."""
        self.sink.write(run.info, *[event for _, event in told])
        for live, event in told:
            if live is not None and live.exported:
                self._export(run, event)

    @guarded
    def _export(self, run: LiveRun, event: Event) -> None:
        assert self.exporter is not None
        self.exporter.write(run.info, event)

    # ── which run ────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin_run(self, live: LiveSpan) -> None:
        """A `run` block begins a run of its own, wherever it stands; the run around it is told by its id."""
        outer = live.parent.run if live.parent is not None else None
        if outer is not None:
            live.attributes[semconv.PARENT_RUN_ID] = outer.info.id
        live.parent = None
        live.run = self._new_run(live.name)
        live.run.is_said = True
        live.numbering = live.lane.begin_anew()

    def _run_of(self, live: LiveSpan) -> LiveRun:
        """The run of `live`, decided now if it is not yet."""
        if live.run is None:
            if live.parent is not None:
                live.run = self._run_of(live.parent)
            elif live.kind not in ("llm", "agent") and live.lane in self._lane_runs:
                live.run = self._lane_runs[live.lane]
            elif live.kind == "llm" and (root := self._applications.root_around(live.lane)) is not None:
                live.run = self._run_of(root)
            else:
                live.run = self._new_run(_name_of_run(live), rootless=live.kind == "llm")
                if live.kind == "agent":
                    live.numbering = live.lane.begin_anew()
        if live.kind == "llm" and live.parent is None:
            self._lane_runs[live.lane] = live.run
        return live.run

    def has_root(self, live: LiveSpan) -> bool:
        """Whether a span of the application's that has no parent is open around `live`, which is not told so."""
        return live.parent is None and self._applications.root_around(live.lane) is not None

    def is_written(self, live: LiveSpan) -> bool:
        """Whether anything of the run of `live` is written."""
        run = known_run(live)
        return run is not None and run.written

    def is_within_run(self, live: LiveSpan) -> bool:
        """Whether `live` belongs to a run without beginning one."""
        run = known_run(live)
        # A program or a unit of work is a run once there is something of interest in it.
        return live.lane in self._lane_runs if run is None else run.is_said or run.written

    def _new_run(self, name: str, *, rootless: bool = False, unit: str = "") -> LiveRun:
        at_ns, replay_of = self.upstream.recorded_at_ns(), self.upstream.replay_of
        at_ns = self.clock.now_ns() if at_ns is None else at_ns
        return LiveRun(RunInfo(new_run_id(), name, at_ns, rootless=rootless, replay_of=replay_of, unit=unit))

    def _notice_fork(self) -> None:
        """Let a process that was forked without Python, as uWSGI's workers are, begin a record of its own."""
        if os.getpid() != self._pid:
            _forked()

    def runs(self) -> list[RunInfo]:
        """The runs that this process has written in."""
        return [run.info for run in self._live_runs()]

    @property
    def misses(self) -> Misses:
        """The requests to Claude that this process has sent and not recorded."""
        return self._missed.counts

    def _live_runs(self) -> list[LiveRun]:
        return [run for known in list(self._runs.values()) if (run := known()) is not None]

    # ── lanes, forks and the end ─────────────────────────────────────────────────────────────────────────────────

    def _announce(self, run: LiveRun, lane: Lane, begins: list[_Written]) -> None:
        if lane.id in run.lanes:
            return
        if lane.parent is not None:
            self._announce(run, lane.parent, begins)
        if not run.lanes:
            self._remember(run)
        run.lanes.add(lane.id)
        first_ns = self.upstream.lane_ns(lane)
        event = LaneBegin(lane.id, lane.parent.id if lane.parent else None, lane.kind, first_ns, lane.function)
        begins.append((None, event))

    def _remember(self, run: LiveRun) -> None:
        if len(self._runs) >= _MOST_RUNS:
            self._runs = {id: known for id, known in list(self._runs.items()) if known() is not None}
        self._runs[run.info.id] = ref(run)

    @guarded
    def forking(self) -> None:
        """This process is about to fork: what is open in a run is written, since its begin is not the child's to tell."""
        live = current_span()
        if live is not None and self.is_within_run(live):
            self.write_begin(live)
        elif live is None and self.process is None:
            self.homes.share()

    def forked(self) -> None:
        """This process is a fresh fork: what is open belongs to the parent, what comes is this process's own."""
        for run in self._live_runs():
            run.open.clear()
            run.lanes.clear()
        self._pid = os.getpid()
        self.holding.clear()
        self._runs.clear()
        self._lane_runs.clear()
        self._applications.clear()
        self._missed.forked()
        self._lock = threading.RLock()
        self.homes.forked()
        self.sink.forked()
        if self.exporter is not None:
            self.exporter.forked()
        self.measuring.forked()

    def exit(self) -> None:
        """The process ends in good order."""
        self._notice_fork()
        for each in list(self.holding):
            each.write_held()
        self._end_program()
        now_ns = self.clock.now_ns()
        self.sink.exit(now_ns)
        self._missed.exit()
        self.measuring.ending()
        if self.exporter is not None:
            self.exporter.exit(now_ns)
        self.measuring.exit()

    @guarded
    def _end_program(self) -> None:
        """End the span of the program, which the exception that ended it may have left."""
        ending = self.homes.ending()
        if ending is None:
            return
        program, is_shared = ending
        if not program.written and is_shared and program.run is not None and self.sink.has_others(program.run.info):
            self.write_begin(program)
        error = getattr(sys, "last_value", None)
        self.end(program, failure_of(error) if isinstance(error, BaseException) else None)


def _process_span(session: Session) -> LiveSpan:
    """The span under which a process of a process run stands, which whoever started it writes."""
    info = session.run
    assert info.root is not None
    run = LiveRun(info, held=True)
    run.is_said = True
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


def _name_of_run(root: LiveSpan) -> str:
    """What to call a run that begins with `root`: an agent, the application's own span, or a call that stands alone."""
    if root.kind == "agent":
        return str(root.attributes.get(semconv.AGENT_NAME, root.name))
    if root.kind == "span":
        return root.name
    return program_name()


def _with_own_ids(otel: Any) -> Any:
    """`otel` where its ids are its own. A tracer that is off gives spans without ids, or with those of the parent."""
    if otel is None:
        return None
    context, current = otel.get_span_context(), otel_trace.get_current_span().get_span_context()
    return otel if context.is_valid and context.span_id != current.span_id else None


def exports_itself() -> bool:
    """Whether the application has a provider: then it exports by itself, or means not to."""
    return not isinstance(otel_trace.get_tracer_provider(), otel_trace.ProxyTracerProvider)


def _ids(otel: Any) -> tuple[str, str]:
    """The span and trace id of `otel`, else a new span id and no trace."""
    if otel is not None:
        context = otel.get_span_context()
        return format(context.span_id, "016x"), format(context.trace_id, "032x")
    return new_span_id(), ""


_active: Recorder | None = None


def active() -> Recorder | None:
    """The recorder of this process, or None while nothing is recorded."""
    return _active


def install(recorder: Recorder | None) -> None:
    """Make `recorder` the one of this process, or stop recording."""
    global _active  # noqa: PLW0603  one recorder a process is the point
    _active = recorder


def _forking() -> None:
    if _active is not None:
        _active.forking()


def _forked() -> None:
    lanes.reset_after_fork()
    if _active is not None:
        _active.forked()


def _exit() -> None:
    if _active is not None:
        _active.exit()


os.register_at_fork(before=_forking, after_in_child=_forked)
atexit.register(_exit)
