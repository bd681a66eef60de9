"""The requests and responses of calls, as far as the tree depends on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from typing import Any, TypeVar

from tracekit import semconv
from tracekit.analysis.structure.draft import Draft
from tracekit.model.conversation import answer_signature, blocks_of, previous_message_id
from tracekit.model.history import Message, Messages, Part, RequestFields
from tracekit.model.messages import answer_of
from tracekit.model.recording import Exchange, Recording

__all__ = ["Bringing", "CallReader", "LlmCall", "ToolUse", "system_of", "text_in", "text_of", "texts_in"]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A `tool_use` block of a response: a tool that the program is to run. `number` counts them from 0."""

    id: str
    name: str
    input: Any
    number: int

    @property
    def texts(self) -> Iterator[str]:
        """The texts in its input."""
        return texts_in(self.input)

    def is_quoted_in(self, message: Message) -> bool:
        """Return whether the text of `message` quotes this tool call: its id, or its name and all its input texts."""
        parts, text = [self.name, *self.texts], text_in(message)
        if len(self.id) >= _DISTINCTIVE and self.id in text:
            return True
        return sum(map(len, parts)) >= _DISTINCTIVE and all(part in text for part in parts)


_DISTINCTIVE = 12
"""Characters of a tool's name and input that do not recur by chance."""


class Bringing:
    """The messages of all calls of a run that return tool results, by the ids of their blocks."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._by_id: dict[str, list[Message]] = {}

    def add(self, messages: Messages) -> None:
        """Add the messages of `messages` that are not known yet."""
        for message in messages.back():
            if message.key in self._known:
                break
            self._known.add(message.key)
            for id, _ in message.results:
                self._by_id.setdefault(id, []).append(message)

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the blocks whose results any call returns."""
        return frozenset(self._by_id)

    def result(self, id: str) -> str | None:
        """Return the text that was first returned as the result of the block `id`."""
        first = next(iter(self._by_id.get(id, ())), None)
        return None if first is None else _result_in(first.value, id)

    def is_known(self, id: str) -> bool:
        """Return whether any call returns the result of the block `id`."""
        return id in self._by_id

    def find(self, messages: Messages, id: str) -> Message | None:
        """Return the newest of `messages` that returns the result of the block `id`."""
        for message in islice(messages.back(), _NEWEST):
            if any(block == id for block, _ in message.results):
                return message
        held = [each for each in self._by_id.get(id, ()) if messages.key(each.count) == each.key]
        newest = max(held, key=lambda each: each.count, default=None)
        return None if newest is None or messages.last is None else messages.last.first(newest.count)


_NEWEST = 4
"""Messages at the end of a history that nearly always include the result."""


@dataclass(slots=True, eq=False)
class LlmCall:
    """An llm span with its request and its response.

    `unit` is the span that moves in the tree: the llm, or the application's own span around just this llm. `prompt` is
    the system prompt without the words that have a digit. `offered` are the names of the tools that the model might
    use; `is_forced` is True if it had to use one. `is_probe` is True if the request allowed a response of one token
    only, as programs do to check their access.
    """

    llm: Draft
    unit: Draft
    messages: Messages = field(default_factory=Messages)
    model: str = ""
    system: str = ""
    prompt: str = ""
    offered: tuple[str, ...] = ()
    is_forced: bool = False
    is_probe: bool = False
    previous_id: str | None = None
    answer_id: str | None = None
    signature: str = ""
    stop_reason: str | None = None
    text: str = ""
    blocks: tuple[ToolUse, ...] = ()
    bringing: Bringing = field(default_factory=Bringing)

    @property
    def start_ns(self) -> int:
        """The begin of the call."""
        return self.llm.start_ns

    @property
    def end_ns(self) -> int:
        """The end of the call; the largest integer while it is open."""
        return self.llm.end_ns if self.llm.end_ns is not None else 1 << 63

    def brings(self, id: str) -> bool:
        """Return whether the request returns the result of the block `id`."""
        return self.bringing.find(self.messages, id) is not None

    def quotes(self, block: ToolUse, before: LlmCall) -> bool:
        """Return whether the request continues that of `before` and quotes its `block` as text."""
        message = self._following(before)
        if message is None or not block.is_quoted_in(message):
            return False
        # Of its own words, a tool's result is what comes next.
        return message.role == "user" or message is not self.messages.last

    def quoted_result(self, before: LlmCall) -> str | None:
        """Return the text that follows the tool calls of `before`, where the request quotes these as text."""
        message = self._following(before)
        if message is None or message.role == "user":
            return None
        after = self.messages.between(message.count, len(self.messages))
        return "\n".join(map(text_in, takewhile(lambda each: each.role == "user", after)))

    def _following(self, before: LlmCall) -> Message | None:
        """Return the message with which the request continues that of `before`."""
        last, place = self.messages.last, len(before.messages) + 1
        return last.first(place) if last is not None and last.count >= place else None

    def brings_failure(self, id: str) -> bool:
        """Return whether the request returns an error as the result of the block `id`."""
        message = self.bringing.find(self.messages, id)
        return message is not None and dict(message.results)[id]

    def result(self, id: str) -> str | None:
        """Return the text that the request returns as the result of the block `id`."""
        message = self.bringing.find(self.messages, id)
        return None if message is None else _result_in(message.value, id)


