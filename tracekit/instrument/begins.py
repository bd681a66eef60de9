"""The events that tell that a span has begun, after those of its open ancestors and of its lane."""

from __future__ import annotations

import os
from typing import TypeAlias

from tracekit import semconv
from tracekit.instrument.homes import Homes
from tracekit.instrument.lanes import Lane
from tracekit.instrument.live import LiveRun, LiveSpan
from tracekit.instrument.missed import Missed
from tracekit.instrument.remote import Remote
from tracekit.instrument.runs import Runs
from tracekit.instrument.upstream import Upstream
from tracekit.model.events import Event, LaneBegin, Request, SpanBegin

__all__ = ["Begins", "Written"]

Written: TypeAlias = tuple[LiveSpan | None, Event]
"""An event that is about to be written, after the span that it is of; None where it is of none."""


class Begins:
    """Makes the events of begins. `remote` is the span of another process under which this one's runs hang."""

    def __init__(self, runs: Runs, missed: Missed, homes: Homes, upstream: Upstream, remote: Remote | None) -> None:
        self._runs = runs
        self._missed = missed
        self._homes = homes
        self._upstream = upstream
        self._remote = remote

    def of(self, live: LiveSpan, run: LiveRun, request: Request | None) -> list[Written]:
        """Return the events that tell that `live` has begun in `run`; all of them count as written from now on."""
        begins: list[Written] = []
        self._add(live, run, request, begins)
        return begins

    def _add(self, live: LiveSpan, run: LiveRun, request: Request | None, begins: list[Written]) -> None:
        parent = live.parent
        while parent is not None and not parent.written and self._is_lost(parent):
            parent = parent.parent
        if parent is not None and not parent.written and parent.pid == os.getpid():
            self._add(parent, self._runs.of(parent), None, begins)
        live.written = run.written = True
        run.open.add(live.id)
        begins.extend((None, event) for event in self._missed.take(run, live.lane))
        self._announce(run, live.lane, begins)
        trace = "" if parent is not None and parent.trace == live.trace else live.trace
        attributes, live.attributes = live.attributes, {}
        if parent is None and self._remote is not None and not trace:
            trace = self._remote.trace
            attributes[semconv.REMOTE_PARENT] = self._remote.span
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
        return live.ended or (is_others and not self._homes.is_program(live))

    def _announce(self, run: LiveRun, lane: Lane, begins: list[Written]) -> None:
        """Add the begin of `lane`, and of those that led to it, unless the record of `run` has them."""
        if lane.id in run.lanes:
            return
        if lane.parent is not None:
            self._announce(run, lane.parent, begins)
        if not run.lanes:
            self._runs.remember(run)
        run.lanes.add(lane.id)
        first_ns = self._upstream.lane_ns(lane)
        event = LaneBegin(lane.id, lane.parent.id if lane.parent else None, lane.kind, first_ns, lane.function)
        begins.append((None, event))
