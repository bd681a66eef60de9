"""What calls asked and were answered, read from their exchanges when it is first wanted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tracekit import semconv
from tracekit.analysis.structure.calls import text_of
from tracekit.model.conversation import blocks_of
from tracekit.model.messages import answer_of
from tracekit.model.recording import Exchange
from tracekit.model.tree import Node, Run

__all__ = ["Content", "leaves"]

_MOST_READ = 32
_LABEL_TOKENS = 32
_DISTINCTIVE = 16
_MOST_COMPARED = 80
_PLAIN = re.compile(r"[A-Za-z0-9 ,.;:()-]+")
"""What JSON writes as it is, also as a string within a string."""
_LARGEST_BYTES = 8_000_000
"""A request that is larger is not read: what it says counts as not seen."""


class Content:
    """The words of a run's calls. What was not recorded, or is no JSON, is None or empty."""

    def __init__(self, run: Run) -> None:
        self._exchanges = run.recording.exchanges
        self._requests: dict[str, Mapping[str, Any] | None] = {}
        self._answers: dict[str, Mapping[str, Any] | None] = {}

    def exchange(self, llm: Node) -> Exchange | None:
        """The exchange of the last attempt of `llm`."""
        for child in reversed(llm.children):
            if child.kind == "attempt" and (found := self._exchanges.get(child.id)) is not None:
                return found
        return None

    def request(self, llm: Node) -> Mapping[str, Any] | None:
        """The body of the request of `llm`."""
        if llm.id not in self._requests:
            _make_room(self._requests)
            self._requests[llm.id] = self._read_request(llm)
        return self._requests[llm.id]

    def answer(self, llm: Node) -> Mapping[str, Any] | None:
        """The message that answered `llm`."""
        if llm.id not in self._answers:
            _make_room(self._answers)
            exchange = self.exchange(llm)
            read = None if exchange is None else answer_of(exchange.body, exchange.headers.get("content-type", ""))
            self._answers[llm.id] = None if read is None else read.message
        return self._answers[llm.id]

    def messages(self, llm: Node) -> list[Any]:
        """The messages that `llm` sent."""
        messages = (self.request(llm) or {}).get("messages")
        return messages if isinstance(messages, list) else []

    def asked_text(self, llm: Node) -> str:
        """All that the model was told by `llm`: its system prompt, tools and messages, inputs of tools too."""
        request = self.request(llm)
        if request is None:
            return ""
        told = [request.get("system"), request.get("tools"), request.get("messages")]
        return "\n".join(text for value in told for text in leaves(value))

    def answer_text(self, llm: Node) -> str:
        """The text that the model answered."""
        return text_of((self.answer(llm) or {}).get("content"))

    def descriptions(self, llm: Node) -> dict[str, str]:
        """The descriptions of the tools that `llm` offered, by name."""
        tools = (self.request(llm) or {}).get("tools")
        listed = tools if isinstance(tools, list) else ()
        return {str(tool.get("name")): str(tool.get("description", "")) for tool in listed if isinstance(tool, Mapping)}

    def blocks(self, llm: Node) -> dict[str, Mapping[str, Any]]:
        """The `tool_use` blocks of the answer to `llm`, by id."""
        content = (self.answer(llm) or {}).get("content")
        return {
            str(block.get("id")): block
            for block in blocks_of(content)
            if isinstance(block, Mapping) and block.get("type") == "tool_use"
        }

    def results(self, llm: Node) -> dict[str, str]:
        """The texts of the tool results that the newest message of `llm` brings, by the id of the block."""
        return {id: "\n".join(leaves(block.get("content"))) for id, block in _results(self.messages(llm)[-1:])}

    def result_blocks(self, llm: Node) -> dict[str, Mapping[str, Any]]:
        """The tool results of all messages of `llm`, by the id of the block that they answer."""
        return dict(_results(self.messages(llm)))

    def stop_reason(self, llm: Node) -> str:
        """Why the answer to `llm` ended; empty where that is not known."""
        reason = llm.attributes.get(semconv.STOP_REASON) or (self.answer(llm) or {}).get("stop_reason")
        return str(reason or "")

    def is_label(self, llm: Node) -> bool:
        """Whether `llm` left room for no more than a word or two: being cut there is what it asked for."""
        most = (self.request(llm) or {}).get("max_tokens")
        return isinstance(most, int) and most <= _LABEL_TOKENS

    def mentions(self, llm: Node, text: str) -> bool:
        """Whether the request of `llm` has a distinctive part of `text`, however quoted. False where it has no such part."""
        plain = max(_PLAIN.findall(text), key=len, default="").strip()
        return len(plain) >= _DISTINCTIVE and plain[-_MOST_COMPARED:].encode() in self._body(llm)

    def names(self, llm: Node, id: str) -> bool:
        """Whether the request of `llm` has the block `id`, as its use or its result."""
        return json.dumps(id).encode() in self._body(llm)

    def brings(self, llm: Node, id: str) -> bool:
        """Whether the request of `llm` has a tool result for the block `id`, in its newest message or before."""
        quoted, body = json.dumps(id).encode(), self._body(llm)
        return any(b'"tool_use_id":' + space + quoted in body for space in (b"", b" "))

    def _body(self, llm: Node) -> bytes:
        exchange = self.exchange(llm)
        return b"" if exchange is None else exchange.request.body or b""

    def _read_request(self, llm: Node) -> Mapping[str, Any] | None:
        exchange = self.exchange(llm)
        body = None if exchange is None else exchange.request.body
        if not body or len(body) > _LARGEST_BYTES:
            return None
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            return None
        return request if isinstance(request, dict) else None


def _results(messages: Iterable[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for message in messages:
        for block in blocks_of(message.get("content")) if isinstance(message, Mapping) else []:
            if isinstance(block, Mapping) and block.get("type") == "tool_result":
                yield str(block.get("tool_use_id")), block


def _make_room(read: dict[str, Any]) -> None:
    """Forget what was read first: calls that are compared stand near each other, and a run's requests are many."""
    if len(read) >= _MOST_READ:
        del read[next(iter(read))]


def leaves(value: Any) -> Iterator[str]:
    """The strings and numbers in a JSON value, as text, without the base64 of images and documents."""
    if type(value) is str:
        yield value
        return
    stack = [value]
    while stack:
        item = stack.pop()
        kind = type(item)
        # Everything comes from JSON, or from attributes, which are as plain.
        if kind is str:
            yield item
        elif kind is dict:
            if item.get("type") != "base64":
                stack.extend(reversed(item.values()))
        elif kind is list or kind is tuple:
            stack.extend(reversed(item))
        elif kind is int or kind is float:
            yield str(item)
