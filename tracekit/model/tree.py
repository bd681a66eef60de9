"""A run as a tree: the recorded spans, and the levels inferred from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Reversible
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, Self, TypeAlias, TypeVar

from tracekit.model.events import Attributes, Failure, Kind, ReplayMode, Unrecorded
from tracekit.model.recording import Exchange, Recording

__all__ = ["Node", "Run", "RunTree", "Status", "Tokens", "first_work_ns", "through_spans"]

Status: TypeAlias = Literal["ok", "error", "open", "interrupted"]
"""The status of a span. `open`: its process lives; `interrupted`: its process is gone without recording its end."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts. `input` includes what was read from and written to the cache.

    `is_partial` says that a call's output is not known, so `output` is the least that there was.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    is_partial: bool = field(default=False, compare=False)

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.is_partial or other.is_partial,
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


def first_work_ns(root: Node) -> int:
    """Return the begin of the first agent or call below `root`, a run; of the run, if it has none.

    Trees and bars count from there. A span that begins before its run, as clocks may tell, does not move it.
    """
    begins = (node.start_ns for node in root.walk() if node.kind in ("agent", "llm"))
    return max(root.start_ns, min(begins, default=root.start_ns))


@dataclass(frozen=True, slots=True)
class RunTree:
    """A run's identity and structure, without its requests and answers: all that the store has of a run.

    `last_ns` is the latest time that anything of the run is known of. `replay_of` is the run that it replays, and `replay`
    how that went. `source` is the tool from whose record it was imported. `unrecorded` are requests that are missing here,
    and `damage` is what could not be read, by file. `requested` has the ids of the tool calls that the response of a call requested, in order, by the id of the call; at
    least where the tree has a tool that was inferred from one of them.
    """

    id: str
    name: str
    recorded_at_ns: int
    status: Status
    root: Node
    last_ns: int
    replay_of: str | None
    replay: ReplayMode | None
    source: str
    unrecorded: tuple[Unrecorded, ...]
    damage: tuple[tuple[str, str], ...]
    requested: Mapping[str, tuple[str, ...]]

    def count(self, kind: Kind | None = None) -> int:
        """Return the number of nodes of `kind` in the tree, or of all nodes."""
        return sum(kind is None or node.kind == kind for node in self.root.walk())


@dataclass(frozen=True, slots=True)
class Run(RunTree):
    """A run with its requests and answers, and all else that was recorded.

    `brought` are the ids of the tool calls whose results stand in some request, as far as requests were read for the tree.
    """

    recording: Recording
    brought: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    def exchange_of(self, call: Node) -> Exchange | None:
        """Return the exchange of the last attempt of `call` that has one; None where none was recorded."""
        for child in reversed(call.children):
            if child.kind == "attempt" and (found := self.recording.exchanges.get(child.id)) is not None:
                return found
        return None

    @classmethod
    def of(
        cls,
        recording: Recording,
        status: Status,
        root: Node,
        brought: frozenset[str] = frozenset(),
        requested: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Self:
        """Return the run of `recording` that has the tree below `root`."""
        return cls(
            recording.id,
            recording.name,
            recording.recorded_at_ns,
            status,
            root,
            max(_last_arrival_ns(recording), *(max(node.start_ns, node.end_ns or 0) for node in root.walk())),
            recording.replay_of,
            recording.replay,
            recording.source,
            recording.unrecorded,
            tuple((segment.path, said) for segment in recording.segments for said in segment.damage),
            requested or {},
            recording,
            brought,
        )

    def grown(self, recording: Recording) -> Run:
        """Return the run of `recording`, in which nothing but answers has arrived since this one."""
        last_ns = max(self.last_ns, _last_arrival_ns(recording))
        return replace(self, recording=recording, last_ns=last_ns, unrecorded=recording.unrecorded)


def _last_arrival_ns(recording: Recording) -> int:
    """Return the time of the last piece of an answer: what a process left open lasted at least until then."""
    return max((each.pieces[-1].at_ns for each in recording.exchanges.values() if each.pieces), default=0)


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
