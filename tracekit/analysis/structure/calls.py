"""What a call asked and what it was answered, as far as the tree depends on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tracekit.analysis.structure.draft import Draft
from tracekit.model.conversation import answer_signature, blocks_of, prefix_keys, previous_message_id
from tracekit.model.messages import answer_of, request_of
from tracekit.model.recording import Exchange, Recording

__all__ = ["Block", "Call", "CallReader", "text_of"]


@dataclass(frozen=True, slots=True)
class Block:
    """A `tool_use` block of an answer: a tool that the program is asked to run. `number` counts them from 0."""

    id: str
    name: str
    input: Any
    number: int


@dataclass(slots=True, eq=False)
class Call:
    """An llm span with what it asked and what it was answered.

    `unit` is what moves in the tree: the llm, or the application's own span around just this llm. `offered` are the
    names of the tools that it might ask for; `is_forced` says that it had to ask for one. `is_probe` says that it allowed
    a response of one token only, as programs do to learn whether they may ask at all. `results` are the tool results that its request brings, by the id of the
    block; `failed_results` are those that report an error.
    """

    llm: Draft
    unit: Draft
    keys: list[bytes] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    system: str = ""
    offered: tuple[str, ...] = ()
    is_forced: bool = False
    is_probe: bool = False
    previous_id: str | None = None
    answer_id: str | None = None
    signature: str = ""
    stop_reason: str | None = None
    text: str = ""
    blocks: tuple[Block, ...] = ()
    results: dict[str, str] = field(default_factory=dict)
    failed_results: set[str] = field(default_factory=set)

    @property
    def start_ns(self) -> int:
        """When the call began."""
        return self.llm.start_ns

    @property
    def end_ns(self) -> int:
        """When the call ended; while it is open, never."""
        return self.llm.end_ns if self.llm.end_ns is not None else 1 << 63


class CallReader:
    """Reads the calls of one run, each once, however often the run is looked at as it grows.

    Most of what a call asks is what the one before it asked: what several say alike is kept once.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Exchange, Call]] = {}
        self._offered: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._messages: dict[bytes, Any] = {}
        self._results: dict[bytes, Mapping[str, tuple[str, bool]]] = {}

    def read(self, llm: Draft, unit: Draft, recording: Recording) -> Call:
        """The call of the span `llm`."""
        exchanges = [exchange for child in llm.children if (exchange := recording.exchanges.get(child.id)) is not None]
        if not exchanges:
            return Call(llm, unit)
        exchange, known = self._known.get(llm.id, (None, None))
        if known is None or exchange is not exchanges[-1]:
            known = Call(llm, unit)
            self._read_request(known, exchanges[-1])
            _read_answer(known, exchanges[-1])
            self._known[llm.id] = exchanges[-1], known
        return replace(known, llm=llm, unit=unit)

    def _read_request(self, call: Call, exchange: Exchange) -> None:
        request = request_of(exchange.request.body)
        messages = request.get("messages")
        messages = messages if isinstance(messages, list) else []
        call.keys = prefix_keys(messages)
        call.messages = [self._messages.setdefault(key, each) for key, each in zip(call.keys, messages, strict=True)]
        call.system = text_of(request.get("system"))
        offered = _names_of(request.get("tools"))
        call.offered = self._offered.setdefault(offered, offered)
        choice = request.get("tool_choice")
        call.is_forced = isinstance(choice, Mapping) and choice.get("type") in ("tool", "any")
        call.is_probe = request.get("max_tokens") == 1
        call.previous_id = previous_message_id(request)
        for key, message in zip(call.keys, call.messages, strict=True):
            results = self._results.get(key)
            if results is None:
                results = self._results[key] = _results_of(message)
            for id, (text, is_error) in results.items():
                call.results[id] = text
                if is_error:
                    call.failed_results.add(id)


def _names_of(tools: Any) -> tuple[str, ...]:
    listed = tools if isinstance(tools, list) else ()
    return tuple(str(tool.get("name")) for tool in listed if isinstance(tool, Mapping))


def _results_of(message: Any) -> Mapping[str, tuple[str, bool]]:
    """The tool results that `message` brings: the text of each and whether it reports an error, by the block's id."""
    blocks = blocks_of(message.get("content") if isinstance(message, Mapping) else None)
    return {
        str(block.get("tool_use_id")): (text_of(block.get("content")), bool(block.get("is_error")))
        for block in blocks
        if isinstance(block, Mapping) and block.get("type") == "tool_result"
    }


def _read_answer(call: Call, exchange: Exchange) -> None:
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
        Block(str(block.get("id")), str(block.get("name")), block.get("input"), number)
        for number, block in enumerate(uses)
    )


def _text_or_none(value: Any) -> str | None:
    """`value` where it is what the API says it is."""
    return value if isinstance(value, str) else None


def text_of(content: Any) -> str:
    """The text in a message's content, a tool result's content or a system prompt."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Iterable) or isinstance(content, Mapping):
        return ""
    return "\n".join(str(block.get("text", "")) for block in content if isinstance(block, Mapping) and "text" in block)
