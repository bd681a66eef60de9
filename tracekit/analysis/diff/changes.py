"""The result of comparing two runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from tracekit.model.events import Kind
from tracekit.model.tree import Node, Run

__all__ = ["TIMES", "AlignedNodes", "Diff", "How", "NodeChange", "PathStep"]

How: TypeAlias = Literal["changed", "only in a", "only in b", "moved"]

TIMES = frozenset(("time", "cost", "overlap"))
"""Fields of duration and cost, which vary between runs of an unchanged program."""


class PathStep(NamedTuple):
    """One step of the path from the run to a node: its kind, and its name among its siblings."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class NodeChange:
    """One difference, at one node.

    `path` leads to it: in the first run, or in the second where only that has it. `a` and `b` are its ids. `field` is
    what differs: ``node`` is the node as a whole; ``order`` and ``overlap``, its place in time among its siblings. A
    text is a string, a quantity a number (nanoseconds for ``time``, US dollars for ``cost``), all else JSON. `repeated`
    counts further calls of the same agent with the same difference. `counts` is False for differences that are only
    reported.
    """

    path: tuple[PathStep, ...]
    field: str
    how: How
    before: Any = None
    after: Any = None
    a: str | None = None
    b: str | None = None
    repeated: int = 0
    counts: bool = True


class AlignedNodes(NamedTuple):
    """Two nodes that correspond; None where only one run has the node. `depth` is 0 for the roots."""

    depth: int
    a: Node | None
    b: Node | None


@dataclass(frozen=True, slots=True)
class Diff:
    """Two runs, and the differences between them in the order of the tree.

    `rows` are the nodes of both, aligned, parents before children. What is below a node that only one run has is left out,
    as are attempts.
    """

    a: Run
    b: Run
    changes: tuple[NodeChange, ...]
    rows: tuple[AlignedNodes, ...] = ()

    @property
    def different(self) -> bool:
        """True if any difference counts."""
        return any(change.counts for change in self.changes)
