"""Journals made by hand: events through the real writer, and back through the real reader."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracekit.journal.catalog import segments_of
from tracekit.journal.decode import Decoder
from tracekit.journal.encode import Encoder
from tracekit.journal.reader import JournalReader
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Event, Request, SpanBegin, SpanEnd
from tracekit.model.run import RunInfo

RUN = RunInfo("0123456789abcdef" * 2, "a run", 1_700_000_000_000_000_000)


def compact(value: Any) -> bytes:
    """JSON as the SDK sends it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def request(body: bytes | None, *, query: str = "") -> Request:
    """A request with this body."""
    return Request(
        "POST", "https://api.anthropic.com", "/v1/messages", query, {"content-type": "application/json"}, body
    )


def asking(number: int, body: bytes | None) -> SpanBegin:
    """The begin of the attempt `number`, which sends `body`."""
    return SpanBegin(f"{number:016x}", None, "attempt", "POST", 1_000 + number, "m", "", {}, request(body))


def begin(number: int, name: str = "step", parent: int | None = None) -> SpanBegin:
    """The begin of the span `number`."""
    return SpanBegin(f"{number:016x}", f"{parent:016x}" if parent is not None else None, "agent", name, number, "m")


def end(number: int) -> SpanEnd:
    """The end of the span."""
    return SpanEnd(f"{number:016x}", 1_000_000 + number, "ok")


def lines_of(events: Sequence[Event]) -> list[bytes]:
    """The lines that one segment holds for `events`."""
    encoder = Encoder()
    lines: list[bytes] = []
    for event in events:
        lines += [line.encode("utf-8", "backslashreplace") for line in encoder.lines(event)]
        encoder.written(event)
    return lines


def events_in(lines: list[bytes]) -> list[Event]:
    """The events that the lines of one segment tell. All of them can be read."""
    decoder = Decoder()
    events: list[Event] = []
    for line in lines:
        assert b"\n" not in line
        event = decoder.event(line)
        assert decoder.problem == ""
        if event is not None:
            events.append(event)
    return events


def round_trip(*events: Event) -> list[Event]:
    """`events` as they come back."""
    return events_in(lines_of(list(events)))


def bodies_back(bodies: list[bytes]) -> list[bytes | None]:
    """The bodies of requests as they come back."""
    events = round_trip(*(asking(number, body) for number, body in enumerate(bodies)))
    return [event.request.body for event in events if isinstance(event, SpanBegin) and event.request is not None]


def write_run(*events: Event, run: RunInfo = RUN) -> Path:
    """Write `events` to a segment of `run`; returns its path."""
    sink = JournalSink()
    for event in events:
        sink.write(run, event)
    sink.exit(9)
    (path,) = [path for path in segments_of(run.id) if path.name.endswith(f".{os.getpid()}.jsonl")]
    return path


def read_events(path: Path) -> list[Event]:
    """The events in the file at `path`, which is not damaged."""
    reader = JournalReader(path)
    events = [event for _, event in reader.new_events()]
    assert reader.damage == []
    return events


def new_run(name: str = "a run") -> RunInfo:
    """A run of its own."""
    return RunInfo(os.urandom(16).hex(), name, 1_700_000_000_000_000_000)
