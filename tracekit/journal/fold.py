"""Adds events up to a `Recording`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from tracekit.journal.arrivals import Arrivals, Redact
from tracekit.journal.decode import body_of
from tracekit.journal.lines import Line
from tracekit.model.events import (
    Answered,
    Chunk,
    Event,
    Exit,
    LaneBegin,
    Replayed,
    ReplayMode,
    Response,
    SpanBegin,
    SpanEnd,
    Unrecorded,
)
from tracekit.model.recording import Exchange, RecordedLane, RecordedSpan, Recording, Segment
from tracekit.model.run import ProcessRoot
from tracekit.privacy import Privacy, recorded_privacy

__all__ = ["Fold"]


class Fold:
    """A recording in the making. Begin and end of a span may stand in different segments, in any order.

    Recordings share what did not change between them, so that one who follows a run pays for what is new: the same
    `spans` means that none began or ended, the same `Exchange` that nothing of it arrived.
    """

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._lanes: dict[tuple[int, str], RecordedLane] = {}
        self._spans: dict[str, RecordedSpan] = {}
        self._ends: dict[str, SpanEnd] = {}
        self._exchanges: dict[str, Exchange] = {}
        self._arrivals: dict[str, Arrivals] = {}
        self._grown: set[str] = set()
        self._exited: set[int] = set()
        self._replayed: dict[int, ReplayMode] = {}
        self._unrecorded: dict[tuple[str, str], Unrecorded] = {}
        self._changed: dict[str, None] = {}
        self._told: Mapping[str, RecordedSpan] = {}
        self._privacies: dict[int, tuple[tuple[Any, ...], Privacy]] = {}

    def open_segment(self, path: str) -> int:
        """The index of a new segment."""
        self._segments.append(Segment(path, "", "", 0, "", 0))
        return len(self._segments) - 1

    def describe(
        self, index: int, header: Mapping[str, Any] | None, *, alive: bool, damage: tuple[str, ...] = ()
    ) -> None:
        """Note a segment's header, None if it is unreadable, and the state of its writer."""
        if header is None:
            self._segments[index] = replace(self._segments[index], damage=damage)
            return
        root = header.get("root")
        self._segments[index] = Segment(
            self._segments[index].path,
            header["run"],
            header["name"],
            header["recorded_at_ns"],
            header.get("host", ""),
            header.get("pid", 0),
            ProcessRoot(root["id"], root["t"], tuple(root["argv"])) if root else None,
            alive,
            index in self._exited,
            damage,
            header.get("versions") or {},
            header.get("replay_of"),
            self._replayed.get(index),
            header.get("content", "full"),
            tuple(header.get("redaction") or ()),
            tuple(header.get("ignore") or ()),
            bool(header.get("rootless")),
            header.get("hash_seed"),
            (header.get("source") or {}).get("name", ""),
        )

    def add(self, index: int, event: Event, line: Line | None = None) -> None:
        """Add an event of the segment at `index`. With its `line`, response bytes are read again later."""
        match event:
            case SpanBegin():
                self._begin(index, event)
            case SpanEnd():
                self._end(event, line)
            case Chunk():
                self._arrivals.setdefault(event.id, Arrivals(body_of)).add(event.at_ns, event.data, line)
                self._grown.add(event.id)
            case Answered():
                self._answered(event.id, event, event.at_ns)
            case LaneBegin():
                lane = RecordedLane(index, event.id, event.parent, event.kind, event.at_ns, event.function)
                self._lanes[index, event.id] = lane
            case Exit():
                self._exited.add(index)
            case Replayed():
                self._replayed[index] = event.mode
            case Unrecorded():
                before = self._unrecorded.get((event.caller, event.host), replace(event, requests=0))
                self._unrecorded[event.caller, event.host] = replace(before, requests=before.requests + event.requests)

    def recording(self) -> Recording:
        """Return the recording of all events so far."""
        first = min(self._segments, key=lambda segment: (not segment.run, segment.recorded_at_ns))
        for id in self._grown & self._exchanges.keys():
            self._exchanges[id] = replace(self._exchanges[id], pieces=self._arrivals[id].so_far(self._redacting(id)))
            self._grown.remove(id)
        if self._changed:
            self._told = {**self._told, **{id: self._ended(self._spans[id]) for id in self._changed}}
            self._changed.clear()
        return Recording(
            first.run,
            first.name,
            first.recorded_at_ns,
            tuple(self._segments),
            dict(self._lanes),
            self._told,
            dict(self._exchanges),
            tuple(self._unrecorded.values()),
        )

    def _redacting(self, id: str) -> Redact:
        """Return what takes from an answer's pieces what they spell out all together and no line may hold."""
        return self._privacy_of(self._spans[id].segment).pieces

    def _privacy_of(self, segment: int) -> Privacy:
        redaction = self._segments[segment].redaction
        known = self._privacies.get(segment)
        if known is None or known[0] != redaction:
            known = redaction, recorded_privacy(redaction)
        self._privacies[segment] = redaction, known[1].without_slow()
        return known[1]

    def _begin(self, index: int, event: SpanBegin) -> None:
        self._spans[event.id] = RecordedSpan(
            event.id,
            event.parent,
            event.kind,
            event.name,
            event.at_ns,
            None,
            "open",
            None,
            event.attributes,
            event.lane,
            index,
            event.trace,
        )
        self._changed[event.id] = None
        if event.request is not None:
            digest = event.request.digest or sha256(event.request.body or b"").hexdigest()
            self._exchanges[event.id] = Exchange(event.id, event.request, digest)
            if event.id in self._arrivals:
                self._grown.add(event.id)

    def _end(self, event: SpanEnd, line: Line | None) -> None:
        self._ends[event.id] = event
        if event.response is not None:
            self._answered(event.id, event.response, event.at_ns)
            arrivals = self._arrivals[event.id] = Arrivals(body_of)
            arrivals.add(event.at_ns, event.response.body, line)
            self._grown.add(event.id)
        if event.id in self._spans:
            self._changed[event.id] = None

    def _answered(self, id: str, head: Answered | Response, at_ns: int) -> None:
        exchange = self._exchanges.get(id)
        if exchange is not None:
            # Each exchange comes by here, and `replace` takes three times as long.
            self._exchanges[id] = Exchange(
                id, exchange.request, exchange.digest, head.status, head.headers, at_ns, exchange.pieces, head.form
            )

    def _ended(self, span: RecordedSpan) -> RecordedSpan:
        end = self._ends.get(span.id)
        if end is None:
            return span
        # Each span comes by here, and `replace` takes three times as long.
        return RecordedSpan(
            span.id,
            span.parent,
            span.kind,
            span.name,
            span.start_ns,
            end.at_ns,
            end.status,
            end.failure,
            {**span.attributes, **end.attributes},
            span.lane,
            span.segment,
            span.trace,
        )
