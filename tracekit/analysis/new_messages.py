"""Extract the messages that each call adds to the conversation."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from tracekit.analysis.structure.calls import text_of
from tracekit.model.convention_messages import answer_in_attributes, fields_in_attributes, has_messages
from tracekit.model.conversation import answer_signature, blocks_of
from tracekit.model.history import Messages, Part, RequestFields
from tracekit.model.messages import answer_of
from tracekit.model.tree import Run
from tracekit.store.rows import MessageRow

__all__ = ["messages_of"]

_MOST_CANDIDATES = 8
_LONGEST_DATA = 4096


@dataclass(slots=True)
class _Request:
    """The request of a call and its response, for later calls to continue."""

    messages: Messages
    system: str
    answer: str


def messages_of(run: Run) -> Iterator[MessageRow]:
    """Yield the content blocks that each call of `run` is the first to send, and those of its response."""
    calls = sorted((node for node in run.root.walk() if node.kind == "llm"), key=lambda node: node.start_ns)
    earlier, shared = _Earlier(), _Texts()
    for call in calls:
        exchange = run.exchange_of(call)
        if exchange is not None:
            answer = answer_of(exchange.body, exchange.headers.get("content-type", "")).message
            yield from _said(call.id, exchange.request.asked, answer, earlier, shared)
        elif has_messages(call.attributes):
            request, said = fields_in_attributes(call.attributes), answer_in_attributes(call.attributes)
            yield from _said(call.id, request, said, earlier, shared)


class _Earlier:
    """The requests so far, to find the request that another one continues.

    A request that goes on where an earlier one ended is found by the key of that one's messages, however many agents
    began alike. Among the newest requests that began alike, the one that shares most is found as well.
    """

    def __init__(self) -> None:
        self._whole: dict[bytes, dict[str, str]] = {}
        """The system prompts of requests by the key of their messages and by the signature of their response."""
        self._alike: dict[bytes, list[_Request]] = {}

    def continued(self, asked: _Request) -> tuple[str | None, int]:
        """Return the system prompt of the request that `asked` continues, or None, and the number of known messages."""
        messages = asked.messages
        if messages.last is None:
            return None, 0
        alike = self._alike.setdefault(messages.key(1), [])
        base, kept = _longest(messages, alike)
        system = None if base is None else base.system
        for message in messages.back():
            if message.count < kept:
                break
            answers = self._whole.get(message.key)
            if answers is not None:
                kept = message.count
                following = messages.between(kept, kept + 1)
                answer = following[0].signature if following else ""
                system = answers.get(answer, next(reversed(answers.values())))
                kept += bool(answer) and answer in answers
                break
        self._whole.setdefault(messages.last.key, {})[asked.answer] = asked.system
        alike.append(asked)
        del alike[:-_MOST_CANDIDATES]
        return system, kept


class _Texts:
    """The texts of system prompts. A text that many requests share is read once while in use."""

    def __init__(self) -> None:
        self._newest: OrderedDict[Part, str] = OrderedDict()

    def __call__(self, part: Part | None) -> str:
        if part is None:
            return ""
        text = self._newest.pop(part, None)
        self._newest[part] = text = text_of(part.value) if text is None else text
        if len(self._newest) > _MOST_CANDIDATES:
            self._newest.popitem(last=False)
        return text


def _said(
    call: str, request: RequestFields, answer: Mapping[str, Any] | None, earlier: _Earlier, shared: _Texts
) -> Iterator[MessageRow]:
    answer = answer or {}
    asked = _Request(request.messages, shared(request.part("system")), answer_signature(answer.get("content")))
    system, kept = earlier.continued(asked)
    added = [("system", _text(asked.system))] if asked.system and asked.system != system else []
    position = 0
    for role, block in chain(added, _blocks_from(asked.messages, kept)):
        yield _row(call, position, role, block, is_answer=False)
        position += 1
    for block in blocks_of(answer.get("content")):
        yield _row(call, position, "assistant", block, is_answer=True)
        position += 1


def _blocks_from(messages: Messages, start: int) -> Iterator[tuple[str, Any]]:
    """Yield the blocks of `messages` from number `start` on, each with its role."""
    for message in messages.between(start, len(messages)):
        for block in _blocks(message.value):
            yield message.role, block


def _longest(messages: Messages, group: list[_Request]) -> tuple[_Request | None, int]:
    """Return the newest request that shares most of its messages, and their number."""
    best: tuple[_Request | None, int] = (None, 0)
    for base in reversed(group):
        kept = messages.shared(base.messages)
        if kept > best[1]:
            best = (base, kept)
    return best


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
    """Return `value` without the long base64 texts of images and documents."""
    if isinstance(value, dict):
        data = value.get("data")
        if isinstance(data, str) and len(data) > _LONGEST_DATA:
            value = {**value, "data": f"… {len(data)} characters"}
        return {name: _without_data(item) for name, item in value.items()}
    return [_without_data(item) for item in value] if isinstance(value, list) else value
