"""The requests and responses of calls, read from their exchanges on first use."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from tracekit import semconv
from tracekit.analysis.structure.calls import Bringing, text_of
from tracekit.model.convention_messages import answer_in_attributes, fields_in_attributes, has_messages
from tracekit.model.conversation import blocks_of
from tracekit.model.history import Message, Messages, Part, RequestFields
from tracekit.model.messages import answer_of
from tracekit.model.recording import Exchange
from tracekit.model.tree import Node, Run

__all__ = ["LONGEST_TASK", "LONGEST_TEXT", "Content", "Prompted", "leaves", "messages_text", "shortened"]

LONGEST_TEXT = 200_000
"""Characters of one text that are looked at, and of all that a request says."""

LONGEST_TASK = 40_000
"""Characters of what a work was given that are looked at: it is compared with what others were, word for word."""

_KEPT_CHARACTERS = 8_000_000
_LONGEST_KEPT = _KEPT_CHARACTERS // 8
_MOST_FOUND = 100_000
_MOST_SEARCHED = 8
"""Texts that are looked for in all of several requests, of which it is remembered where they were found."""

_Read = TypeVar("_Read")
_MOST_READ = 32
_LABEL_TOKENS = 32
_DISTINCTIVE = 16
_MOST_COMPARED = 80
_PLAIN = re.compile(r"[A-Za-z0-9 ,.;:()-]+")
"""What JSON writes as it is, also as a string within a string."""
_LARGEST_BYTES = 8_000_000
"""A request that is larger is not read: what it says counts as not seen."""


class Prompted:
    """Searches texts in requests, and reads parts that requests share once."""

    def __init__(self) -> None:
        self._low: dict[Part, str] = {}
        self._characters = 0
        self._found: OrderedDict[str, dict[bytes, bool]] = OrderedDict()

    def has_anywhere(self, request: RequestFields, text: str) -> bool:
        """Return whether `text` stands in the request in any case, however long its history is.

        Each message is looked through once for a `text`.
        """
        text = text.lower()
        if any(text in self._lowered(part) for name in request if (part := request.part(name)) is not None):
            return True
        found = self._found.pop(text, {})
        self._found[text] = found if len(found) < _MOST_FOUND else {}
        if len(self._found) > _MOST_SEARCHED:
            self._found.popitem(last=False)
        new: list[Message] = []
        is_found = False
        for message in request.messages.back():
            if message.key in found:
                is_found = found[message.key]
                break
            new.append(message)
        for message in reversed(new):
            is_found = is_found or text in self._lowered(message.part)
            found[message.key] = is_found
        return is_found

    def _lowered(self, part: Part) -> str:
        if part in self._low:
            return self._low[part]
        text = json.dumps(part.value, ensure_ascii=False, default=str).lower()
        if len(text) <= _LONGEST_KEPT:
            if self._characters + len(text) > _KEPT_CHARACTERS:
                self._low, self._characters = {}, 0
            self._low[part] = text
            self._characters += len(text)
        return text


def _kept(read: Callable[[Content, Node], _Read]) -> Callable[[Content, Node], _Read]:
    """Have `read` read each call once while it is near: calls that are compared are, and a run has many."""

    @wraps(read)
    def kept(self: Content, llm: Node) -> _Read:
        known = self._kept.setdefault(read.__name__, {})
        if llm.id not in known:
            if len(known) >= _MOST_READ:
                del known[next(iter(known))]
            known[llm.id] = read(self, llm)
        return cast("_Read", known[llm.id])

    return kept


class Content:
    """The words of a run's calls. What was not recorded, or is no JSON, is None or empty."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._prompted = Prompted()
        self._bringing = Bringing()
        self._kept: dict[str, dict[str, Any]] = {}

    def exchange(self, llm: Node) -> Exchange | None:
        """The exchange of the last attempt of `llm`."""
        return self._run.exchange_of(llm)

    def is_rebuilt(self, llm: Node) -> bool:
        """Return whether the request of `llm` was rebuilt from a transcript or a span, perhaps without prompt and tools."""
        if self.exchange(llm) is None and has_messages(llm.attributes):
            return True
        return any(semconv.REQUEST_REBUILT in child.attributes for child in llm.children)

    @_kept
    def request(self, llm: Node) -> RequestFields:
        """The request of `llm` by its fields."""
        exchange = self.exchange(llm)
        if exchange is None and has_messages(llm.attributes):
            return fields_in_attributes(llm.attributes)
        return RequestFields() if exchange is None or exchange.request.size > _LARGEST_BYTES else exchange.request.asked

    @_kept
    def answer(self, llm: Node) -> Mapping[str, Any] | None:
        """The message that answered `llm`."""
        exchange = self.exchange(llm)
        if exchange is None:
            return answer_in_attributes(llm.attributes)
        return answer_of(exchange.body, exchange.headers.get("content-type", "")).message

    def messages(self, llm: Node) -> Messages:
        """The messages that `llm` sent."""
        return self.request(llm).messages

    def question(self, llm: Node) -> str:
        """The text of the last message of the user that `llm` sent."""
        asked = next((message for message in self.messages(llm).back() if message.role == "user"), None)
        return "" if asked is None else text_of(asked.value.get("content")).strip()

    def asked_text(self, llm: Node) -> str:
        """Return the texts that `llm` sends: its system prompt, tools and messages, with inputs of tools.

        Of a very long history, its begin and its end.
        """
        return _request_text(self.request(llm))

    def prompt_text(self, llm: Node) -> str | None:
        """The messages that `llm` sent, as text; of a very long history, its begin and its end. None without messages."""
        request = self.request(llm)
        return messages_text(request) if request.messages else None

    def answer_text(self, llm: Node) -> str:
        """The text that the model answered."""
        return text_of((self.answer(llm) or {}).get("content"))

    @_kept
    def blocks(self, llm: Node) -> dict[str, Mapping[str, Any]]:
        """The `tool_use` blocks of the answer to `llm`, by id."""
        blocks = blocks_of((self.answer(llm) or {}).get("content"))
        asked = (block for block in blocks if isinstance(block, Mapping) and block.get("type") == "tool_use")
        return {str(block.get("id")): block for block in asked}

    @_kept
    def results(self, llm: Node) -> dict[str, str]:
        """Return the texts of the tool results in the newest message of `llm`, by the id of the block."""
        return {id: "\n".join(leaves(block.get("content"))) for id, block in _results(self.messages(llm)[-1:])}

    def brings(self, llm: Node, id: str) -> bool:
        """Return whether the request of `llm` has a tool result for the block `id`, in any message."""
        return self._bringing_message(llm, id) is not None

    def result_block(self, llm: Node, id: str) -> Mapping[str, Any]:
        """Return the tool result for the block `id` in any message of `llm`, or an empty mapping."""
        message = self._bringing_message(llm, id)
        return {} if message is None else dict(_results([message.value])).get(id, {})

    def stop_reason(self, llm: Node) -> str:
        """Return the stop reason of the response to `llm`, or ""."""
        reason = llm.attributes.get(semconv.STOP_REASON) or (self.answer(llm) or {}).get("stop_reason")
        return str(reason or "")

    def is_label(self, llm: Node) -> bool:
        """Return whether `llm` allowed only a word or two, so that a cut response is intended."""
        most = self.request(llm).get("max_tokens")
        return isinstance(most, int) and most <= _LABEL_TOKENS

    def mentions(self, llm: Node, text: str) -> bool:
        """Return whether the request of `llm` has a distinctive part of `text`, however quoted."""
        plain = max(_PLAIN.findall(text), key=len, default="").strip()
        if len(plain) < _DISTINCTIVE:
            return False
        return self._prompted.has_anywhere(self.request(llm), plain[-_MOST_COMPARED:])

    def _bringing_message(self, llm: Node, id: str) -> Message | None:
        messages = self.messages(llm)
        self._bringing.add(messages)
        return self._bringing.find(messages, id)


