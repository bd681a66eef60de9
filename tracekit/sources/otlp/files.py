"""Files of spans: lines of OTLP in JSON, as the collector's file exporter writes them, and single documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tracekit.errors import SourceError
from tracekit.journal.files import open_regular
from tracekit.model.parsing import parse_json
from tracekit.origin import pass_on
from tracekit.sources.otlp.jaeger import is_jaeger, jaeger_spans
from tracekit.sources.otlp.json_form import is_traces, json_spans
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["is_spans", "spans_in_document", "spans_of"]

_Spans = Iterator[SourceSpan | None]
_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Mapping[str, Any]], _Spans]], ...] = (
    (is_traces, json_spans),
    (is_jaeger, jaeger_spans),
)
_HEAD_BYTES = 1 << 16
_SIGNS = (b'"resourceSpans"', b'"resource_spans"', b'"batches"', b'"traceID"')
_MOST_BYTES = 256_000_000
"""Bytes of a document that is not written in lines."""


def is_spans(path: Path) -> bool:
    """Return whether the file at `path` seems to hold spans.

    Raises:
        OSError: The file cannot be read.
    """
    with open_regular(path) as file:
        head = file.read(_HEAD_BYTES)
    return head.lstrip()[:1] in (b"{", b"[") and any(sign in head for sign in _SIGNS)


def spans_of(path: Path) -> _Spans:
    """Yield the spans in the file at `path`, with None for each that has no valid ids.

    Raises:
        OSError: The file cannot be read.
        SourceError: The file has what is no span.
    """
    with open_regular(path) as file:
        first = file.readline()
        whole = _record(first)
        if whole is None:
            file.seek(0)
            yield from _document(file.read(_MOST_BYTES + 1), path)
            return
        yield from spans_in_document(whole, f"line 1 of {path}")
        for number, line in enumerate(file, 2):
            if not line.strip():
                continue
            record = _record(line)
            if record is None:
                raise SourceError(f"line {number} of {path} is not JSON; the lines before it were read")
            yield from spans_in_document(record, f"line {number} of {path}")


def _document(data: bytes, path: Path) -> _Spans:
    if len(data) > _MOST_BYTES:
        raise SourceError(f"{path} is one document of more than {_MOST_BYTES} bytes; write each request in a line")
    record = _record(data)
    if record is None:
        raise SourceError(f"{path} is not JSON, or is cut")
    yield from spans_in_document(record, str(path))


def _record(text: bytes) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        pass_on(error)
        return None


def spans_in_document(record: Any, where: str) -> _Spans:
    """Yield the spans of a JSON value in any form that is known.

    Raises:
        SourceError: The form is not known.
    """
    for each in record if isinstance(record, list) else [record]:
        read = next((read for knows, read in _FORMS if knows(each)), None)
        if read is None:
            raise SourceError(f"{where} has no spans in it: {json.dumps(each)[:80]}")
        yield from read(each)
