"""The normal form of a run, in which the files of two equal runs are equal bytes.

Ids are numbered in the order of the tree, times count from the run's begin, and lines stand in the order of the tree,
whatever the order in which concurrent lanes wrote them. What tells of a machine, a process, a connection or a version
is left out; so is what only measures the reading. What was asked and answered, when, by whom and how it ended stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracekit import semconv
from tracekit.errors import JournalError
from tracekit.journal.bodies import compact
from tracekit.journal.decode import HEADER_START, Header, read_header
from tracekit.journal.encode import Encoder
from tracekit.journal.files import open_regular
from tracekit.journal.reader import read_run
from tracekit.model.events import (
    Answered,
    Attributes,
    Chunk,
    Event,
    Exit,
    LaneBegin,
    Request,
    Response,
    SpanBegin,
    SpanEnd,
    Unrecorded,
)
from tracekit.model.recording import Exchange, RecordedSpan, Recording

__all__ = ["Normal", "neutral", "normal"]

RUN_ID = f"{1:032x}"
"""The id of every run in its normal form."""

_NEUTRAL: Mapping[str, Any] = {"host": "", "boot": "", "process_start": 0}
_KEPT_OF_HEADER = ("e", "format", "version", "rootless", "hash_seed", "content", "redaction", "ignore")
_KEPT_REQUEST_HEADERS = frozenset(("anthropic-beta", "anthropic-version", "content-type", "x-stainless-retry-count"))
_LEFT_OUT = frozenset(
    (
        semconv.SERVER_ADDRESS,
        semconv.SERVER_PORT,
        semconv.URL_SCHEME,
        semconv.URL_FULL,
        semconv.URL_PATH,
        semconv.HTTP_RESEND_COUNT,
        semconv.TIME_TO_FIRST_CHUNK,
    )
)
"""Attributes that tell of the connection, or that the SDK sets with it though requests, attempts and chunks say it all."""


class Normal:
    """A run's normal form as `lines`, each with its newline, and what `damage` kept from it."""

    def __init__(self, lines: Iterable[bytes], damage: Sequence[str]) -> None:
        self.lines = lines
        self.damage = damage


def neutral(header: Header, number: int) -> Header:
    """`header` without the machine and the process that wrote its segment, the `number`-th of the run from 1."""
    return Header({name: _NEUTRAL.get(name, number if name == "pid" else value) for name, value in header.items()})


def normal(paths: Iterable[Path]) -> Normal:
    """The normal form of the run whose segments are at `paths`.

    Raises:
        JournalError: One of them is no journal, or cannot be read.
    """
    segments = sorted(paths)
    headers = [header for path in segments for header in _headers(path)]
    recording = read_run(segments)
    damage = [f"{segment.path}: {said}" for segment in recording.segments for said in segment.damage]
    if len(headers) != len(recording.segments):
        raise JournalError(f"{segments[0].parent} holds a journal that cannot be read: {'; '.join(damage)}")
    return Normal((f"{line}\n".encode("utf-8", "backslashreplace") for line in _lines(recording, headers)), damage)


def _headers(path: Path) -> Iterator[Header]:
    try:
        with open_regular(path) as file:
            for number, line in enumerate(file):
                if number == 0 or (line.startswith(HEADER_START) and line.endswith(b"\n")):
                    yield read_header(line, str(path))
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from error


def _lines(recording: Recording, headers: Sequence[Header]) -> Iterator[str]:
    renaming = _Renaming(recording)
    for number, segment in enumerate(renaming.segments, 1):
        yield compact(_header(headers[segment], number, renaming))
        encoder = Encoder()
        for event in _events(recording, segment, renaming):
            yield from encoder.lines(event)
            encoder.written(event)


def _header(header: Header, number: int, renaming: _Renaming) -> dict[str, Any]:
    root = header.get("root")
    named = {"run": RUN_ID, "name": header["name"], "recorded_at_ns": 0}
    process = {"id": renaming.id(root["id"]), "t": renaming.time(root["t"]), "argv": root["argv"]} if root else None
    kept = {name: header[name] for name in _KEPT_OF_HEADER if name in header}
    if isinstance(kept.get("redaction"), list):
        # The built-in rules are those of whatever version wrote the journal.
        kept["redaction"] = [rule for rule in kept["redaction"] if isinstance(rule, dict)]
    # `e` comes first: by it a header is known among other lines.
    return {"e": kept.pop("e"), **kept, **named, "root": process, **_NEUTRAL, "pid": number}


class _Renaming:
    """Ids by their place in the tree, times from the run's begin, and the order of spans and segments."""

    def __init__(self, recording: Recording) -> None:
        process = recording.process_root
        starts = [span.start_ns for span in recording.spans.values()]
        self._begin_ns = min([process.at_ns, *starts] if process else starts, default=0)
        self._ids: dict[str, str] = {}
        if process is not None:
            self.id(process.id)
        self.steps = list(_walk(recording))
        for span, is_begin in self.steps:
            if is_begin:
                self.id(span.id)
        present = [span.segment for span, is_begin in self.steps if is_begin]
        self.segments = list(dict.fromkeys(present)) or [0]

    def id(self, id: str) -> str:
        """The span's number, as an id."""
        return self._ids.setdefault(id, f"{len(self._ids) + 1:016x}")

    def parent(self, id: str | None) -> str | None:
        """The number of the span above, if there is one."""
        return None if id is None else self.id(id)

    def time(self, at_ns: int) -> int:
        """Nanoseconds since the run's begin."""
        return at_ns - self._begin_ns

    def first_step(self, at_ns: int) -> int:
        """The same for a lane, which may be older than the run; 0 where its first step is not known."""
        return max(0, self.time(at_ns)) if at_ns else 0


