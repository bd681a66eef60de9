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
than `MANY` children, its saving is bounded instead by the time in which the child ran alone, O(c) once.

Work that is packed under a limit of k at once is list-scheduled: each, in its order, takes the first of k places that
becomes free.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tracekit.analysis.overlap import TOLERANCE_NS, Interval
from tracekit.model.tree import Node

__all__ = ["MANY", "Change", "Schedule", "packed"]

MANY = 64
"""Children of one node from which on savings below it are bounded instead of laid out."""


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


@dataclass(frozen=True, slots=True)
class _Row:
    """The children of a node in the order of their begins: what each waited for, and how long it then delayed.

    `ends` are the children in the order of their ends; child n waited for the first `waited[n]` of these.
    """

    children: Sequence[Node]
    ends: Sequence[int]
    waited: Sequence[int]
    delays: Sequence[int]
    inside: Sequence[int]
    was_last_ns: int


class Schedule:
    """The times of a run's nodes. `last_ns` ends what is open; savings of less than `least_ns` count as none."""

    def __init__(self, parents: Mapping[str, Node], last_ns: int, least_ns: int = 0) -> None:
        self._parents = parents
        self._last_ns = last_ns
        self._least_ns = max(1, least_ns)
        self._alone: dict[str, Mapping[str, int]] = {}
        self._rows: dict[str, _Row] = {}

    def end(self, node: Node) -> int:
        """When `node` ended."""
        end_ns = self._last_ns if node.end_ns is None else node.end_ns
        return max(end_ns, node.start_ns)

    def duration(self, node: Node) -> int:
        """Nanoseconds that `node` took."""
        return self.end(node) - node.start_ns

    def saved_ns(self, node: Node, change: Change) -> int:
        """Nanoseconds by which the run is shorter with `change` among the children of `node`; 0 at the least."""
        return self.carried_ns(node, self.duration(node) - self.duration_with(node, change))

    def carried_ns(self, node: Node, saved_ns: int) -> int:
        """What is left at the root of `saved_ns` that `node` takes less."""
        while saved_ns >= self._least_ns:
            parent = self._parents.get(node.id)
            if parent is None:
                return saved_ns
            saved_ns = self.handed_up(node, parent, saved_ns)
            node = parent
        return 0

    def handed_up(self, node: Node, parent: Node, saved_ns: int) -> int:
        """Nanoseconds that `parent` takes less where its child `node` takes `saved_ns` less."""
        saved_ns = self.waited_for(node, parent, saved_ns)
        if len(parent.children) > MANY:
            return min(saved_ns, self._alone_ns(parent, node))
        if len(parent.children) > 1:
            shorter = Change(durations={node.id: self.duration(node) - saved_ns})
            return self.duration(parent) - self.duration_with(parent, shorter)
        return saved_ns

    def waited_for(self, node: Node, parent: Node, saved_ns: int) -> int:
        """What of `saved_ns` the end of `parent` can depend on: it did not wait for a child that outlived it."""
        return max(0, saved_ns - max(0, self.end(node) - self.end(parent)))

    def duration_with(self, node: Node, change: Change) -> int:
        """Nanoseconds that `node` takes with `change` among its children."""
        row = self._row(node)
        _, finishes = self._run_with(row, node, change)
        is_last_ns = max((finishes[number] for number in row.inside), default=node.start_ns)
        return max(is_last_ns, node.start_ns) - node.start_ns + self.end(node) - row.was_last_ns

    def times_with(self, node: Node, change: Change) -> Mapping[str, Interval]:
        """When each child of `node` runs with `change` among them, by id, where `node` itself begins as it did."""
        row = self._row(node)
        starts, finishes = self._run_with(row, node, change)
        return {
            child.id: Interval(starts[child.id], finish) for child, finish in zip(row.children, finishes, strict=True)
        }

    def _run_with(self, row: _Row, node: Node, change: Change) -> tuple[dict[str, int], list[int]]:
        """When the children of `node` begin with `change`, by id, and when they end, in the order of `row`."""
        starts: dict[str, int] = {}
        finishes: list[int] = [0] * len(row.children)
        ready_ns, waited = node.start_ns, 0
        for number, child in enumerate(row.children):
            while waited < row.waited[number]:
                ready_ns = max(ready_ns, finishes[row.ends[waited]])
                waited += 1
            start = ready_ns + row.delays[number]
            if child.id in change.begins:
                other, offset = change.begins[child.id]
                start = starts.get(other, start) + offset
            starts[child.id] = start
            duration = change.durations.get(child.id)
            finishes[number] = start + (self.duration(child) if duration is None else duration)
        return starts, finishes

    def _row(self, node: Node) -> _Row:
        if node.id not in self._rows:
            self._rows[node.id] = self._laid_out(node)
        return self._rows[node.id]

    def _laid_out(self, node: Node) -> _Row:
        children = sorted(node.children, key=lambda child: (child.start_ns, self.end(child)))
        ends = sorted(range(len(children)), key=lambda number: self.end(children[number]))
        waited, delays, ready_ns, done = [], [], node.start_ns, 0
        for number, child in enumerate(children):
            # Who began later cannot have been waited for, however early it ended.
            while (
                done < len(ends)
                and ends[done] < number
                and self.end(children[ends[done]]) <= child.start_ns + TOLERANCE_NS
            ):
                ready_ns = max(ready_ns, self.end(children[ends[done]]))
                done += 1
            waited.append(done)
            delays.append(max(0, child.start_ns - ready_ns))
        inside = [number for number, child in enumerate(children) if self.end(child) <= self.end(node)]
        was_last_ns = max([node.start_ns, *(self.end(children[number]) for number in inside)])
        return _Row(children, ends, waited, delays, inside, was_last_ns)

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