def _results(messages: Iterable[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for message in messages:
        for block in blocks_of(message.get("content")) if isinstance(message, Mapping) else []:
            if isinstance(block, Mapping) and block.get("type") == "tool_result":
                yield str(block.get("tool_use_id")), block


def _request_text(request: RequestFields) -> str:
    """The system prompt, the tools and the messages as text, inputs of tools too."""
    return shortened("\n".join(leaves([request.get("system"), request.get("tools"), *_ends(request)])))


def messages_text(request: RequestFields) -> str:
    """The messages alone as text."""
    return shortened("\n".join(leaves(_ends(request))), LONGEST_TASK)


def _ends(request: RequestFields) -> list[Any]:
    """The first message and the newest ones, in order: all of them where they are not very long."""
    messages = request.messages
    newest: list[Message] = []
    size = 0
    for message in messages.back():
        size += message.part.size
        if size > LONGEST_TEXT and newest:
            break
        newest.append(message)
    if newest and newest[-1].count > 1:
        newest += messages.between(0, 1)
    return [message.value for message in newest[::-1]]


def shortened(text: str, most: int = LONGEST_TEXT) -> str:
    """`text`, or its begin and its end, where it has more than `most` characters."""
    return text if len(text) <= most else f"{text[: most // 2]}\n{text[-most // 2 :]}"


def leaves(value: Any) -> list[str]:
    """The strings and numbers in a JSON value, as text, without the base64 of images and documents."""
    if type(value) is str:
        return [value]
    found: list[str] = []
    stack = [value]
    while stack:
        item = stack.pop()
        kind = type(item)
        # Everything comes from JSON, or from attributes, which are as plain.
        if kind is str:
            found.append(item)
        elif kind is dict:
            if item.get("type") != "base64":
                stack.extend(reversed(item.values()))
        elif kind is list or kind is tuple:
            stack.extend(reversed(item))
        elif kind is int or kind is float:
            found.append(str(item))
    return found
