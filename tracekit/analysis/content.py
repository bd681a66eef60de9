"""What calls asked and were answered, read from their exchanges when it is first wanted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from tracekit import semconv
from tracekit.analysis.structure.calls import text_of
from tracekit.model.conversation import blocks_of
from tracekit.model.messages import answer_of, request_of
from tracekit.model.recording import Exchange
from tracekit.model.tree import Node, Run

__all__ = ["Content", "leaves", "spelled"]

_BROUGHT = re.compile(rb'"tool_use_id": ?"((?:[^"\\]|\\.)*)"', re.DOTALL)
_NAMED = re.compile(rb'"(?:tool_use_)?id": ?"((?:[^"\\]|\\.)*)"', re.DOTALL)
_Read = TypeVar("_Read")
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
        self._descriptions: dict[str, dict[str, str]] = {}
        self._blocks: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._results: dict[str, dict[str, str]] = {}
        self._brought: dict[str, frozenset[bytes]] = {}

    def exchange(self, llm: Node) -> Exchange | None:
        """The exchange of the last attempt of `llm`."""
        for child in reversed(llm.children):
            if child.kind == "attempt" and (found := self._exchanges.get(child.id)) is not None:
                return found
        return None

    def request(self, llm: Node) -> Mapping[str, Any] | None:
        """The body of the request of `llm`."""
        return _kept(self._requests, llm, self._read_request)

    def answer(self, llm: Node) -> Mapping[str, Any] | None:
        """The message that answered `llm`."""
        return _kept(self._answers, llm, self._read_answer)

    def messages(self, llm: Node) -> list[Any]:
        """The messages that `llm` sent."""
        messages = (self.request(llm) or {}).get("messages")
        return messages if isinstance(messages, list) else []

    def question(self, llm: Node) -> str:
        """The text of the last message of the user that `llm` sent."""
        sent = reversed(self.messages(llm))
        asked = next((each for each in sent if isinstance(each, Mapping) and each.get("role") == "user"), {})
        return text_of(asked.get("content")).strip()

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
        return _kept(self._descriptions, llm, self._read_descriptions)

    def blocks(self, llm: Node) -> dict[str, Mapping[str, Any]]:
        """The `tool_use` blocks of the answer to `llm`, by id."""
        return _kept(self._blocks, llm, self._read_blocks)

    def results(self, llm: Node) -> dict[str, str]:
        """The texts of the tool results that the newest message of `llm` brings, by the id of the block."""
        return _kept(self._results, llm, self._read_results)

    def brings(self, llm: Node, id: str) -> bool:
        """Whether the request of `llm` has a tool result for the block `id`, in its newest message or before."""
        return spelled(id) in self.brought(llm)

    def brought(self, llm: Node) -> frozenset[bytes]:
        """The ids, `spelled` as in JSON, of the blocks whose results the request of `llm` has in any message."""
        return _kept(self._brought, llm, self._read_brought)

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

    def named(self, llm: Node) -> frozenset[bytes]:
        """The ids, `spelled` as in JSON, of the blocks that the request of `llm` has, as uses or as results."""
        return frozenset(_NAMED.findall(self._body(llm)))

    def _body(self, llm: Node) -> bytes:
        exchange = self.exchange(llm)
        return b"" if exchange is None else exchange.request.body or b""

    def _read_request(self, llm: Node) -> Mapping[str, Any] | None:
        exchange = self.exchange(llm)
        body = None if exchange is None else exchange.request.body
        if not body or len(body) > _LARGEST_BYTES:
            return None
        return request_of(body) or None

    def _read_brought(self, llm: Node) -> frozenset[bytes]:
        return frozenset(_BROUGHT.findall(self._body(llm)))

    def _read_answer(self, llm: Node) -> Mapping[str, Any] | None:
        exchange = self.exchange(llm)
        return None if exchange is None else answer_of(exchange.body, exchange.headers.get("content-type", "")).message

    def _read_descriptions(self, llm: Node) -> dict[str, str]:
        tools = (self.request(llm) or {}).get("tools")
        listed = tools if isinstance(tools, list) else ()
        return {str(tool.get("name")): str(tool.get("description", "")) for tool in listed if isinstance(tool, Mapping)}

    def _read_blocks(self, llm: Node) -> dict[str, Mapping[str, Any]]:
        content = (self.answer(llm) or {}).get("content")
        return {
            str(block.get("id")): block
            for block in blocks_of(content)
            if isinstance(block, Mapping) and block.get("type") == "tool_use"
        }

    def _read_results(self, llm: Node) -> dict[str, str]:
        return {id: "\n".join(leaves(block.get("content"))) for id, block in _results(self.messages(llm)[-1:])}


def _results(messages: Iterable[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for message in messages:
        for block in blocks_of(message.get("content")) if isinstance(message, Mapping) else []:
            if isinstance(block, Mapping) and block.get("type") == "tool_result":
                yield str(block.get("tool_use_id")), block


def _kept(read: dict[str, _Read], llm: Node, reader: Callable[[Node], _Read]) -> _Read:
    """What `reader` says of `llm`, read once while it is near: calls that are compared are, and a run has many."""
    if llm.id not in read:
        if len(read) >= _MOST_READ:
            del read[next(iter(read))]
        read[llm.id] = reader(llm)
    return read[llm.id]


def spelled(id: str) -> bytes:
    """`id` as it stands in JSON, without its quotes."""
    return json.dumps(id)[1:-1].encode()


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
