"""OpenTelemetry's GenAI conventions of every version, and whatever else no other dialect describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.model.adopted import json_in
from tracekit.sources.otlp.dialects.table import Dialect
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["GENAI", "event_messages"]

_DETAILS = "gen_ai.client.inference.operation.details"
_MESSAGES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"
_CONVENTIONS = (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS)


def event_messages(span: SourceSpan) -> Mapping[str, Any]:
    """Return the messages that stand in events of `span`, as conventions before 1.37 had them, or on its details event."""
    found: dict[str, list[Any]] = {}
    for event in span.events:
        if event.name == _DETAILS:
            found |= {name: json_in(event.attributes[name]) for name in _CONVENTIONS if name in event.attributes}
        elif event.name in _MESSAGES:
            role = str(event.attributes.get("role") or _MESSAGES[event.name])
            found.setdefault(semconv.INPUT_MESSAGES, []).append(_message(role, event.attributes))
        elif event.name == _CHOICE:
            content = json_in(event.attributes.get("message"))
            inner = content if isinstance(content, Mapping) else {**event.attributes, "content": content}
            message = _message("assistant", inner)
            if "finish_reason" in event.attributes:
                message["finish_reason"] = event.attributes["finish_reason"]
            found.setdefault(semconv.OUTPUT_MESSAGES, []).append(message)
    return found


def _message(role: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    content = json_in(attributes.get("content"))
    parts: list[Any] = [] if content is None else [{"type": "text", "content": content}]
    calls = json_in(attributes.get("tool_calls"))
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, Mapping):
            function = call.get("function")
            called = function if isinstance(function, Mapping) else call
            arguments = json_in(called.get("arguments"))
            parts.append(
                {"type": "tool_call", "id": call.get("id"), "name": called.get("name"), "arguments": arguments}
            )
    if role == "tool" and "id" in attributes:
        parts = [{"type": "tool_call_response", "id": attributes["id"], "response": content}]
    return {"role": role, "parts": parts}


GENAI = Dialect("genai", content=event_messages)
