"""The allowed form of an exported span: the conventions, and the one table of attributes."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.collector import Received
from tracekit import semconv

__all__ = ["assert_conventional"]

TABLE = {value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str)}
TYPES = {
    **dict.fromkeys(
        (
            semconv.INPUT_TOKENS,
            semconv.OUTPUT_TOKENS,
            semconv.CACHE_READ_TOKENS,
            semconv.CACHE_WRITE_TOKENS,
            semconv.CACHE_WRITE_5M_TOKENS,
            semconv.CACHE_WRITE_1H_TOKENS,
            semconv.REASONING_TOKENS,
            semconv.REQUEST_MAX_TOKENS,
            semconv.HTTP_STATUS,
            semconv.HTTP_RESEND_COUNT,
            semconv.SERVER_PORT,
            semconv.EXIT_CODE,
            semconv.WEB_SEARCHES,
            semconv.WEB_FETCHES,
        ),
        "Int",
    ),
    **dict.fromkeys((semconv.COST_USD, semconv.WAIT_MS, semconv.TIME_TO_FIRST_CHUNK), "Double"),
    **dict.fromkeys(
        (
            semconv.REQUEST_STREAM,
            semconv.SYNC_IN_EVENT_LOOP,
            semconv.TOOL_RUNNER,
            semconv.TOOL_RESULT_OPAQUE,
            semconv.INFERRED,
            semconv.INFERRED_BOUNDS,
            semconv.INTERRUPTED,
            semconv.ORPHAN,
        ),
        "Bool",
    ),
    **dict.fromkeys(
        (
            semconv.DECLARED_AFTER,
            semconv.DECLARED_READS,
            semconv.DECLARED_WRITES,
            semconv.WORKSPACE_READS,
            semconv.WORKSPACE_WRITES,
            semconv.FINISH_REASONS,
            semconv.CALLERS,
        ),
        "Slice",
    ),
}
"""The types on the wire of what is no text."""

SDKS = ("anthropic.", "gen_ai.", "http.", "url.")
"""How the attributes begin that the SDK sets on its own spans beside those of the table."""

OPERATIONS = {"agent": "invoke_agent", "tool": "execute_tool", "llm": "chat"}


def _has_name(span: Received, kind: str) -> bool:
    said = span.attributes
    expected = {
        "agent": f"invoke_agent {said.get(semconv.AGENT_NAME)}",
        "tool": f"execute_tool {said.get(semconv.TOOL_NAME)}",
        "llm": f"chat {said.get(semconv.REQUEST_MODEL)}",
        "attempt": said.get(semconv.HTTP_METHOD),
        "run": said.get(semconv.RUN_NAME),
    }
    return span.name == expected.get(kind, span.name)


def assert_conventional(spans: Sequence[Received]) -> None:
    """Each span has the conventions' name, kind and types, nothing outside the table, and usage only where it counts."""
    for span in spans:
        kind = span.attributes[semconv.KIND]
        assert span.scope in (semconv.TRACEKIT_SCOPE, semconv.SDK_SCOPE_PREFIX), span
        for name in span.attributes:
            if span.scope == semconv.TRACEKIT_SCOPE or name.startswith("tracekit."):
                assert name in TABLE, (span.name, name)
            else:
                assert name in TABLE or name.startswith(SDKS), (span.name, name)
            if name in TABLE:
                assert span.types[name] == TYPES.get(name, "Str"), (span.name, name, span.types[name])
        assert _has_name(span, kind), span
        assert span.attributes.get(semconv.OPERATION_NAME) == OPERATIONS.get(kind), span
        is_client = kind in ("llm", "attempt") or (kind == "span" and span.scope == semconv.SDK_SCOPE_PREFIX)
        assert span.kind == ("SPAN_KIND_CLIENT" if is_client else "SPAN_KIND_INTERNAL")
        assert (span.status == "STATUS_CODE_ERROR") == (semconv.ERROR_TYPE in span.attributes)
        if kind != "llm":
            assert not [name for name in span.attributes if name.startswith("gen_ai.usage") or name == semconv.COST_USD]
    ids = [span.attributes[semconv.RESPONSE_ID] for span in spans if semconv.RESPONSE_ID in span.attributes]
    assert len(ids) == len({span.id for span in spans if semconv.RESPONSE_ID in span.attributes})
