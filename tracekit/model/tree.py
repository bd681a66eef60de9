"""A run as a tree: what was recorded, with the levels that were concluded from it filled in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Reversible
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from tracekit.model.events import Attributes, Failure, Kind
from tracekit.model.recording import Recording

__all__ = ["Node", "Run", "Status", "Tokens", "through_spans"]

Status: TypeAlias = Literal["ok", "error", "open", "interrupted"]
"""How a span stands. `open`: its process lives; `interrupted`: its process is gone, and its end was never recorded."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts. `input` includes what was read from and written to the cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
        )


@dataclass(frozen=True, slots=True)
class Node:
    """A span in the tree. `agent` is an agent's bare name.

    `tokens`, `retries` and `cost_usd` are totals of the subtree. `cost_usd` sums the known prices and is None where
    there is none; `cost_complete` is false where one is unknown.
    """

    id: str
    kind: Kind
    name: str
    agent: str | None
    start_ns: int
    end_ns: int | None
    status: Status
    failure: Failure | None
    inferred: bool
    model: str | None
    lane: str
    attributes: Attributes
    tokens: Tokens
    retries: int
    cost_usd: float | None = None
    cost_complete: bool = True
    children: tuple[Node, ...] = field(default=())

    def walk(self) -> Iterator[Node]:
        """This node and all below it, parents before children, in order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def duration_ns(self, now_ns: int) -> int:
        """Nanoseconds from begin to end, or to `now_ns` while it is open."""
        return max(0, (now_ns if self.end_ns is None else self.end_ns) - self.start_ns)


@dataclass(frozen=True, slots=True)
class Run:
    """A run: its identity, its tree, and what it was made from.

    `brought` are the ids of the tool calls whose results stand in some request, as far as requests were read for the tree.
    """

    id: str
    name: str
    recorded_at_ns: int
    status: Status
    root: Node
    recording: Recording
    brought: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    _last_ns: int | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def last_ns(self) -> int:
        """The latest time that anything of the run is known of. Who draws a long run asks often: it is found once."""
        if self._last_ns is None:
            # What a process left open lasted at least until the last of its answers that arrived.
            arrived = (each.pieces[-1].at_ns for each in self.recording.exchanges.values() if each.pieces)
            last = max(*(max(node.start_ns, node.end_ns or 0) for node in self.root.walk()), 0, *arrived)
            object.__setattr__(self, "_last_ns", last)
            return last
        return self._last_ns

    def count(self, kind: Kind) -> int:
        """How many nodes of `kind` the tree has."""
        return sum(node.kind == kind for node in self.root.walk())


class _Placed(Protocol):
    """A node of a tree, settled or in the making."""

    @property
    def kind(self) -> Kind: ...

    @property
    def children(self) -> Reversible[Any]: ...


_N = TypeVar("_N", bound=_Placed)


def through_spans(nodes: Iterable[_N]) -> Iterator[_N]:
    """Yield `nodes` in order or, in the place of a plain span, the nearest below it that are none."""
    stack = [*nodes][::-1]
    while stack:
        node = stack.pop()
        if node.kind == "span":
            stack.extend(reversed(node.children))
        else:
            yield node
