"""What each call said that no call before it had said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tracekit.analysis.structure.calls import text_of
from tracekit.model.conversation import answer_signature, blocks_of, is_answer, prefix_keys, shared_messages
from tracekit.model.messages import answer_of, request_of
from tracekit.model.recording import Exchange
from tracekit.model.tree import Node, Run
from tracekit.store.rows import MessageRow

__all__ = ["messages_of"]

_MOST_CANDIDATES = 8
_LONGEST_DATA = 4096


@dataclass(slots=True)
class _Asked:
    """What a call asked, for later calls to continue."""

    messages: list[Any]
    system: str
    answer: str


def messages_of(run: Run) -> Iterator[MessageRow]:
    """The blocks of the messages that each call of `run` was the first to bring, and of its answer."""
    calls = sorted((node for node in run.root.walk() if node.kind == "llm"), key=lambda node: node.start_ns)
    known: dict[bytes, list[_Asked]] = {}
    for call in calls:
        exchange = _exchange(call, run)
        if exchange is not None:
            yield from _said(call.id, exchange, known)


def _exchange(call: Node, run: Run) -> Exchange | None:
    """The last attempt's."""
    found = [run.recording.exchanges.get(child.id) for child in call.children if child.kind == "attempt"]
    return next((exchange for exchange in reversed(found) if exchange is not None), None)


def _said(call: str, exchange: Exchange, known: dict[bytes, list[_Asked]]) -> Iterator[MessageRow]:
    request = request_of(exchange.request.body)
    answer = answer_of(exchange.body, exchange.headers.get("content-type", "")).message or {}
    messages = request.get("messages")
    asked = _Asked(
        messages if isinstance(messages, list) else [],
        text_of(request.get("system")),
        answer_signature(answer.get("content")),
    )
    added = [("system", _text(asked.system))] if asked.system else []
    new = asked.messages
    if asked.messages:
        group = known.setdefault(prefix_keys(asked.messages[:1])[0], [])
        base, kept = _longest(asked.messages, group)
        if base is not None:
            added = added if asked.system != base.system else []
            if kept == len(base.messages) and is_answer(asked.messages[kept : kept + 1], base.answer):
                kept += 1
            new = asked.messages[kept:]
        group.append(asked)
    added += [(_role(message), block) for message in new for block in _blocks(message)]
    position = 0
    for role, block in added:
        yield _row(call, position, role, block, is_answer=False)
        position += 1
    for block in blocks_of(answer.get("content")):
        yield _row(call, position, "assistant", block, is_answer=True)
        position += 1


def _longest(messages: list[Any], group: list[_Asked]) -> tuple[_Asked | None, int]:
    """The newest request that shares most of its messages, and how many."""
    best: tuple[_Asked | None, int] = (None, 0)
    for base in reversed(group[-_MOST_CANDIDATES:]):
        kept = shared_messages(messages, base.messages)
        if kept > best[1]:
            best = (base, kept)
    return best


def _role(message: Any) -> str:
    return str(message.get("role", "")) if isinstance(message, Mapping) else ""


def _blocks(message: Any) -> list[Any]:
    return blocks_of(message.get("content")) if isinstance(message, Mapping) else [message]


def _text(text: str) -> Any:
    return {"type": "text", "text": text}


def _row(call: str, position: int, role: str, block: Any, *, is_answer: bool) -> MessageRow:
    if not isinstance(block, Mapping):
        return MessageRow(call, position, is_answer, role, "", _json(block), None, None)
    kind = str(block.get("type", ""))
    tool = id = None
    if kind in ("text", "thinking"):
        text = str(block.get(kind, ""))
    elif kind.endswith("tool_use"):
        text, tool, id = _json(block.get("input")), str(block.get("name")), str(block.get("id"))
    elif kind == "tool_result":
        content = block.get("content")
        text, id = text_of(content) or _json(content), str(block.get("tool_use_id"))
    else:
        text = _json({name: value for name, value in block.items() if name != "type"})
    return MessageRow(call, position, is_answer, role, kind, text, tool, id)


def _json(value: Any) -> str:
    return json.dumps(_without_data(value), ensure_ascii=False, default=str)


def _without_data(value: Any) -> Any:
    """`value` less the long base64 texts of images and documents."""
    if isinstance(value, dict):
        data = value.get("data")
        if isinstance(data, str) and len(data) > _LONGEST_DATA:
            value = {**value, "data": f"… {len(data)} characters"}
        return {name: _without_data(item) for name, item in value.items()}
    return [_without_data(item) for item in value] if isinstance(value, list) else value
