"""Traces from a team's own store, Tempo or Jaeger, by their ids or by a query."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from tracekit.errors import SourceError
from tracekit.journal.home import received_path
from tracekit.model.parsing import parse_json
from tracekit.origin import pass_on
from tracekit.privacy import project_privacy, public_address, without_user
from tracekit.sources.importing import Imported, import_sessions
from tracekit.sources.otlp.files import spans_in_document
from tracekit.sources.otlp.records import TraceRecords
from tracekit.sources.otlp.source import Otlp
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["PullQuery", "TraceStore", "jaeger", "pull", "tempo"]

_TIMEOUT_S = 60
_MOST_BYTES = 256_000_000
_DIGITS = 32


@dataclass(frozen=True, slots=True)
class PullQuery:
    """The traces that are wanted: by TraceQL, or of a service; begun between two times in seconds since the epoch."""

    text: str
    start_s: int
    end_s: int
    limit: int = 20


@dataclass(frozen=True, slots=True)
class TraceStore:
    """A store of traces at an address. `headers` are sent with each request."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str) -> bytes | None:
        """Return the body at `path`, None where there is nothing.

        Raises:
            SourceError: The store does not answer, refuses, or answers too much.
        """
        url, user = without_user(self.url)
        headers = {"accept": "application/json", **self.headers}
        if user:
            headers.setdefault("authorization", f"Basic {base64.b64encode(user.encode()).decode()}")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise SourceError(
                f"{public_address(self.url)!r} is not an address of {self.name}: an address begins with http:// or https://"
            )
        whole = urlunsplit(
            (parts.scheme, parts.netloc, parts.path.rstrip("/") + path.partition("?")[0], path.partition("?")[2], "")
        )
        try:
            request = urllib.request.Request(whole, headers=headers)  # noqa: S310  the scheme is checked above
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310  the same
                body: bytes = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                explanation = error.read(500).decode("utf-8", "replace").strip()
            raise SourceError(
                f"{self._where()} answers {error.code} {error.reason}: {explanation or 'no reason'}"
            ) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise SourceError(f"{self._where()} cannot be reached: {reason}") from error
        if len(body) > _MOST_BYTES:
            raise SourceError(f"{self._where()} answers with more than {_MOST_BYTES} bytes; ask for fewer traces")
        return body

    def _where(self) -> str:
        return f"{self.name} at {public_address(self.url)}"


def tempo(store: TraceStore, query: PullQuery) -> list[str]:
    """Return the ids of the traces that a query in TraceQL finds in Tempo.

    Raises:
        SourceError: The query is wrong, or Tempo does not answer.
    """
    asked = {"q": query.text, "limit": query.limit, "start": query.start_s, "end": query.end_s}
    found = _json(store, store.get(f"/api/search?{urlencode(asked)}") or b"{}")
    traces = found.get("traces") if isinstance(found, Mapping) else None
    return [_trace_id(str(each.get("traceID"))) for each in traces or () if isinstance(each, Mapping)]


def jaeger(store: TraceStore, query: PullQuery) -> list[SourceSpan | None]:
    """Return the spans of the newest traces of a service in Jaeger.

    Raises:
        SourceError: Jaeger does not answer.
    """
    begin, end = (
        datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for at_s in (query.start_s, query.end_s)
    )
    asked = {
        "query.service_name": query.text,
        "query.start_time_min": begin,
        "query.start_time_max": end,
        "query.num_traces": query.limit,
    }
    return list(_spans(store, store.get(f"/api/v3/traces?{urlencode(asked)}")))


def pull(store: TraceStore, traces: Sequence[str] = (), query: PullQuery | None = None) -> tuple[Imported, list[str]]:
    """Import traces of `store`, and return the sums and the ids of the traces that are not there.

    Raises:
        HomeError: The folder for journals cannot be used.
        SettingsError: The rules of redaction cannot be used.
        SourceError: The store does not answer, or an id is none.
        OSError: A journal cannot be written.
    """
    records, known = TraceRecords(project_privacy()), dict[str, None]()
    wanted = [_trace_id(each) for each in traces]
    if query is not None and store.name == "Jaeger":
        _keep(records, jaeger(store, query), known)
    elif query is not None:
        wanted += tempo(store, query)
    missing = [trace for trace in dict.fromkeys(wanted) if not _keep(records, _trace(store, trace), known)]
    return import_sessions(Otlp(records.calls), [received_path(trace) for trace in known]), missing


def _trace(store: TraceStore, trace: str) -> Iterator[SourceSpan | None]:
    paths = (
        ("/api/v3/traces/{}", "/api/traces/{}") if store.name == "Jaeger" else ("/api/v2/traces/{}", "/api/traces/{}")
    )
    for path in paths:
        body = store.get(path.format(quote(trace)))
        if body is not None:
            yield from _spans(store, body)
            return


def _spans(store: TraceStore, body: bytes | None) -> Iterator[SourceSpan | None]:
    """Yield the spans of an answer: a document, or several in lines, each perhaps within a `result`."""
    for line in _documents(store, body or b""):
        record = line.get("result", line) if isinstance(line, Mapping) else line
        if record:
            yield from spans_in_document(record, f"the answer of {store.name}")


def _documents(store: TraceStore, body: bytes) -> list[Any]:
    try:
        return [parse_json(body)] if body.strip() else []
    except ValueError as error:
        pass_on(error)
        return [_json(store, line) for line in body.splitlines() if line.strip()]


def _json(store: TraceStore, body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise SourceError(
            f"{store.name} at {public_address(store.url)} did not answer with JSON; check the address"
        ) from error


def _keep(records: TraceRecords, spans: Any, known: dict[str, None]) -> int:
    found = [span for span in spans if span is not None]
    records.add(found)
    known.update(dict.fromkeys(span.trace for span in found))
    return len(found)


def _trace_id(text: str) -> str:
    """Return a trace id with the leading zeros that stores leave out.

    Raises:
        SourceError: The text is no trace id.
    """
    id = text.strip().lower().rjust(_DIGITS, "0")
    if len(id) > _DIGITS or id.strip("0123456789abcdef") or not id.strip("0"):
        raise SourceError(f"{text!r} is not a trace id; give its 32 hex digits")
    return id
