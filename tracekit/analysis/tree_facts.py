"""The facts about the structure of a run that rules ask for, each computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from tracekit.analysis.batches import Batch, batch_of, parents_of
from tracekit.analysis.timing.schedule import Schedule
from tracekit.model.tree import Node, RunTree

__all__ = ["TreeFacts"]

_LEAST_NS = 20_000_000
_PLENTY_NS = 1_000_000_000
_SHARE = 20


class TreeFacts:
    """The structure of a run with the results of its analysis, without its requests and responses.

    Savings of less than `least_ns` count as none; by default that is a second, or a twentieth of the time between its first
    call and its last, if that is shorter, and never under a fiftieth of a second.
    """

    def __init__(self, tree: RunTree, *, least_ns: int | None = None) -> None:
        self.tree = tree
        self._least_ns = least_ns
        self._batches: dict[str, Batch] = {}

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, parents before children, in order."""
        return tuple(self.tree.root.walk())

    @cached_property
    def last_ns(self) -> int:
        """The latest time that anything of the run is known of."""
        return self.tree.last_ns

    @cached_property
    def parents(self) -> Mapping[str, Node]:
        """The parent of each node, by id."""
        return parents_of(self.nodes)

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule of the run, which computes the effect of changes."""
        return Schedule(self.parents, self.last_ns, self.least_ns, self.requested)

    def requested(self, turn: Node) -> Sequence[str]:
        """Return the ids of the tool calls that the response of `turn` requested, in order.

        They are known at least where one of them was not seen to run.
        """
        asked = self.batch(turn).asked if turn.kind == "turn" else None
        return () if asked is None else self.tree.requested.get(asked.id, ())

    @cached_property
    def least_ns(self) -> int:
        """Nanoseconds that a saving must have to count."""
        if self._least_ns is not None:
            return self._least_ns
        if not self.calls:
            return _LEAST_NS
        # What a program does before its first call, such as its imports, has no part in this.
        ends = max(self.last_ns if call.end_ns is None else call.end_ns for call in self.calls)
        return max(_LEAST_NS, min(_PLENTY_NS, (ends - self.calls[0].start_ns) // _SHARE))

    def may_save(self, saved_ns: int) -> bool:
        """Return whether a saving of `saved_ns` is large enough to count."""
        return saved_ns >= max(1, self.least_ns)

    def batch(self, turn: Node) -> Batch:
        """Return the tools and agents that the response of `turn` requested."""
        if turn.id not in self._batches:
            self._batches[turn.id] = batch_of(turn)
        return self._batches[turn.id]

    @cached_property
    def calls(self) -> tuple[Node, ...]:
        """The llm nodes, in the order of their begins."""
        return tuple(sorted((node for node in self.nodes if node.kind == "llm"), key=lambda call: call.start_ns))