def _walk(recording: Recording) -> Iterator[tuple[RecordedSpan, bool]]:
    """Each span twice, at its begin and at its end, in the order of the tree."""
    spans = recording.spans
    in_order = sorted(spans.values(), key=lambda span: _place(span, recording.exchanges.get(span.id)), reverse=True)
    children: dict[str, list[RecordedSpan]] = {}
    roots: list[RecordedSpan] = []
    for span in in_order:
        above = children.setdefault(span.parent, []) if span.parent in spans and span.parent is not None else roots
        above.append(span)
    seen: set[str] = set()
    # A span that is its own ancestor hangs below no root, so it comes after all that do.
    stack = [(span, True) for span in [*in_order, *roots]]
    while stack:
        span, is_begin = stack.pop()
        if is_begin and span.id in seen:
            continue
        yield span, is_begin
        if is_begin:
            seen.add(span.id)
            stack.append((span, False))
            stack.extend((child, True) for child in children.get(span.id, ()))


def _place(span: RecordedSpan, exchange: Exchange | None) -> tuple[Any, ...]:
    """Return the sort key of a span among its siblings, from values that are equal in every run."""
    end_ns = -1 if span.end_ns is None else span.end_ns
    return (
        span.start_ns,
        _lane_place(span.lane),
        end_ns,
        span.kind,
        span.name,
        exchange.digest if exchange is not None else "",
    )


def _lane_place(lane: str) -> list[tuple[str, int]]:
    """A lane among others: a parent before its children, and these in the order in which they were started."""
    return [(letter, int(number or 0)) for letter, number in re.findall(r"([a-z]+)(\d*)", lane)]


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _events(recording: Recording, segment: int, renaming: _Renaming) -> Iterator[Event]:
    """The events of one segment, lanes first."""
    last_ns = 0
    lanes = [lane for lane in recording.lanes.values() if lane.segment == segment]
    for lane in sorted(lanes, key=lambda lane: _lane_place(lane.id)):
        kind: Any = lane.kind
        yield LaneBegin(lane.id, lane.parent, kind, renaming.first_step(lane.first_ns), lane.function)
    for span, is_begin in renaming.steps:
        if span.segment != segment:
            continue
        exchange = recording.exchanges.get(span.id)
        if is_begin:
            yield _begin(span, exchange, renaming)
            continue
        for event in _end(span, exchange, renaming):
            last_ns = max(last_ns, event.at_ns)
            yield event
    if segment == renaming.segments[0]:
        # Which process sent them first is a matter of timing.
        for each in sorted(recording.unrecorded, key=lambda each: (each.caller, each.host)):
            yield Unrecorded(0, each.caller, each.host, each.requests)
    if recording.segments[segment].exited:
        yield Exit(last_ns)


def _begin(span: RecordedSpan, exchange: Exchange | None, renaming: _Renaming) -> SpanBegin:
    request = exchange.request if exchange is not None else None
    if request is not None:
        headers = {name: value for name, value in sorted(request.headers.items()) if name in _KEPT_REQUEST_HEADERS}
        request = Request(request.method, "", request.path, request.query, headers, request.body, request.digest)
    return SpanBegin(
        renaming.id(span.id),
        renaming.parent(span.parent),
        span.kind,
        span.name,
        renaming.time(span.start_ns),
        span.lane,
        "",
        _attributes(span.attributes),
        request,
    )


def _end(span: RecordedSpan, exchange: Exchange | None, renaming: _Renaming) -> Iterator[Answered | Chunk | SpanEnd]:
    """Yield the events of a span's response and of its end."""
    id, response = renaming.id(span.id), None
    if exchange is not None and exchange.answered_ns is not None:
        if _is_whole(span, exchange):
            response = Response(exchange.status, exchange.headers, exchange.body, exchange.form)
        else:
            yield Answered(id, renaming.time(exchange.answered_ns), exchange.status, exchange.headers, exchange.form)
            for piece in exchange.pieces:
                yield Chunk(id, renaming.time(piece.at_ns), piece.data)
    if span.end_ns is not None and span.status != "open":
        yield SpanEnd(id, renaming.time(span.end_ns), span.status, span.failure, {}, response)


def _is_whole(span: RecordedSpan, exchange: Exchange) -> bool:
    """Return whether the response arrived together with the attempt's end."""
    return (
        span.status != "open"
        and len(exchange.pieces) == 1
        and exchange.answered_ns == exchange.pieces[0].at_ns == span.end_ns
    )


def _attributes(attributes: Attributes) -> Attributes:
    """Return the attributes that are kept, by name; an enclosing run is only marked as one."""
    kept = {name: value for name, value in sorted(attributes.items()) if name not in _LEFT_OUT}
    if semconv.PARENT_RUN_ID in kept:
        kept[semconv.PARENT_RUN_ID] = RUN_ID
    return kept
