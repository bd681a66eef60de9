"""Requests with spans, logs and metrics: decoded within limits, and on the disk before they are acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple, TypeAlias

import orjson

from tracekit.errors import SourceError
from tracekit.model.parsing import is_deeper
from tracekit.origin import pass_on
from tracekit.privacy import RuleTimeoutError
from tracekit.sources.otlp.decode import parse_logs, parse_traces, spans_in
from tracekit.sources.otlp.json_form import is_traces, json_spans
from tracekit.sources.otlp.logs import json_logs, logs_in
from tracekit.sources.otlp.records import TraceRecords
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["Accepted", "BusyError", "Intake", "IntakeLimits", "Signal", "StorageError", "parse_json_body"]

Signal: TypeAlias = Literal["traces", "metrics", "logs"]

_CHUNK = 500
"""Spans that are held as objects at a time."""
_MOST_LEVELS = 100
"""Levels of a body in JSON. Protobuf has the same limit."""


class BusyError(Exception):
    """The receiver has as much in memory as it may: the sender has to send again in `retry_s` seconds."""

    retry_s = 1


class StorageError(Exception):
    """The disk takes nothing now: the sender has to send again later."""

    retry_s = 30


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """Bytes of one body, after decompression, and of all bodies that are held at a time."""

    body_bytes: int = 64_000_000
    held_bytes: int = 128_000_000


class Accepted(NamedTuple):
    """The outcome of a request: the spans that were rejected for good, and the reason."""

    rejected: int = 0
    reason: str = ""


class Intake:
    """Takes requests, from any number of threads.

    Args:
        records: The files that spans are written to.
        on_spans: Called with the traces of which there are new spans, once these are on the disk.
        limits: The limits of memory.
    """

    def __init__(
        self, records: TraceRecords, on_spans: Callable[[Mapping[str, int]], None], limits: IntakeLimits | None = None
    ) -> None:
        self._records = records
        self._on_spans = on_spans
        self.limits = limits or IntakeLimits()
        self._held = 0
        self._lock = threading.Lock()
        self.spans = 0
        self.rejected = 0

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Count `size` bytes as held for the block.

        Raises:
            BusyError: Too much is held already.
        """
        with self._lock:
            # A single body within its own limit is always taken.
            if self._held and self._held + size > self.limits.held_bytes:
                raise BusyError("the receiver is full; send the spans again later")
            self._held += size
        try:
            yield
        finally:
            with self._lock:
                self._held -= size

    @property
    def held(self) -> int:
        """The bytes that are held now."""
        return self._held

    def take(self, signal: Signal, body: bytes, *, is_json: bool) -> Accepted:
        """Take the request in `body`.

        Raises:
            SourceError: The body cannot be read; sending it again is of no use.
            StorageError: The disk takes nothing.
        """
        if signal == "traces":
            spans = _json_traces(body) if is_json else spans_in(parse_traces(body))
            return self._write(spans)
        if signal == "logs":
            return self._write(json_logs(parse_json_body(body)) if is_json else logs_in(parse_logs(body)))
        if is_json:
            parse_json_body(body)
        return Accepted()

    def take_message(self, request: Any, *, is_logs: bool = False) -> Accepted:
        """Take a request with spans, or with logs, that is decoded already.

        Raises:
            SourceError: A span cannot be redacted; sending it again is of no use.
            StorageError: The disk takes nothing.
        """
        return self._write(logs_in(request) if is_logs else spans_in(request))

    def _write(self, spans: Iterator[SourceSpan | None] | Iterator[SourceSpan]) -> Accepted:
        invalid = beyond = 0
        while chunk := list(islice(spans, _CHUNK)):
            valid = [span for span in chunk if span is not None]
            invalid += len(chunk) - len(valid)
            try:
                added, refused = self._records.add(valid)
            except RuleTimeoutError as error:
                raise SourceError(f"spans cannot be redacted: {error}") from error
            except OSError as error:
                # Those that are in the files are no news when they come again.
                self._on_spans({span.trace: 1 for span in valid})
                raise StorageError(f"spans cannot be written: {error.strerror or error}") from error
            beyond += refused
            self._on_spans(added)
            with self._lock:
                self.spans += sum(added.values())
        with self._lock:
            self.rejected += invalid + beyond
        reasons = [f"{invalid} have no valid trace id and span id"] if invalid else []
        reasons += [f"{beyond} are beyond the limit of spans in a trace"] if beyond else []
        return Accepted(invalid + beyond, "; ".join(reasons))


def _json_traces(body: bytes) -> Iterator[SourceSpan | None]:
    record = parse_json_body(body)
    if record and not is_traces(record):
        raise SourceError("the body has no resourceSpans")
    return json_spans(record)


def parse_json_body(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object in `body`.

    Raises:
        SourceError: The body is no JSON object, or has too many levels.
    """
    try:
        record = orjson.loads(body)
    except (ValueError, RecursionError) as error:
        pass_on(error)
        raise SourceError(f"the body is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise SourceError("the body is not a JSON object")
    if is_deeper(record, _MOST_LEVELS):
        raise SourceError(f"the body has more than {_MOST_LEVELS} levels of lists and objects")
    return record
