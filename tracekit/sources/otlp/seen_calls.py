"""The calls that were recorded, to find the SDK's spans of calls that an instrumentation records in another trace.

An instrumentation by callbacks leaves no context, so the SDK's spans begin traces beside its own. The calls stand in a
file beside the spans, so that a receiver that is started again finds the pairs, too.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tracekit import semconv
from tracekit.origin import pass_on
from tracekit.sources.otlp.span import SourceSpan
from tracekit.sources.otlp.usage_counts import count_in

__all__ = ["SeenCalls", "is_sdks"]

_MOST = 50_000
_MOST_BYTES = 8_000_000
"""A file that is larger is put aside in place of the one before it."""
_SLACK_NS = 1_000_000_000
"""How far the times of two records of one call may be apart."""
_COUNTS = (
    (semconv.INPUT_TOKENS, *semconv.OTHER_NAMES[semconv.INPUT_TOKENS]),
    (semconv.OUTPUT_TOKENS, *semconv.OTHER_NAMES[semconv.OUTPUT_TOKENS]),
)


def is_sdks(span: SourceSpan) -> bool:
    """Return whether the SDK itself made the span."""
    return span.scope.startswith(semconv.SDK_SCOPE_PREFIX) and semconv.KIND not in span.attributes


class _SeenCall(NamedTuple):
    """A call that was recorded. `response` is the id of its response, or ""."""

    trace: str
    id: str
    start_ns: int
    end_ns: int
    input: int
    output: int
    response: str
    is_sdks: bool

    def is_same(self, other: _SeenCall) -> bool:
        """Return whether two calls with equal tokens in two traces are one."""
        if self.trace == other.trace or (self.response and other.response and self.response != other.response):
            return False
        return self.start_ns <= other.end_ns + _SLACK_NS and other.start_ns <= self.end_ns + _SLACK_NS


class SeenCalls:
    """The newest calls with tokens, kept in the file at `path`. Threads may share it.

    Raises:
        OSError: The file cannot be read.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._calls: dict[tuple[int, int], dict[tuple[str, str], _SeenCall]] = {}
        self._order: deque[_SeenCall] = deque()
        self._claimed: dict[tuple[str, str], str] = {}
        self._late: dict[str, None] = {}
        self._lock = threading.Lock()
        for line in () if path is None else chain(_lines(_aside(path)), _lines(path)):
            self._load(line)
        # The process before may have been killed between a call and the look for its other record.
        self._find_late([call for call in self._order if (call.trace, call.id) not in self._claimed])

    def note(self, spans: Iterable[SourceSpan]) -> None:
        """Remember those of `spans` that record a call.

        Raises:
            OSError: The file cannot be written.
        """
        with self._lock:
            new = [call for span in spans if (call := _call(span)) is not None and self._add(call)]
            self._find_late(new)
            self._write([list(call) for call in new])

    def late(self) -> list[str]:
        """Return the traces of SDK calls of which another record has come since the last time."""
        with self._lock:
            found, self._late = list(self._late), {}
        return found

    def other_record(self, span: SourceSpan) -> str:
        """Return the trace in which another span records the call of `span`, which is the SDK's; else "".

        Each span that is found stands for one call.

        Raises:
            OSError: The file cannot be written.
        """
        call = _call(span)
        if call is None:
            return ""
        with self._lock:
            alike = self._calls.get((call.input, call.output), {})
            others = [each for each in alike.values() if not each.is_sdks and each.is_same(call)]
            # The same response is better evidence than equal tokens.
            me = f"{call.trace}.{call.id}"
            for each in sorted(others, key=lambda other: not other.response):
                key = each.trace, each.id
                if key not in self._claimed:
                    self._claimed[key] = me
                    self._write([[*key, me]])
                if self._claimed[key] == me:
                    return each.trace
        return ""

    def _find_late(self, calls: Iterable[_SeenCall]) -> None:
        for call in calls:
            if not call.is_sdks:
                others = self._calls.get((call.input, call.output), {}).values()
                self._late.update((each.trace, None) for each in others if each.is_sdks and each.is_same(call))

    def _add(self, call: _SeenCall) -> bool:
        alike = self._calls.setdefault((call.input, call.output), {})
        if (call.trace, call.id) in alike:
            return False
        alike[call.trace, call.id] = call
        self._order.append(call)
        if len(self._order) > _MOST:
            gone = self._order.popleft()
            self._claimed.pop((gone.trace, gone.id), None)
            rest = self._calls[gone.input, gone.output]
            rest.pop((gone.trace, gone.id), None)
            if not rest:
                del self._calls[gone.input, gone.output]
        return True

    def _load(self, line: bytes) -> None:
        try:
            match orjson.loads(line):
                case [str(trace), str(id), str(claimed)]:
                    self._claimed[trace, id] = claimed
                case [str(), str(), int(), int(), int(), int(), str(), bool()] as fields:
                    self._add(_SeenCall(*fields))
        except ValueError as error:
            # The writer was killed in the middle of the line.
            pass_on(error)

    def _write(self, records: list[list[Any]]) -> None:
        if self._path is None or not records:
            return
        number = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(number, "ab") as file:
            # A line that was cut before ends here.
            file.write(b"\n" + b"\n".join(orjson.dumps(record) for record in records) + b"\n")
            file.flush()
            is_full = os.fstat(number).st_size > _MOST_BYTES
        if is_full:
            self._path.replace(_aside(self._path))


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.before")


def _lines(path: Path) -> list[bytes]:
    try:
        return [line for line in path.read_bytes().splitlines() if line]
    except FileNotFoundError as error:
        pass_on(error)
        return []


def _call(span: SourceSpan) -> _SeenCall | None:
    """Return the call that `span` records; None where it has no tokens, or is the SDK's within another span."""
    if is_sdks(span) and span.parent:
        return None
    found = []
    for names in _COUNTS:
        count = next((count for name in names if (count := count_in(span.attributes.get(name))) is not None), None)
        if count is None:
            return None
        found.append(count)
    response = str(span.attributes.get(semconv.RESPONSE_ID) or "")[:200]
    return _SeenCall(span.trace, span.id, span.start_ns, span.end_ns, found[0], found[1], response, is_sdks(span))
