"""Group calls that sent the same request: repeats by the SDK within one call, or by the program in several.

A call repeats an earlier one if its request is the same byte for byte, and the earlier one had failed when it began.
All of them are one *effort*. A call that was stopped (cancelled, or by Ctrl-C) had not failed: nobody tried again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from tracekit import semconv
from tracekit.analysis.content import Content
from tracekit.model.tree import Node

__all__ = ["Effort", "efforts_of", "has_failed"]

_STOPPED = (semconv.Outcome.CANCELLED, "KeyboardInterrupt", "SystemExit", "GeneratorExit")


@dataclass(frozen=True)
class Effort:
    """The calls that sent one request, in order: each but the last failed."""

    calls: tuple[Node, ...]

    @cached_property
    def attempts(self) -> tuple[Node, ...]:
        """The attempts, in order."""
        return tuple(child for call in self.calls for child in call.children if child.kind == "attempt")

    @property
    def retries(self) -> int:
        """The number of attempts after the first."""
        return max(0, len(self.attempts) - 1)

    @property
    def last(self) -> Node:
        """The last call."""
        return self.calls[-1]

    @property
    def lost_ns(self) -> int:
        """Nanoseconds from the begin of the first call to that of the last attempt."""
        begins = [attempt.start_ns for attempt in self.attempts]
        return max(0, begins[-1] - self.calls[0].start_ns) if begins else 0


def has_failed(node: Node) -> bool:
    """Return whether the call or attempt `node` failed, and was not stopped by the program."""
    return node.status == "error" and (node.failure is None or node.failure.type not in _STOPPED)


def efforts_of(calls: Iterable[Node], content: Content) -> tuple[Effort, ...]:
    """Group `calls`, in the order of their begins, into efforts; in the order of their first calls."""
    efforts: list[list[Node]] = []
    failed: dict[tuple[str, str], list[Node]] = {}
    for call in calls:
        exchange = content.exchange(call)
        key = (exchange.request.path, exchange.digest) if exchange is not None and exchange.digest else None
        before = failed.pop(key, None) if key is not None else None
        if before is not None and (before[-1].end_ns or 0) <= call.start_ns:
            before.append(call)
            effort = before
        else:
            effort = [call]
            efforts.append(effort)
        if key is not None and has_failed(call) and call.end_ns is not None:
            failed[key] = effort
    return tuple(Effort(tuple(effort)) for effort in efforts)
