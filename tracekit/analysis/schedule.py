"""What a run would have taken with its work in another order.

Each node's children form a graph: a child waits for its parent's begin and for every sibling that had ended when it
began. What it waited beyond the last of these is its *own delay*, which stays as it was:

    delay(c) = start(c) - max(start(parent), end(s) for siblings s with end(s) <= start(c))
    start'(c) = max(start'(parent), end'(s) for those s) + delay(c)
    end'(c) = start'(c) + duration'(c)
    tail(p) = end(p) - max(end(c) for children c with end(c) <= end(p))
    duration'(p) = max(end'(c) for those c) - start'(p) + tail(p)

A change gives some children of one node another begin or another duration; whoever came after them moves up. The
saving is `duration - duration'` of that node, carried up to the root by the same formulas, so work that ran beside
something longer saves nothing. It takes O(c log c) for the c children of each node on the way; where a node has more
than `_MANY` children, its saving is bounded instead by the time in which the child ran alone, O(c) once.

Work that is packed under a limit of k at once is list-scheduled: each, in its order, takes the first of k places that
becomes free.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tracekit.analysis.overlap import TOLERANCE_NS
from tracekit.model.tree import Node

__all__ = ["Change", "Schedule", "packed"]

_MANY = 2000


@dataclass(frozen=True)
class Change:
    """Children of one node that begin at another time or take another time, by their ids, in nanoseconds.

    `begins` are offsets from the begin of another child: ``{child: (other, offset)}``.
    """

    begins: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    durations: Mapping[str, int] = field(default_factory=dict)


def packed(durations: Sequence[int], limit: int | None = None) -> list[int]:
    """When each of `durations` begins, from 0, with at most `limit` at once."""
    if limit is None or limit >= len(durations):
        return [0] * len(durations)
    places = [0] * max(1, limit)
    begins = []
    for duration in durations:
        begin = heapq.heappop(places)
        begins.append(begin)
        heapq.heappush(places, begin + duration)
    return begins


class Schedule:
    """The times of a run's nodes. `last_ns` ends what is open."""

    def __init__(self, parents: Mapping[str, Node], last_ns: int) -> None:
        self._parents = parents
        self._last_ns = last_ns
        self._alone: dict[str, Mapping[str, int]] = {}

    def end(self, node: Node) -> int:
        """When `node` ended."""
        return max(node.start_ns, self._last_ns if node.end_ns is None else node.end_ns)

    def duration(self, node: Node) -> int:
        """Nanoseconds that `node` took."""
        return self.end(node) - node.start_ns

    def saved_ns(self, node: Node, change: Change) -> int:
        """Nanoseconds by which the run is shorter with `change` among the children of `node`; 0 at the least."""
        return self.carried_ns(node, self.duration(node) - self.duration_with(node, change))

    def carried_ns(self, node: Node, saved_ns: int) -> int:
        """What is left at the root of `saved_ns` that `node` takes less."""
        while saved_ns > 0:
            parent = self._parents.get(node.id)
            if parent is None:
                return saved_ns
            if self.end(node) > self.end(parent):
                # It outlives its parent, which did not wait for it.
                saved_ns = max(0, saved_ns - (self.end(node) - self.end(parent)))
            if len(parent.children) > _MANY:
                saved_ns = min(saved_ns, self._alone_ns(parent, node))
            else:
                shorter = Change(durations={node.id: self.duration(node) - saved_ns})
                saved_ns = self.duration(parent) - self.duration_with(parent, shorter)
            node = parent
        return 0

    def duration_with(self, node: Node, change: Change) -> int:
        """Nanoseconds that `node` takes with `change` among its children."""
        end_ns = self.end(node)
        children = sorted(node.children, key=lambda child: (child.start_ns, self.end(child)))
        ends = sorted(children, key=self.end)
        starts: dict[str, int] = {}
        finishes: dict[str, int] = {}
        waited, was_ready, is_ready = 0, node.start_ns, node.start_ns
        for child in children:
            while waited < len(ends) and self._is_before(ends[waited], child, finishes):
                was_ready = max(was_ready, self.end(ends[waited]))
                is_ready = max(is_ready, finishes[ends[waited].id])
                waited += 1
            start = is_ready + max(0, child.start_ns - was_ready)
            if child.id in change.begins:
                other, offset = change.begins[child.id]
                start = starts.get(other, start) + offset
            starts[child.id] = start
            finishes[child.id] = start + change.durations.get(child.id, self.duration(child))
        inside = [child for child in children if self.end(child) <= end_ns]
        was_last = max([node.start_ns, *(self.end(child) for child in inside)])
        is_last = max([node.start_ns, *(finishes[child.id] for child in inside)])
        return is_last - node.start_ns + end_ns - was_last

    def _is_before(self, earlier: Node, child: Node, finishes: Mapping[str, int]) -> bool:
        return earlier.id in finishes and self.end(earlier) <= child.start_ns + TOLERANCE_NS

    def _alone_ns(self, parent: Node, child: Node) -> int:
        """Nanoseconds in which no sibling ran beside `child`."""
        if parent.id not in self._alone:
            self._alone[parent.id] = self._all_alone(parent)
        return self._alone[parent.id][child.id]

    def _all_alone(self, parent: Node) -> dict[str, int]:
        changes = sorted(
            [(child.start_ns, 1, child.id) for child in parent.children]
            + [(self.end(child), 0, child.id) for child in parent.children]
        )
        alone = dict.fromkeys((child.id for child in parent.children), 0)
        running: set[str] = set()
        before_ns = parent.start_ns
        for at_ns, begins, id in changes:
            if len(running) == 1:
                alone[next(iter(running))] += at_ns - before_ns
            before_ns = at_ns
            (running.add if begins else running.discard)(id)
        return alone
