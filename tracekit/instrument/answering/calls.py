"""Calls that are answered from a recording, which tells of each when it was and how it went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from typing_extensions import override

from tracekit.instrument.reply import Reply
from tracekit.instrument.sdk.call import Call
from tracekit.model.events import Request

__all__ = ["AnsweredCall", "answered", "answered_type"]

C = TypeVar("C", bound=Call)


class AnsweredCall(Call):
    """A call whose next attempt is answered by `reply`."""

    reply: Reply | None = None

    def answered_by(self, reply: Reply) -> None:
        """The next attempt is answered by `reply`, which tells when the call began, and whom it asked."""
        self.reply = reply
        self._begin_ns = reply.call_begin_ns
        if self.live is not None and not self.live.written:
            self.live.begin_ns = reply.call_begin_ns
            self.live.attributes.update(self.known_of(self.live.attributes))

    @override
    def as_recorded(self, request: Request) -> Request:
        return self.reply.request if self.reply is not None and self.reply.request is not None else request

    @override
    def waiting(self, wait_s: float) -> float:
        return super().waiting(
            self.reply.wait_s if self.reply is not None and self.reply.wait_s is not None else wait_s
        )

    @override
    def end_ns(self) -> int | None:
        return max(self.reply.call_end_ns, self.recorder.clock.now_ns()) if self.reply is not None else None

    @override
    def known_of(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        host_attributes = self.reply.host_attributes if self.reply is not None else {}
        return {name: value for name, value in host_attributes.items() if name in attributes}


def answered(call: Call) -> AnsweredCall:
    """Return `call`, which is answered."""
    assert isinstance(call, AnsweredCall)
    return call


_types: dict[type[Call], type[Call]] = {}


def answered_type(kind: type[C]) -> type[C]:
    """Return the class of calls of `kind` that are answered."""
    if kind not in _types:
        _types[kind] = type(f"Answered{kind.__name__}", (AnsweredCall, kind), {})
    return cast("type[C]", _types[kind])
