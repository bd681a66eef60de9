"""Messages that other tools write as attributes with indexes, as blocks or as JSON, in the form of the conventions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tracekit import semconv
from tracekit.model.adopted import json_in

__all__ = ["as_messages", "as_parts", "indexed", "message_of", "without_empty"]

_INDEX = re.compile(r"(\d{1,6})\.(.+)")


def indexed(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """Return the items of a list that stands in attributes as ``PREFIX.0.NAME``, by index; some may be missing."""
    found: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        if name.startswith(prefix) and (match := _INDEX.fullmatch(name[len(prefix) :])) is not None:
            found.setdefault(int(match[1]), {})[match[2]] = value
    return [found[index] for index in sorted(found)]


def message_of(role: Any, content: Any, calls: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Return a message of the conventions; each of `calls` has an id, a name and arguments."""
    parts = as_parts(content)
    for call in calls:
        arguments = json_in(call.get("arguments"))
        parts.append({"type": "tool_call", "id": call.get("id"), "name": call.get("name"), "arguments": arguments})
    return {"role": str(role or "user"), "parts": parts}


def as_parts(content: Any) -> list[dict[str, Any]]:
    """Return the parts of a message's content: a text, or blocks of the Anthropic or the OpenAI API."""
    content = json_in(content)
    if content is None or content == "":
        return []
    if not isinstance(content, list):
        return [{"type": "text", "content": content}]
    return [_part(block) for block in content]


def _part(block: Any) -> dict[str, Any]:
    if not isinstance(block, Mapping):
        return {"type": "text", "content": block}
    match block.get("type"):
        case "tool_use":
            return {
                "type": "tool_call",
                "id": block.get("id"),
                "name": block.get("name"),
                "arguments": block.get("input"),
            }
        case "tool_result":
            return {
                "type": "tool_call_response",
                "id": block.get("tool_use_id"),
                "response": block.get("content"),
            }
        case "thinking":
            return {"type": "reasoning", "content": block.get("thinking")}
        case "text" | None if "text" in block:
            return {"type": "text", "content": block["text"]}
    return dict(block)


def as_messages(value: Any) -> list[dict[str, Any]]:
    """Return the messages in `value`, a list of messages of either API, or JSON of one."""
    value = json_in(value)
    if isinstance(value, Mapping):
        value = value.get("messages", [value])
    return [
        message_of(each.get("role"), each.get("content"), _calls(each))
        for each in (value if isinstance(value, list) else ())
        if isinstance(each, Mapping)
    ]


def _calls(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    calls = message.get("tool_calls")
    found = []
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, Mapping):
            function = call.get("function")
            called = function if isinstance(function, Mapping) else call
            arguments = called.get("arguments", called.get("args", called.get("input")))
            id = call.get("id", call.get("toolCallId"))
            found.append({"id": id, "name": called.get("name", called.get("toolName")), "arguments": arguments})
    return found


def without_empty(input: Any = None, output: Any = None, system: Any = None) -> dict[str, Any]:
    """Return the attributes for messages, without those that are empty."""
    found = {semconv.INPUT_MESSAGES: input, semconv.OUTPUT_MESSAGES: output, semconv.SYSTEM_INSTRUCTIONS: system}
    return {name: value for name, value in found.items() if value}
