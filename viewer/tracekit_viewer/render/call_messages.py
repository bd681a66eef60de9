"""The messages of requests and responses, read once and kept while they grow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracekit_viewer.door import (
    BodyReader,
    Exchange,
    Messages,
    Node,
    RequestFields,
    ResponseContent,
    Run,
    answer_signature,
    exchange_in_attributes,
)

__all__ = ["CallMessages", "Reader"]

_KEPT = 24
_MOST_CANDIDATES = 8


@dataclass(slots=True)
class CallMessages:
    """An exchange as it is read: what the request asks, and the answer as far as it has arrived."""

    exchange: Exchange
    request: RequestFields
    answer: ResponseContent = field(default_factory=ResponseContent)
    reader: BodyReader | None = None
    read: int = 0

    @property
    def messages(self) -> Messages:
        """The messages of the request."""
        return self.request.messages

    @property
    def message(self) -> Mapping[str, Any]:
        """The answer's message, empty until it begins."""
        return self.answer.message or {}


class Reader:
    """Reads exchanges; those that were looked at last stay read, and a stream is read on from where it was."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, CallMessages] = OrderedDict()

    def of_call(self, run: Run, call: Node) -> CallMessages | None:
        """Return the messages of the last recorded attempt of `call`."""
        exchange = run.exchange_of(call)
        if exchange is not None:
            return self.of(exchange)
        rebuilt = exchange_in_attributes(call.id, call.attributes, call.end_ns or call.start_ns)
        return None if rebuilt is None else self.of(rebuilt)

    def of(self, exchange: Exchange) -> CallMessages:
        """Return the messages of `exchange`."""
        contents = self._kept.pop(exchange.attempt, None)
        if contents is None or (contents.exchange is not exchange and contents.exchange.request != exchange.request):
            contents = CallMessages(exchange, exchange.request.asked)
        if contents.exchange is not exchange or not contents.read:
            _read_on(contents, exchange)
        self._kept[exchange.attempt] = contents
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return contents

    def known_before(self, run: Run, call: Node, earlier: Sequence[Node]) -> tuple[int, bool]:
        """Return the number of messages of `call` that are known from before, and whether its system prompt is.

        `earlier` are the calls of the same agent before it, oldest first.
        """
        contents = self.of_call(run, call)
        if contents is None:
            return 0, False
        known, same_system = 0, False
        for base in reversed(earlier[-_MOST_CANDIDATES:]):
            asked = self.of_call(run, base)
            if asked is None:
                continue
            shared = contents.messages.shared(asked.messages)
            if shared == len(asked.messages) and contents.messages.is_answer(
                shared, answer_signature(asked.message.get("content"))
            ):
                shared += 1
            if shared > known:
                known, same_system = shared, contents.request.get("system") == asked.request.get("system")
            if known and shared == len(contents.messages) - 1:
                break
        return known, same_system


def _read_on(contents: CallMessages, exchange: Exchange) -> None:
    """Read what has arrived since."""
    # What arrives may show that earlier pieces were the begin of a credential.
    is_same = exchange.pieces[: contents.read] == contents.exchange.pieces[: contents.read]
    grew = is_same and len(exchange.pieces) >= contents.read and exchange.request is contents.exchange.request
    contents.exchange = exchange
    if contents.reader is None or not grew:
        contents.reader, contents.read = BodyReader(exchange.headers.get("content-type", "")), 0
    for piece in exchange.pieces[contents.read :]:
        contents.reader.feed(piece.data)
    contents.read = len(exchange.pieces)
    contents.answer = contents.reader.so_far()
