"""Requests in parts, so that a conversation's history is one object, however many requests carry it.

A message knows the message before it. Requests that begin alike share these messages, and what each adds hangs below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, overload

from tracekit.model.conversation import answer_signature, next_key
from tracekit.model.parsing import parse_json
from tracekit.model.typed import typed_request
from tracekit.origin import pass_on

__all__ = ["Held", "Message", "Messages", "Part", "RequestFields", "asked_in"]

_NOTHING: tuple[()] = ()


class Part(Protocol):
    """A JSON value that is in memory or read on demand. `size` is its bytes as compact JSON, if known."""

    @property
    def value(self) -> Any:
        """The value."""

    @property
    def size(self) -> int:
        """The size in bytes; 0 if it is unknown."""


class Held:
    """A JSON value that is in memory."""

    __slots__ = ("size", "value")

    def __init__(self, value: Any, size: int = 0) -> None:
        self.value = value
        self.size = size


class Message:
    """A message in its place, after `before`.

    `part` holds it as JSON, `count` is the number of messages up to this one, and `size` their bytes. `key` is the same
    for histories that say the same. `results` are the ids of the tool results that it brings, each with whether it
    reports an error, and `uses` those of the tools that it asks for; `signature` tells an assistant's message from others.

    Args:
        value: The message as JSON, or as what stands for it in a journal.
        part: What holds the message from now on.
        before: The message before it, if there is one.
    """

    __slots__ = ("_jump", "_key", "before", "count", "part", "results", "role", "signature", "size", "uses")

    def __init__(self, value: Any, part: Part, before: Message | None) -> None:
        self.part = part
        self.before = before
        self.count: int = 1 if before is None else before.count + 1
        self.size: int = part.size if before is None else before.size + 1 + part.size
        # What is in memory may as well be read when somebody asks.
        self._key = None if isinstance(part, Held) else next_key(b"" if before is None else before.key, value)
        is_object = isinstance(value, Mapping)
        self.role = str(value.get("role", "")) if is_object else ""
        content = value.get("content") if is_object else None
        self.results = _results_in(content)
        self.uses = _uses_in(content) if self.role == "assistant" else _NOTHING
        self.signature = answer_signature(content) if self.role == "assistant" else ""
        self._jump = self._farther_back()

    @property
    def value(self) -> Any:
        """The message as JSON."""
        return self.part.value

    @property
    def key(self) -> bytes:
        """A digest that is the same for histories that say the same."""
        unread = []
        key = b""
        for message in self.back():
            known = message._key  # noqa: SLF001  the class's own
            if known is not None:
                key = known
                break
            unread.append(message)
        for message in reversed(unread):
            key = next_key(key, message.value)
            message._key = key  # noqa: SLF001  the class's own
        return key

    def first(self, count: int) -> Message | None:
        """Return the message with the number `count` in this history, from 1, or None for 0."""
        at: Message | None = self
        while at is not None and at.count > count:
            far = at._jump  # noqa: SLF001  the class's own
            at = far if far is not None and far.count >= count else at.before
        return at

    def back(self) -> Iterator[Message]:
        """This message and all before it, newest first."""
        at: Message | None = self
        while at is not None:
            yield at
            at = at.before

    def _farther_back(self) -> Message | None:
        """A message by which those long before are found in few steps (Myers, 1983: a random access stack)."""
        before = self.before
        if before is None:
            return None
        near, far = before._jump, None if before._jump is None else before._jump._jump  # noqa: SLF001  the class's own
        near_count = 0 if near is None else near.count
        if before.count - near_count == near_count - (0 if far is None else far.count):
            return far
        return before


def _uses_in(content: Any) -> tuple[str, ...]:
    blocks = content if isinstance(content, list) else ()
    return tuple(
        str(block.get("id")) for block in blocks if isinstance(block, Mapping) and block.get("type") == "tool_use"
    )


def _results_in(content: Any) -> tuple[tuple[str, bool], ...]:
    if not isinstance(content, list):
        return _NOTHING
    return tuple(
        (str(block.get("tool_use_id")), bool(block.get("is_error")))
        for block in content
        if isinstance(block, Mapping) and block.get("type") == "tool_result"
    )


class Messages(Sequence[Any]):
    """The messages of a request as JSON values, of which `last` is the newest.

    Args:
        last: None where there is no message.
    """

    __slots__ = ("last",)

    def __init__(self, last: Message | None = None) -> None:
        self.last = last

    def __len__(self) -> int:
        return 0 if self.last is None else self.last.count

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            within = self.between(min(start, stop), stop) if step == 1 else None
            return [each.value for each in within] if within is not None else list(self)[index]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self) or self.last is None:
            raise IndexError(index)
        found = self.last.first(place + 1)
        assert found is not None
        return found.value

    def __iter__(self) -> Iterator[Any]:
        return (each.value for each in self.between(0, len(self)))

    def __reversed__(self) -> Iterator[Any]:
        return (each.value for each in self.back())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as a list's

    def back(self) -> Iterator[Message]:
        """The messages with what is known of each, newest first."""
        return iter(()) if self.last is None else self.last.back()

    def between(self, start: int, stop: int) -> list[Message]:
        """The messages from number `start`, counted from 0, to before `stop`, with what is known of each."""
        last = None if self.last is None else self.last.first(stop)
        found: list[Message] = []
        while last is not None and last.count > start:
            found.append(last)
            last = last.before
        return found[::-1]

    def key(self, count: int) -> bytes:
        """The key of the first `count` messages; empty for none."""
        found = None if self.last is None else self.last.first(count)
        return b"" if found is None else found.key

    def is_answer(self, place: int, signature: str) -> bool:
        """Return whether message number `place`, counted from 0, is the response with this signature, sent back."""
        found = None if self.last is None else self.last.first(place + 1)
        if found is None or found.count != place + 1 or not signature:
            return False
        return found.role == "assistant" and found.signature == signature

    def shared(self, other: Messages) -> int:
        """Return the number of leading messages with equal content."""
        low, high = 0, min(len(self), len(other))
        while low < high:
            middle = (low + high + 1) // 2
            if self.key(middle) == other.key(middle):
                low = middle
            else:
                high = middle - 1
        return low


class RequestFields(Mapping[str, Any]):
    """A request's body by its top-level fields; empty if it was not kept or is no JSON object.

    Args:
        fields: The fields but `messages`, if that is a list.
        messages: The list of messages; None where there is none.
    """

    __slots__ = ("_fields", "_messages")

    def __init__(self, fields: Mapping[str, Part] | None = None, messages: Messages | None = None) -> None:
        self._fields = fields or {}
        self._messages = messages

    @property
    def messages(self) -> Messages:
        """The list of messages, which may be empty."""
        return self._messages if self._messages is not None else Messages()

    def __getitem__(self, name: str) -> Any:
        if name == "messages" and self._messages is not None:
            return self._messages
        return self._fields[name].value

    def __iter__(self) -> Iterator[str]:
        yield from self._fields
        if self._messages is not None:
            yield "messages"

    def __len__(self) -> int:
        return len(self._fields) + (self._messages is not None)

    def part(self, name: str) -> Part | None:
        """The field `name`, which requests that did not change it have in common, without reading it."""
        return self._fields.get(name)


def asked_in(body: bytes | None) -> RequestFields:
    """The request in `body`."""
    try:
        request = parse_json(body or b"{}")
    except ValueError as error:
        pass_on(error)
        return RequestFields()
    if not isinstance(request, dict):
        return RequestFields()
    typed_request(request)
    messages = request.pop("messages") if isinstance(request.get("messages"), list) else None
    fields = {name: Held(value) for name, value in request.items()}
    return RequestFields(fields, None if messages is None else _held(messages))


def _held(values: Iterable[Any]) -> Messages:
    last: Message | None = None
    for value in values:
        last = Message(value, Held(value), last)
    return Messages(last)
