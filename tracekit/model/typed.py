"""Requests and answers of the Messages API with the types that code behind them counts on.

A server, or a recording of a stranger, may give any JSON. What is no text where the API has one becomes its text, so that
nothing is lost, and code may look ids up and join texts without asking.
"""

from __future__ import annotations

from typing import Any

__all__ = ["has_types", "typed_block", "typed_message", "typed_request"]

_OF_BLOCK = frozenset(("description", "id", "name", "signature", "text", "thinking", "tool_use_id", "type"))
_OF_MESSAGE = frozenset(("id", "model", "role", "stop_reason", "type"))
_OF_REQUEST = frozenset(("model",))
_OF_BLOCKS = ("system", "tools")


def typed_block(block: dict[str, Any]) -> dict[str, Any]:
    """Give a content block, or the definition of a tool, its types, and return it."""
    _to_texts(block, _OF_BLOCK)
    # The result of a tool may be blocks again, and nothing that they hold is read as a block.
    for inner in block["content"] if type(block.get("content")) is list else ():
        if type(inner) is dict:
            _to_texts(inner, _OF_BLOCK)
    return block


def typed_message(message: dict[str, Any]) -> dict[str, Any]:
    """Give a message of a request, or an answer, its types, and return it."""
    _to_texts(message, _OF_MESSAGE)
    _typed_blocks(message.get("content"))
    if type(message.get("usage", {})) is not dict:
        del message["usage"]
    return message


def typed_request(request: dict[str, Any]) -> dict[str, Any]:
    """Give a request its types, and return it."""
    _to_texts(request, _OF_REQUEST)
    for name in _OF_BLOCKS:
        _typed_blocks(request.get(name))
    messages = request.get("messages")
    for message in messages if type(messages) is list else ():
        if type(message) is dict:
            typed_message(message)
    return request


def has_types(name: str, value: Any) -> bool:
    """Return whether `value`, a field `name` of a request or one of its ``messages``, is as `typed_request` makes it."""
    if name == "messages":
        if type(value) is not dict:
            return True
        is_usage = type(value.get("usage", {})) is dict
        return is_usage and _are_texts(value, _OF_MESSAGE) and _have_types(value.get("content"))
    if name in _OF_REQUEST:
        return value is None or type(value) is str
    return name not in _OF_BLOCKS or _have_types(value)


def _have_types(blocks: Any) -> bool:
    if type(blocks) is not list:
        return True
    for block in blocks:
        if type(block) is dict:
            inner = block.get("content")
            within = inner if type(inner) is list else ()
            if not _are_texts(block, _OF_BLOCK) or not all(
                _are_texts(each, _OF_BLOCK) for each in within if type(each) is dict
            ):
                return False
    return True


def _are_texts(value: dict[str, Any], names: frozenset[str]) -> bool:
    return all(value[name] is None or type(value[name]) is str for name in names & value.keys())


def _typed_blocks(blocks: Any) -> None:
    for block in blocks if type(blocks) is list else ():
        if type(block) is dict:
            typed_block(block)


def _to_texts(value: dict[str, Any], names: frozenset[str]) -> None:
    for name in names & value.keys():
        if value[name] is not None and type(value[name]) is not str:
            value[name] = str(value[name])