_Read = TypeVar("_Read", tuple[str, str], tuple[str, ...])

_DIGIT = re.compile(r"\d")


class CallReader:
    """Reads the calls of one run, each once, however often the run is read as it grows.

    Most of a request repeats the one before: parts that several share are read and kept once.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Exchange, LlmCall]] = {}
        self._by_part: dict[Part, Any] = {}
        self._alike: dict[Any, Any] = {}
        self._bringing = Bringing()

    @property
    def brought(self) -> frozenset[str]:
        """The ids of the blocks whose results stand in a request that was read."""
        return self._bringing.ids

    @property
    def requested(self) -> dict[str, tuple[str, ...]]:
        """The ids of the tool calls that each response requested, in order, by the id of the call."""
        return {id: tuple(block.id for block in call.blocks) for id, (_, call) in self._known.items() if call.blocks}

    def read(self, llm: Draft, unit: Draft, recording: Recording) -> LlmCall:
        """Return the call of the span `llm`."""
        exchanges = [exchange for child in llm.children if (exchange := recording.exchanges.get(child.id)) is not None]
        if not exchanges:
            return LlmCall(llm, unit)
        exchange, known = self._known.get(llm.id, (None, None))
        if known is None or exchange is not exchanges[-1]:
            known = LlmCall(llm, unit, bringing=self._bringing)
            self._read_request(known, exchanges[-1].request.asked)
            _read_answer(known, exchanges[-1])
            self._known[llm.id] = exchanges[-1], known
        return replace(known, llm=llm, unit=unit)

    def _read_request(self, call: LlmCall, asked: RequestFields) -> None:
        call.messages = asked.messages
        self._bringing.add(call.messages)
        call.model = str(call.llm.attributes.get(semconv.REQUEST_MODEL) or asked.get("model") or "")
        call.system, call.prompt = self._shared(asked.part("system"), system_of, ("", ""))
        call.offered = self._shared(asked.part("tools"), _names_of, ())
        choice = asked.get("tool_choice")
        call.is_forced = isinstance(choice, Mapping) and choice.get("type") in ("tool", "any")
        call.is_probe = asked.get("max_tokens") == 1
        call.previous_id = previous_message_id(asked)

    def _shared(self, part: Part | None, read: Callable[[Any], _Read], nothing: _Read) -> _Read:
        """Return the result of `read` for `part`, computed once for all requests that share the part."""
        if part is None:
            return nothing
        if part not in self._by_part:
            value = read(part.value)
            alike = tuple(self._alike.setdefault(text, text) for text in value)
            self._by_part[part] = self._alike.setdefault(alike, alike)
        found: _Read = self._by_part[part]
        return found


def system_of(system: Any) -> tuple[str, str]:
    """The text of a system prompt, and its words that have no digit, joined by blanks."""
    text = text_of(system)
    return text, " ".join(word for word in text.split() if _DIGIT.search(word) is None)


def _names_of(tools: Any) -> tuple[str, ...]:
    listed = tools if isinstance(tools, list) else ()
    return tuple(str(tool.get("name")) for tool in listed if isinstance(tool, Mapping))


def _result_in(message: Any, id: str) -> str | None:
    """The text of the last result in `message` of the block `id`."""
    blocks = blocks_of(message.get("content") if isinstance(message, Mapping) else None)
    results = (
        block
        for block in reversed(blocks)
        if isinstance(block, Mapping) and block.get("type") == "tool_result" and str(block.get("tool_use_id")) == id
    )
    return next((text_of(block.get("content")) for block in results), None)


def _read_answer(call: LlmCall, exchange: Exchange) -> None:
    message = answer_of(exchange.body, exchange.headers.get("content-type", "")).message
    if message is None:
        return
    content = message.get("content")
    call.answer_id = _text_or_none(message.get("id"))
    call.stop_reason = _text_or_none(message.get("stop_reason"))
    call.signature = answer_signature(content)
    call.text = text_of(content)
    uses = [block for block in blocks_of(content) if isinstance(block, Mapping) and block.get("type") == "tool_use"]
    call.blocks = tuple(
        ToolUse(str(block.get("id")), str(block.get("name")), block.get("input"), number)
        for number, block in enumerate(uses)
    )


def _text_or_none(value: Any) -> str | None:
    """Return `value` if it is a string, else None."""
    return value if isinstance(value, str) else None


def text_of(content: Any) -> str:
    """The text in a message's content, a tool result's content or a system prompt."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Iterable) or isinstance(content, Mapping):
        return ""
    return "\n".join(str(block.get("text", "")) for block in content if isinstance(block, Mapping) and "text" in block)


def text_in(message: Message) -> str:
    """The text in a message."""
    value = message.value
    return text_of(value.get("content")) if isinstance(value, Mapping) else ""


def texts_in(value: Any) -> Iterator[str]:
    """The texts in the input of a tool, or another JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
