"""What calls asked and were answered, read from their exchanges when it is first wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from tracekit import semconv
from tracekit.analysis.prompted import Prompted, leaves
from tracekit.analysis.structure.calls import Bringing, text_of
from tracekit.model.conversation import blocks_of
from tracekit.model.history import Asked, Message, Messages
from tracekit.model.messages import answer_of
from tracekit.model.recording import Exchange
from tracekit.model.tree import Node, Run

__all__ = ["Content", "leaves"]

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
        self._prompted = Prompted()
        self._bringing = Bringing()
        self._requests: dict[str, Asked] = {}
        self._answers: dict[str, Mapping[str, Any] | None] = {}
        self._blocks: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._results: dict[str, dict[str, str]] = {}

    def exchange(self, llm: Node) -> Exchange | None:
        """The exchange of the last attempt of `llm`."""
        for child in reversed(llm.children):
            if child.kind == "attempt" and (found := self._exchanges.get(child.id)) is not None:
                return found
        return None

    def is_rebuilt(self, llm: Node) -> bool:
        """Return whether the request of `llm` was rebuilt from a transcript, without system prompt and tools."""
        return any(semconv.REQUEST_REBUILT in child.attributes for child in llm.children)

    def request(self, llm: Node) -> Asked:
        """The request of `llm` by its fields."""
        return _kept(self._requests, llm, self._read_request)

    def answer(self, llm: Node) -> Mapping[str, Any] | None:
        """The message that answered `llm`."""
        return _kept(self._answers, llm, self._read_answer)

    def messages(self, llm: Node) -> Messages:
        """The messages that `llm` sent."""
        return self.request(llm).messages

    def question(self, llm: Node) -> str:
        """The text of the last message of the user that `llm` sent."""
        asked = next((message for message in self.messages(llm).back() if message.role == "user"), None)
        return "" if asked is None else text_of(asked.value.get("content")).strip()

    def asked_text(self, llm: Node) -> str:
        """All that the model was told by `llm`: its system prompt, tools and messages, inputs of tools too.

        Of a very long history, its begin and its end.
        """
        return self._prompted.text(self.request(llm))

    def prompt_text(self, llm: Node) -> str | None:
        """The messages that `llm` sent, as text; of a very long history, its begin and its end. None without messages."""
        request = self.request(llm)
        return self._prompted.messages_text(request) if request.messages else None

    def answer_text(self, llm: Node) -> str:
        """The text that the model answered."""
        return text_of((self.answer(llm) or {}).get("content"))

    def blocks(self, llm: Node) -> dict[str, Mapping[str, Any]]:
        """The `tool_use` blocks of the answer to `llm`, by id."""
        return _kept(self._blocks, llm, self._read_blocks)

    def results(self, llm: Node) -> dict[str, str]:
        """The texts of the tool results that the newest message of `llm` brings, by the id of the block."""
        return _kept(self._results, llm, self._read_results)

    def brings(self, llm: Node, id: str) -> bool:
        """Whether the request of `llm` has a tool result for the block `id`, in its newest message or before."""
        return self._bringing_message(llm, id) is not None

    def result_block(self, llm: Node, id: str) -> Mapping[str, Any]:
        """The tool result for the block `id` in any message of `llm`; empty where there is none."""
        message = self._bringing_message(llm, id)
        return {} if message is None else dict(_results([message.value])).get(id, {})

    def stop_reason(self, llm: Node) -> str:
        """Why the answer to `llm` ended; empty where that is not known."""
        reason = llm.attributes.get(semconv.STOP_REASON) or (self.answer(llm) or {}).get("stop_reason")
        return str(reason or "")

    def is_label(self, llm: Node) -> bool:
        """Whether `llm` left room for no more than a word or two: being cut there is what it asked for."""
        most = self.request(llm).get("max_tokens")
        return isinstance(most, int) and most <= _LABEL_TOKENS

    def mentions(self, llm: Node, text: str) -> bool:
        """Whether the request of `llm` has a distinctive part of `text`, however quoted. False where it has no such part."""
        plain = max(_PLAIN.findall(text), key=len, default="").strip()
        if len(plain) < _DISTINCTIVE:
            return False
        return self._prompted.has_anywhere(self.request(llm), plain[-_MOST_COMPARED:])

    def _bringing_message(self, llm: Node, id: str) -> Message | None:
        messages = self.messages(llm)
        self._bringing.add(messages)
        return self._bringing.find(messages, id)

    def _read_request(self, llm: Node) -> Asked:
        exchange = self.exchange(llm)
        if exchange is None or exchange.request.size > _LARGEST_BYTES:
            return Asked()
        return exchange.request.asked

    def _read_answer(self, llm: Node) -> Mapping[str, Any] | None:
        exchange = self.exchange(llm)
        return None if exchange is None else answer_of(exchange.body, exchange.headers.get("content-type", "")).message

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
