"""Messages in the form of the GenAI conventions, as a request and a response of the Messages API have them.

Spans of other tools hold messages so; whatever reads conversations reads them like those of an exchange.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.model.events import Attributes, Request
from tracekit.model.history import RequestFields, asked_in
from tracekit.model.json_text import compact
from tracekit.model.parsing import parse_json
from tracekit.model.recording import Exchange, Piece
from tracekit.origin import pass_on

__all__ = ["answer_in_attributes", "exchange_in_attributes", "fields_in_attributes", "has_messages"]

_ROLES = {"assistant": "assistant", "model": "assistant"}


def has_messages(attributes: Attributes) -> bool:
    """Return whether a span has the messages of a call."""
    return semconv.INPUT_MESSAGES in attributes or semconv.OUTPUT_MESSAGES in attributes


def fields_in_attributes(attributes: Attributes) -> RequestFields:
    """Return the request that a span's messages are: its messages, and its system prompt if there is one."""
    return asked_in(_request_body(attributes))


def exchange_in_attributes(call: str, attributes: Attributes, end_ns: int) -> Exchange | None:
    """Return the exchange that the messages of a span are, under the id of the `call`; None without messages."""
    if not has_messages(attributes):
        return None
    request = Request("POST", "", "", "", {}, _request_body(attributes))
    answer = answer_in_attributes(attributes)
    pieces = (
        [] if answer is None else [Piece(end_ns, compact({"type": "message", **answer}).encode("utf-8", "replace"))]
    )
    return Exchange(call, request, "", 200, {"content-type": "application/json"}, end_ns, pieces)


def _request_body(attributes: Attributes) -> bytes:
    messages = [_message(each) for each in _listed(attributes.get(semconv.INPUT_MESSAGES))]
    system = _blocks(_listed(attributes.get(semconv.SYSTEM_INSTRUCTIONS)))
    # A tool of the conventions may have the system prompt among the messages.
    system += [block for each in messages if each["role"] == "system" for block in each["content"]]
    model = attributes.get(semconv.REQUEST_MODEL)
    body = {
        **({"model": model} if isinstance(model, str) else {}),
        "messages": [each for each in messages if each["role"] != "system"],
        **({"system": system} if system else {}),
    }
    return compact(body).encode("utf-8", "surrogatepass")


def answer_in_attributes(attributes: Attributes) -> Mapping[str, Any] | None:
    """Return the message that a span's output is, None without one."""
    found = _listed(attributes.get(semconv.OUTPUT_MESSAGES))
    if not found:
        return None
    reason = attributes.get(semconv.STOP_REASON) or found[0].get("finish_reason")
    content = [block for each in found for block in _message(each)["content"]]
    return {"role": "assistant", "content": content, "stop_reason": None if reason is None else str(reason)}


def _listed(value: Any) -> list[Mapping[str, Any]]:
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError as error:
            # It was cut on its way.
            pass_on(error)
            return []
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    role = str(message.get("role"))
    content = _blocks(_listed(message.get("parts")))
    return {"role": _ROLES.get(role, "system" if role == "system" else "user"), "content": content}


def _blocks(parts: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [_block(part) for part in parts]


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    match part.get("type"):
        case "text":
            return {"type": "text", "text": _text(part.get("content"))}
        case "reasoning":
            return {"type": "thinking", "thinking": _text(part.get("content"))}
        case "tool_call":
            asked = {"id": str(part.get("id")), "name": str(part.get("name")), "input": part.get("arguments")}
            return {"type": "tool_use", **asked}
        case "tool_call_response":
            answered = part.get("response", part.get("result"))
            content = answered if isinstance(answered, str | list) else compact(answered)
            return {"type": "tool_result", "tool_use_id": str(part.get("id")), "content": content}
    return dict(part)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else compact(value)
