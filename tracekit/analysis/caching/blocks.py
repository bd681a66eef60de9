"""A request as the API caches it: its blocks in order, and its cache markers.

Of each block only digests are kept. A cache marker is no part of a block, and a plain string is one text block: an
application moves markers along as its conversation grows, and the API reads the cache all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from typing import Any, Literal, NamedTuple, TypeAlias

from tracekit.model.conversation import blocks_of
from tracekit.model.history import Message, Part, RequestFields

__all__ = ["FIVE_MINUTES_NS", "ONE_HOUR_NS", "SECTIONS", "BlockReader", "Prefix", "PromptBlock", "Section", "value_of"]

Section: TypeAlias = Literal["tools", "system", "messages"]
SECTIONS: tuple[Section, ...] = ("tools", "system", "messages")
"""The parts of a request that are cached, in the order in which they are."""

FIVE_MINUTES_NS = 300_000_000_000
ONE_HOUR_NS = 3_600_000_000_000

_UNMARKABLE = ("thinking", "redacted_thinking")


class PromptBlock(NamedTuple):
    """A tool definition, or a block of the system prompt or of a message.

    `message` is the number of its message, counted from 1, and 0 elsewhere; `number` counts the blocks of a message, or of
    the section, from 1. `role` is its message's, `name` a tool's. `size` are its characters as JSON. `content` is a digest that ignores the
    order of keys, `ordered` one that doesn't. `ttl_ns` is the lifetime that its marker asks for, 0 without a marker.
    """

    section: Section
    message: int
    number: int
    role: str
    kind: str
    name: str
    size: int
    content: bytes
    ordered: bytes
    ttl_ns: int


@dataclass(frozen=True, slots=True)
class Prefix:
    """The blocks of a request, and the places in them where the cache is written and looked up.

    `markers` are indices of blocks, in order; `ttl_ns` is the lifetime that the last of them asks for.
    """

    blocks: Sequence[PromptBlock]
    markers: Sequence[int]
    ttl_ns: int

    def start_of(self, section: Section) -> int:
        """The index of the first block that belongs to `section` or a later one."""
        later = SECTIONS[SECTIONS.index(section) :]
        return next((at for at, block in enumerate(self.blocks) if block.section in later), len(self.blocks))


class BlockReader:
    """Reads the blocks of requests. Blocks that requests share are read once."""

    def __init__(self) -> None:
        self._parts: dict[Part, tuple[PromptBlock, ...]] = {}
        self._messages: dict[Message, tuple[PromptBlock, ...]] = {}

    def prefix(self, request: RequestFields) -> Prefix:
        """The blocks and markers of `request`."""
        messages = request.messages.between(0, len(request.messages))
        blocks = [
            *self._section(request.part("tools"), "tools"),
            *self._section(request.part("system"), "system"),
            *chain.from_iterable(map(self._message, messages)),
        ]
        markers = {at: block.ttl_ns for at, block in enumerate(blocks) if block.ttl_ns}
        automatic = _ttl_ns(request.get("cache_control"))
        last = next((at for at in range(len(blocks) - 1, -1, -1) if blocks[at].kind not in _UNMARKABLE), None)
        if automatic and last is not None:
            markers.setdefault(last, automatic)
        at = sorted(markers)
        return Prefix(blocks, at, markers[at[-1]] if at else 0)

    def _section(self, part: Part | None, section: Section) -> tuple[PromptBlock, ...]:
        if part is None:
            return ()
        if part not in self._parts:
            self._parts[part] = tuple(
                _block(value, section, 0, number) for number, value in enumerate(_values(part.value, section), 1)
            )
        return self._parts[part]

    def _message(self, message: Message) -> tuple[PromptBlock, ...]:
        if message not in self._messages:
            self._messages[message] = tuple(
                _block(value, "messages", message.count, number, message.role)
                for number, value in enumerate(_values(message.value, "messages"), 1)
            )
        return self._messages[message]


def value_of(request: RequestFields, block: PromptBlock) -> Any:
    """Return the JSON value of `block` in `request`, without its cache marker; None if the request lacks it."""
    if block.section == "messages":
        found = request.messages.between(block.message - 1, block.message)
        values = list(_values(found[0].value, "messages")) if found else []
    else:
        part = request.part(block.section)
        values = [] if part is None else list(_values(part.value, block.section))
    return _plain(values[block.number - 1]) if block.number <= len(values) else None


def _values(value: Any, section: Section) -> Iterator[Any]:
    """The blocks in the JSON `value` of a section, or of a message.

    The API takes no notice of empty texts, and puts tools that are loaded on demand where they are found, not first.
    """
    if section == "tools":
        tools = value if isinstance(value, list) else ()
        yield from (tool for tool in tools if not (isinstance(tool, Mapping) and tool.get("defer_loading")))
        return
    content = value.get("content") if section == "messages" and isinstance(value, Mapping) else value
    for block in blocks_of(content):
        if not (isinstance(block, Mapping) and block.get("type") == "text" and block.get("text") == ""):
            yield block


def _block(value: Any, section: Section, message: int, number: int, role: str = "") -> PromptBlock:
    plain = _plain(value)
    is_object = isinstance(value, Mapping)
    kind = "tool" if section == "tools" else str(value.get("type", "")) if is_object else ""
    name = str(value.get("name", "")) if is_object else ""
    ordered = json.dumps([role, plain], default=str)
    content = json.dumps([role, plain], sort_keys=True, default=str)
    digests = _digest(content), _digest(ordered)
    return PromptBlock(section, message, number, role, kind, name, len(ordered), *digests, _marker_in(value))


def _plain(value: Any) -> Any:
    """`value` without cache markers, its own keys in alphabetical order: only the order within inputs and schemas counts."""
    if not isinstance(value, Mapping):
        return value
    plain = {name: value[name] for name in sorted(value, key=str) if name != "cache_control"}
    if "content" in plain:
        plain["content"] = [_plain(inner) for inner in blocks_of(plain["content"])]
    return plain


def _marker_in(value: Any) -> int:
    """Return the lifetime that a marker on the block `value`, or within its content, requests; 0 without one."""
    if not isinstance(value, Mapping):
        return 0
    inner = value.get("content")
    within = [_marker_in(each) for each in inner] if isinstance(inner, list) else []
    return _ttl_ns(value.get("cache_control")) or max(within, default=0)


def _ttl_ns(marker: Any) -> int:
    if not isinstance(marker, Mapping):
        return 0
    return ONE_HOUR_NS if marker.get("ttl") == "1h" else FIVE_MINUTES_NS


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
