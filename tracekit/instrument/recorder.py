"""The recorder: decides to which run a span belongs, and tells the sink when it begins and ends.

Where a run begins: at a `run` block; at an agent with no run above it; else at the process, under `tracekit run`; else
with the unit of work that reached the program from outside, or with the program (`Homes`). Where neither is known, as
under an unknown program that calls the user's code, calls without any parent are joined by what they ask
(`ConversationIndex`). A trace without an agent, llm or tool is never written; when the first comes, its open ancestors are
written with their real begins.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tracekit.instrument.active import active, install, note_fork
from tracekit.instrument.begins import Begins, Written
from tracekit.instrument.clock import AnchoredClock
from tracekit.instrument.context import current_span, register, unregister
from tracekit.instrument.conversations import ConversationIndex
from tracekit.instrument.failures import failure_of
from tracekit.instrument.guard import guarded
from tracekit.instrument.homes import Homes, process_span
from tracekit.instrument.lanes import current_lane
from tracekit.instrument.live import LiveRun, LiveSpan, known_run
from tracekit.instrument.measuring import Measuring
from tracekit.instrument.missed import Missed
from tracekit.instrument.open_spans import OpenSpans
from tracekit.instrument.otel_ids import exports_itself, ids_of, with_own_ids
from tracekit.instrument.protocols import Clock, EventExporter, Holding, Notes, RunSink
from tracekit.instrument.remote import Remote
from tracekit.instrument.runs import Runs
from tracekit.instrument.tool_hints import hints_of
from tracekit.instrument.upstream import Network, Upstream
from tracekit.model.events import (
    Event,
    Failure,
    Kind,
    Request,
    Response,
    SpanEnd,
    Unrecorded,
)
from tracekit.model.run import RunInfo, Session
from tracekit.model.unrecorded import Misses
from tracekit.origin import programs_exception

if TYPE_CHECKING:
    from tracekit.privacy import Privacy, SpanRules

__all__ = ["Recorder", "active", "install"]

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
        exporter: EventExporter | None = None,
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
        self.conversations = ConversationIndex()
        self.holding: set[Holding] = set()
        self._missed = Missed(notes)
        self.process = process_span(session) if session else None
        self._applications = OpenSpans()
        self._runs = Runs(self.upstream, self._now_ns, self._applications)
        self.homes = Homes(self._runs.new, clock.now_ns(), self.upstream.only_run)
        self._begins = Begins(self._runs, self._missed, self.homes, self.upstream, remote)
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

    def _now_ns(self) -> int:
        return self.clock.now_ns()

    def _follow(self, clock: AnchoredClock) -> None:
        if not any(run.open for run in self._runs.written()):
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
        otel = with_own_ids(otel)
        span_id, trace = ids_of(otel)
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
            self._runs.begin(live)
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
        run = self._runs.of(live)
        self._write(run, self._begins.of(live, run, request))

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
            events = [*before, (live, event)] if event is not None else before
            if events:
                self.tell(*events)
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
        if not live.can_end:
            return None
        if live.numbering is not None:
            live.lane.begin_anew(live.numbering)
            live.numbering = None
        if live.trace:
            unregister(live)
        self._applications.remove(live)
        at_ns = self.end_ns(live) if at_ns is None else at_ns
        if live.run is None or not live.written:
            return None
        failure = failure or live.failure
        return SpanEnd(live.id, at_ns, "error" if failure else "ok", failure, live.attributes, response)

    def end_ns(self, live: LiveSpan) -> int:
        """Return when `live`, which is over, ends on the recorder's clock; the same when asked again."""
        if live.end_ns is None:
            at_ns = self.upstream.end_ns(live)
            live.end_ns = self.clock.now_ns() if at_ns is None else at_ns
        return live.end_ns

    def ended(self, live: LiveSpan) -> None:
        """The end of `live` is written, or will be with what ends next above it."""
        if not live.can_end:
            return
        live.ended = True
        run = live.run
        if run is not None and live.written:
            run.open.discard(live.id)
            if not run.open and not run.held:
                self.sink.release(run.info)

    def tell(self, *events: tuple[LiveSpan, Event]) -> None:
        """Write what happened within spans of one run, all together, in the process in which they began."""
        live = events[-1][0]
        if live.run is not None and live.written and live.pid == os.getpid():
            self._write(live.run, events)

    @guarded
    def missed(self, caller: str, host: str) -> None:
        """The package `caller` sends a request to Claude, at `host`, that is not recorded.

        Where `host` is empty, a program called `caller` is started, whose requests are not recorded.
        """
        self._notice_fork()
        event = Unrecorded(self.clock.now_ns(), caller, host)
        self._missed.note(event)
        lane = current_lane()
        run = known_run(current_span() or self.process) or self._runs.of_lane(lane)
        if run is None or not run.written:
            self._missed.wait(event, run or lane)
            return
        self.sink.write(run.info, event)
        if not run.open and not run.held:
            self.sink.release(run.info)

    def _write(self, run: LiveRun, events: Sequence[Written]) -> None:
        """Write events of `run` all together."""
        self.sink.write(run.info, *[event for _, event in events])
        for live, event in events:
            if live is not None and live.exported:
                self._export(run, event)

    @guarded
    def _export(self, run: LiveRun, event: Event) -> None:
        assert self.exporter is not None
        self.exporter.write(run.info, event)

    # ── questions ────────────────────────────────────────────────────────────────────────────────────────────────

    def has_root(self, live: LiveSpan) -> bool:
        """Return whether the application has a span without a parent open around `live`, which has no parent itself."""
        return live.parent is None and self._applications.root_around(live.lane) is not None

    def is_written(self, live: LiveSpan) -> bool:
        """Return whether the run of `live` has events in the record."""
        run = known_run(live)
        return run is not None and run.written

    def is_within_run(self, live: LiveSpan) -> bool:
        """Return whether `live` is already part of a run; asking does not begin a run."""
        return self._runs.holds(live)

    def _notice_fork(self) -> None:
        """Let a process that was forked without Python, as uWSGI's workers are, begin a record of its own."""
        if os.getpid() != self._pid:
            note_fork()

    def runs(self) -> list[RunInfo]:
        """The runs that this process has written in."""
        return [run.info for run in self._runs.written()]

    @property
    def misses(self) -> Misses:
        """The requests to Claude that this process has sent and not recorded."""
        return self._missed.counts

    # ── lanes, forks and the end ─────────────────────────────────────────────────────────────────────────────────

    @guarded
    def forking(self) -> None:
        """Write the begins of the spans that are open before this process forks; its child cannot write them."""
        live = current_span()
        if live is not None and self.is_within_run(live):
            self.write_begin(live)
        elif live is None and self.process is None:
            self.homes.share()

    def forked(self) -> None:
        """This process is a fresh fork: what is open belongs to the parent, what comes is this process's own."""
        self._runs.forked()
        self._pid = os.getpid()
        self.holding.clear()
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
