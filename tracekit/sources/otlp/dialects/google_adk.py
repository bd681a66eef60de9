"""Google's Agent Development Kit: version 1 has a span around each call, and one that sums parallel tools up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.model.adopted import json_in
from tracekit.sources.otlp.dialects.messages import without_empty
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["GOOGLE_ADK"]

_LEVELS: Mapping[str, SpanLevel] = {
    "call_llm": "outer",
    "execute_tool (merged)": "span",
    "invocation": "workflow",
    "invoke_workflow": "workflow",
}


def _level(span: SourceSpan) -> SpanLevel | None:
    return _LEVELS.get(span.name)


def _extras(span: SourceSpan) -> Mapping[str, Any]:
    # The span names the kit itself as the provider.
    model = str(span.attributes.get(semconv.REQUEST_MODEL) or "")
    return {semconv.PROVIDER_NAME: "anthropic"} if "claude" in model else {}


def _content(span: SourceSpan) -> Mapping[str, Any]:
    request, response = (
        json_in(span.attributes.get(f"gcp.vertex.agent.llm_{each}")) for each in ("request", "response")
    )
    contents = request.get("contents") if isinstance(request, Mapping) else None
    answer = response.get("content") if isinstance(response, Mapping) else None
    return without_empty(_messages(contents), _messages([answer]))


def _messages(contents: Any) -> list[dict[str, Any]]:
    return [
        {"role": "assistant" if each.get("role") == "model" else str(each.get("role")), "parts": _parts(each)}
        for each in (contents if isinstance(contents, list) else ())
        if isinstance(each, Mapping)
    ]


def _parts(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    parts = content.get("parts")
    for part in parts if isinstance(parts, list) else ():
        if not isinstance(part, Mapping):
            continue
        call, response = part.get("function_call"), part.get("function_response")
        if isinstance(call, Mapping):
            fields = {"id": call.get("id"), "name": call.get("name"), "arguments": call.get("args")}
            found.append({"type": "tool_call", **fields})
        elif isinstance(response, Mapping):
            fields = {"id": response.get("id"), "response": response.get("response")}
            found.append({"type": "tool_call_response", **fields})
        elif "text" in part:
            found.append({"type": "text", "content": part["text"]})
    return found


GOOGLE_ADK = Dialect(
    "google-adk",
    scopes=("gcp.vertex.agent",),
    level=_level,
    extras=_extras,
    names={
        semconv.TOOL_CALL_ARGUMENTS: ("gcp.vertex.agent.tool_call_args",),
        semconv.CONVERSATION_ID: ("gcp.vertex.agent.session_id",),
    },
    cache="inside",
    content=_content,
)
