"""Rebuild requests from what each adds to an earlier one, at the cost of the addition alone."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Any

from tracekit.journal.bodies import compact
from tracekit.journal.limits import ExpansionBudget
from tracekit.journal.lines import Line
from tracekit.journal.requests import MESSAGES
from tracekit.journal.schema import check_request
from tracekit.journal.stored import Blobs, BodyInParts, LateBody, LatePart, StoredBody, WholeBody, blobs_in
from tracekit.model.history import Held, Message, Messages, Part
from tracekit.model.parsing import is_deeper
from tracekit.model.typed import has_types

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["Rebuilding"]

_WRONG_BYTES = "what is stored does not give back the bytes that were sent"


class Rebuilding:
    """The requests of one segment, in the order in which they stand in it.

    Args:
        read: Makes the bytes of a body that is stored as a whole.
        allowance: What a body that is read for the first time counts against.
        is_lazy: Whether bodies are put together, and checked, only when they are asked for.
    """

    def __init__(self, read: Callable[..., bytes], allowance: ExpansionBudget, *, is_lazy: bool = False) -> None:
        self.blobs = Blobs()
        self._read = read
        self._allowance = allowance
        self._requests: dict[str, BodyInParts] = {}
        self._checking = _Checking()
        self._late: dict[str, LateBody] | None = {} if is_lazy else None
        self._building = threading.RLock()

    def body(self, id: str, data: Mapping[str, Any], line: Line | None) -> StoredBody | bytes:
        """The body of the request `id`, of which `data`, in `line`, says what it adds.

        Raises:
            ValueError: What is stored does not give it back, or has the wrong types, or stands for too much.
            LookupError: What it refers to is missing.
        """
        if line is not None:
            if self._late is None:
                line.hold({"request": data})
            self._checking.earn(line.size)
        if "order" in data and line is not None and self._late is not None:
            return self._later(id, data, line, self._late)
        if "order" in data:
            return self._in_parts(id, data, line)
        body = self._read(data, self._allowance)
        if sha256(body).hexdigest() != data["sha256"]:
            raise ValueError(_WRONG_BYTES)
        return body if line is None else WholeBody(data["sha256"], len(body), line, partial(self._read, allowance=None))

    def _in_parts(self, id: str, data: Mapping[str, Any], line: Line | None) -> BodyInParts:
        check_request(data)
        base = self._requests.get(data["base"]) if data["base"] is not None else None
        if base is None and data["base"] is not None:
            raise ValueError(f"it continues request {data['base']}, which is missing")
        self._requests[id] = body = self._joined_to(base, data, line)
        if not self._checking.holds(body):
            raise ValueError(_WRONG_BYTES)
        return body

    def _joined_to(self, base: BodyInParts | None, data: Mapping[str, Any], line: Line | None) -> BodyInParts:
        messages = self._messages(base, data, line) if "keep" in data else None
        fields = self._fields(base, data, line)
        is_odd = (base is not None and base.is_odd) or any(
            not has_types(name, value) or is_deeper(value)
            for name, value in chain(data["set"].items(), (("messages", each) for each in data.get("add", ())))
        )
        return BodyInParts(data["sha256"], data["order"], fields, messages, is_odd=is_odd)

    def _later(self, id: str, data: Mapping[str, Any], line: Line, known: dict[str, LateBody]) -> LateBody:
        digest, base = data["sha256"], data["base"]
        if type(digest) is not str:
            raise ValueError("'request.sha256' is not a text")
        if base is not None and base not in known:
            raise ValueError(f"it continues request {base}, which is missing")
        known[id] = body = LateBody(self.build, digest, line, None if base is None else known[base])
        return body

    def build(self, late: LateBody) -> BodyInParts:
        """Put a body together, and first those that it continues.

        Raises:
            JournalError: The journal was removed or changed.
            ValueError: What is stored does not give a body back, or has the wrong types, or stands for too much.
            LookupError: What a body refers to is missing.
        """
        with self._building:
            left = [late]
            while (base := left[-1].base) is not None and base.built is None:
                left.append(base)
            body = None if base is None else base.built
            for each in reversed(left):
                data = each.line.data()["request"]
                check_request(data)
                each.built = body = self._joined_to(body, data, each.line)
            if body is None or not self._checking.holds(body):
                raise ValueError(_WRONG_BYTES)
            return body

    def _messages(self, base: BodyInParts | None, data: Mapping[str, Any], line: Line | None) -> Messages:
        kept = base.messages if base is not None and base.messages is not None else Messages()
        last = None if kept.last is None else kept.last.first(max(0, min(data["keep"], len(kept))))
        referring = frozenset(data.get("blobs", ()))
        for number, value in enumerate(data.get("add", ())):
            size = _size_of(value)
            blobs = self.blobs if number in referring else None
            if blobs is not None:
                if is_deeper(value):
                    raise ValueError("it refers to what other lines hold, and has too many levels")
                held = [(blobs.size(digest), _len_of_reference(digest)) for digest in blobs_in(value)]
                self._allowance.spend(sum(blob for blob, _ in held))
                size += sum(blob - reference for blob, reference in held)
            part: Part = Held(value, size) if line is None else LatePart(line, size, "add", number, blobs)
            if blobs is not None and line is None:
                part = Held(blobs.inserted(value), size)
            last = Message(value, part, last)
        return Messages(last)

    def _fields(self, base: BodyInParts | None, data: Mapping[str, Any], line: Line | None) -> Mapping[str, Part]:
        before = base.fields if base is not None else {}
        if not data["set"]:
            return before
        changed: dict[str, Part] = {}
        for name, value in data["set"].items():
            size = _size_of(value)
            changed[name] = Held(value, size) if line is None else LatePart(line, size, "set", name)
        return {**before, **changed}


def _size_of(value: Any) -> int:
    """Bytes of `value` as compact JSON."""
    text = compact(value)
    return len(text) if text.isascii() else len(text.encode())


def _len_of_reference(digest: str) -> int:
    """By how much what stands for a blob is longer than an empty text."""
    return len(f'{{"$blob":"{digest}"}}') - 2


class _Checking:
    """Checks requests against their digests as they are read, where that costs little.

    What requests have in common is hashed once. A request for which very much would have to be hashed is checked when
    its bytes are asked for.
    """

    _MOST_AT_ONCE = 1_000_000
    _FIRST_CREDIT = 32_000_000
    _CREDIT_PER_BYTE = 4
    """Bytes that may be hashed for each that is read, so that no file makes reading it slow."""
    _MOST_STATES = 256

    def __init__(self) -> None:
        self._credit = self._FIRST_CREDIT
        self._states: OrderedDict[tuple[object, Message], _Hash] = OrderedDict()

    def earn(self, size: int) -> None:
        """`size` bytes were read."""
        self._credit += self._CREDIT_PER_BYTE * size

    def holds(self, body: BodyInParts) -> bool:
        """Return whether `body` equals the sent request, as far as is checked now."""
        order, last = body.order, None if body.messages is None else body.messages.last
        at = order.index(MESSAGES) if MESSAGES in order and body.messages is not None else len(order)
        before, after = order[:at], order[at + 1 :]
        head = (*before, *(id(body.fields[name]) for name in before if name in body.fields))
        state, added = self._nearest(head, last)
        cost = sum(body.fields[name].size for name in (*after, *(before if state is None else ())))
        cost += sum(part.size for part in added)
        if cost > min(self._MOST_AT_ONCE, self._credit):
            return True
        self._credit -= cost
        if state is None:
            state = sha256(f"{{{''.join(_members(body, before))}".encode())
        for message in reversed(added):
            state.update(("," if message.before is not None else _opening(before)).encode())
            state.update(compact(message.part.value).encode())
            self._states[head, message] = state.copy()
        while len(self._states) > self._MOST_STATES:
            self._states.popitem(last=False)
        if body.messages is not None and MESSAGES in order:
            state.update((f"{_opening(before)}]" if last is None else "]").encode())
        state.update("".join(_members(body, after, is_first=not before and at == len(order))).encode() + b"}")
        return state.hexdigest() == body.digest

    def _nearest(self, head: object, last: Message | None) -> tuple[_Hash | None, list[Message]]:
        """The state after the latest message for which there is one, and the messages after that one, newest first."""
        added: list[Message] = []
        size = 0
        for message in last.back() if last is not None else ():
            state = self._states.get((head, message))
            if state is not None:
                self._states.move_to_end((head, message))
                return state.copy(), added
            added.append(message)
            size += message.part.size
            if size > self._MOST_AT_ONCE:
                break
        return None, added


def _opening(before: Sequence[str]) -> str:
    return f"{',' if before else ''}{compact(MESSAGES)}:["


def _members(body: BodyInParts, names: Sequence[str], *, is_first: bool = True) -> Iterator[str]:
    for name in names:
        yield f"{'' if is_first else ','}{compact(name)}:{compact(body.fields[name].value)}"
        is_first = False
