"""Logs of Claude Code that say what its spans lack: the cost of each request.

Such a log becomes a span that records the same call as another, which it is merged with by the id of the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from tracekit.sources.otlp.decode import attributes_of
from tracekit.sources.otlp.dialects.claude_code import LOG_SCOPE
from tracekit.sources.otlp.json_form import attributes_in, json_id, listed, scopes_in, text_in, whole_in
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["json_logs", "logs_in"]

_EVENT = "api_request"
_KEPT = ("request_id", "cost_usd", "session.id")


def logs_in(request: Any) -> Iterator[SourceSpan]:
    """Yield the spans that the logs of a request in protobuf stand for."""
    for group in request.resource_logs:
        for scoped in group.scope_logs:
            for log in scoped.log_records if scoped.scope.name == LOG_SCOPE else ():
                ids = log.trace_id.hex(), log.span_id.hex()
                yield from _span(attributes_of(log.attributes), *ids, log.time_unix_nano)


def json_logs(record: Mapping[str, Any]) -> Iterator[SourceSpan]:
    """Yield the spans that the logs of a request in JSON stand for."""
    for group in listed(record.get("resourceLogs")):
        for scope, logs in scopes_in({"scopeSpans": _as_spans(group)}):
            for log in logs if text_in(scope.get("name")) == LOG_SCOPE else ():
                ids = json_id(log.get("traceId"), 32), json_id(log.get("spanId"), 16)
                yield from _span(attributes_in(log.get("attributes")), *ids, whole_in(log.get("timeUnixNano")))


def _as_spans(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**scope, "spans": scope.get("logRecords")} for scope in listed(group.get("scopeLogs"))]


def _span(attributes: Mapping[str, Any], trace: str, parent: str, at_ns: int) -> Iterator[SourceSpan]:
    request = attributes.get("request_id")
    if attributes.get("event.name") != _EVENT or not isinstance(request, str) or not json_id(trace, 32):
        return
    id = blake2b(request.encode("utf-8", "replace"), digest_size=8).hexdigest()
    kept = {name: attributes[name] for name in _KEPT if name in attributes}
    yield SourceSpan(trace, id, json_id(parent, 16), _EVENT, at_ns, at_ns, scope=LOG_SCOPE, attributes=kept)
