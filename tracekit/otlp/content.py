"""Requests and responses in the form of the GenAI conventions: messages of parts.

https://github.com/open-telemetry/semantic-conventions-genai: gen_ai.input.messages, gen_ai.output.messages and
gen_ai.system_instructions. Images, documents and opaque data are named, not sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.model.conversation import blocks_of
from tracekit.model.messages import answer_of
from tracekit.model.recording import Exchange

__all__ = ["messages_of"]

_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")


def messages_of(exchange: Exchange) -> dict[str, Any]:
    """The attributes that hold the messages of `exchange`, as JSON values."""
    found: dict[str, Any] = {}
    request = exchange.request.asked
    if "messages" in request:
        messages = request.messages
        found[semconv.INPUT_MESSAGES] = [_message(each) for each in messages if isinstance(each, Mapping)]
    if request.get("system"):
        found[semconv.SYSTEM_INSTRUCTIONS] = _parts(request["system"])
    message = answer_of(exchange.body, exchange.headers.get("content-type", "")).message
    if message is not None:
        reason = str(message.get("stop_reason") or "error")
        found[semconv.OUTPUT_MESSAGES] = [
            {"role": "assistant", "parts": _parts(message.get("content")), "finish_reason": reason}
        ]
    return found


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": str(message.get("role", "user")), "parts": _parts(message.get("content"))}


def _parts(content: Any) -> list[dict[str, Any]]:
    return [_part(block) for block in blocks_of(content) if isinstance(block, Mapping)]


def _part(block: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(block.get("type"))
    if kind == "text":
        return {"type": "text", "content": block.get("text")}
    if kind == "thinking":
        return {"type": "reasoning", "content": block.get("thinking")}
    if kind in _CALLS:
        return {
            "type": "tool_call",
            "id": block.get("id"),
            "name": block.get("name"),
            "arguments": block.get("input"),
        }
    if kind.endswith("tool_result"):
        return {
            "type": "tool_call_response",
            "id": block.get("tool_use_id"),
            "response": _plain(block.get("content")),
        }
    return {"type": kind}


def _plain(value: Any) -> Any:
    """`value` without images, documents and what is encrypted, at any depth."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("type") in ("image", "document"):
        return {"type": value["type"]}
    return {name: _plain(each) for name, each in value.items() if not name.startswith("encrypted_")}
