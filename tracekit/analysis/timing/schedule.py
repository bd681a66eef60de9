"""The schedule of a run, and its duration if tasks ran in another order.

Each node's children form a graph: a child waits for its parent's begin and for every sibling that had ended when it
began. What it waited beyond the last of these is its *own delay*, which stays as it was:

    delay(c) = max(0, start(c) - max(start(parent), end(s) for siblings s with end(s) <= start(c)))
    start'(c) = max(start'(parent), end'(s) for those s) + delay(c)
    end'(c) = start'(c) + duration'(c)
    tail(p) = end(p) - max(end(c) for children c with end(c) <= end(p))
    duration'(p) = max(end'(c) for those c) - start'(p) + tail(p)

A change gives some nodes another begin or another duration; whoever came after them moves up. The saving is
`duration - duration'` of their parent, carried up to the root by the same formulas, so work that ran beside something
longer saves nothing. Where nodes of several parents change, their savings meet in the innermost node around both. It
takes O(c log c) for the c children of each node on the way; where a node has more than `MANY` children, its saving is
bounded instead by the time in which the child ran alone, O(c) once.

Where all children before one had ended when it began, there is a *joint*: what comes after depends on nothing but when
that was. Of many children only those between the joints around a change are laid out again; the rest moves as a whole.

A child that outlived its parent was not waited for. One that began before its parent, as by the clock of another
machine, keeps that lead: its delay is below 0. Ends and begins that are as near as the tolerance count as one moment.

A tool that nobody saw run has no time of its own, but only the gaps that its siblings leave in its bounds: see `unseen`.

Work that is packed under a limit of k at once is list-scheduled: each, in its order, takes the first of k places that
becomes free.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from tracekit.analysis.timing.overlap import TOLERANCE_NS, Interval
from tracekit.analysis.unseen import Slot, Unseen, is_unseen
from tracekit.model.change import Change, Saving
from tracekit.model.tree import Node

__all__ = ["MANY", "ChangedNode", "ChildRow", "Schedule", "packed"]

MANY = 64
"""Children of one node from which on savings below it are bounded instead of laid out."""

_NEVER = -(1 << 63)


class ChangedNode(NamedTuple):
    """A node below which something changes.

    Attributes:
        node: The node.
        own: The part of the change that concerns its children.
        shorter: Its children below which something changes, each with the nanoseconds by which it is shorter.
        saved_ns: Nanoseconds by which the node is shorter.
        is_whole: True if the whole change is below it.
    """

    node: Node
    own: Change
    shorter: Sequence[tuple[Node, int]]
    saved_ns: int
    is_whole: bool

    @property
    def is_bounded(self) -> bool:
        """True if its saving is bounded instead of laid out."""
        return not self.own and len(self.node.children) > MANY


def packed(durations: Sequence[int], limit: int | None = None) -> list[int]:
    """Return the begins of tasks with these `durations`, from 0, with at most `limit` at once."""
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
class ChildRow:
    """The children of a node in the order of their begins, with their dependencies and delays.

    `ends` are the children in the order of their ends; child n waited for the first `waited[n]` of these, and then
    delayed by `delays[n]`. `inside` are those for which the node itself waited.
    """

    children: Sequence[Slot]
    ends: Sequence[int]
    waited: Sequence[int]
    delays: Sequence[int]
    inside: Sequence[int]
    was_last_ns: int


@dataclass(frozen=True, slots=True)
class _Unchanged:
    """A row laid out without a change.

    `joints` are the numbers of the children at joints, and at last that of all children. By joint: `ready` is when all
    before it have ended; `before` and `after` are the latest ends of those `inside` before it and from it on.
    """

    numbers: Mapping[str, int]
    starts: Mapping[str, int]
    joints: Sequence[int]
    ready: Sequence[int]
    before: Sequence[int]
    after: Sequence[int]


class Schedule:
    """The times of a run's nodes.

    `last_ns` ends what is open; savings of less than `least_ns` count as none; `requested` is as for `Unseen`.
    """

    def __init__(
        self,
        parents: Mapping[str, Node],
        last_ns: int,
        least_ns: int = 0,
        requested: Callable[[Node], Sequence[str]] = lambda _: (),
    ) -> None:
        self._parents = parents
        self._unseen = Unseen(self.end, requested)
        self._last_ns = last_ns
        self._least_ns = max(1, least_ns)
        self._depths: dict[str, int] = {}
        self._alone: dict[str, Mapping[str, int]] = {}
        self._rows: dict[int, tuple[Node, ChildRow]] = {}
        self._unchanged: dict[str, _Unchanged] = {}

    def end(self, node: Node) -> int:
        """Return when `node` ended."""
        end_ns = self._last_ns if node.end_ns is None else node.end_ns
        return max(end_ns, node.start_ns)

    def duration(self, node: Node) -> int:
        """Return the duration of `node` in nanoseconds."""
        return self.end(node) - node.start_ns

    def depth(self, node: Node) -> int:
        """Return the number of nodes around `node`."""
        above: list[str] = []
        while node.id not in self._depths:
            parent = self._parents.get(node.id)
            if parent is None:
                self._depths[node.id] = 0
            else:
                above.append(node.id)
                node = parent
        depth = self._depths[node.id]
        for id in reversed(above):
            depth += 1
            self._depths[id] = depth
        return depth

    def saving(self, change: Change) -> Saving:
        """Return `change` with the time by which the run is shorter with it; 0 at the least."""
        saved_ns = 0
        for level in self.levels(change):
            saved_ns = level.saved_ns
            if level.is_whole and saved_ns < self._least_ns:
                return Saving(change, 0)
        return Saving(change, saved_ns)

    def levels(self, change: Change) -> Iterator[ChangedNode]:
        """Yield the nodes below which something changes, from the innermost to the root."""
        owns: dict[str, Change] = {}
        shorter: dict[str, list[tuple[Node, int]]] = {}
        heap: list[tuple[int, str, Node]] = []

        def add(node: Node) -> None:
            if node.id not in shorter:
                shorter[node.id] = []
                heapq.heappush(heap, (-self.depth(node), node.id, node))

        for node, own in self._by_parent(change):
            owns[node.id] = own
            add(node)
        while heap:
            *_, node = heapq.heappop(heap)
            own, below = owns.get(node.id, Change()), shorter[node.id]
            level = ChangedNode(node, own, below, self._saved_in(node, own, below), not heap)
            yield level
            parent = self._parents.get(node.id)
            if parent is not None:
                add(parent)
                shorter[parent.id].append((node, level.saved_ns))

    def _by_parent(self, change: Change) -> Iterator[tuple[Node, Change]]:
        parents = {self._parents[id].id: self._parents[id] for id in (*change.begins, *change.durations)}
        if len(parents) == 1:
            yield next(iter(parents.values())), change
            return
        begins: dict[str, dict[str, tuple[str, int]]] = {id: {} for id in parents}
        durations: dict[str, dict[str, int]] = {id: {} for id in parents}
        for id, begin in change.begins.items():
            begins[self._parents[id].id][id] = begin
        for id, duration_ns in change.durations.items():
            durations[self._parents[id].id][id] = duration_ns
        for id, parent in parents.items():
            yield parent, Change(begins[id], durations[id])

    def _saved_in(self, node: Node, own: Change, shorter: Sequence[tuple[Node, int]]) -> int:
        """Return by how much `node` is shorter with `own` among its children and with the children `shorter`."""
        if not own and (len(shorter) == 1 or len(node.children) > MANY):
            # Children that ran alone did so at different times.
            return sum(self.handed_up(child, node, saved_ns) for child, saved_ns in shorter)
        return self.duration(node) - self.duration_with(node, self.with_shorter(node, own, shorter))

    def with_shorter(self, node: Node, own: Change, shorter: Sequence[tuple[Node, int]]) -> Change:
        """Return `own`, a change among the children of `node`, with those of `shorter` made that much shorter."""
        durations = dict(own.durations)
        for child, saved_ns in shorter:
            less_ns = self.waited_for(child, node, saved_ns)
            durations[child.id] = max(0, durations.get(child.id, self.duration(child)) - less_ns)
        return Change(own.begins, durations)

    def carried_ns(self, node: Node, saved_ns: int) -> int:
        """Return by how much the root is shorter if `node` is shorter by `saved_ns`."""
        while saved_ns >= self._least_ns:
            parent = self._parents.get(node.id)
            if parent is None:
                return saved_ns
            saved_ns = self.handed_up(node, parent, saved_ns)
            node = parent
        return 0

    def handed_up(self, node: Node, parent: Node, saved_ns: int) -> int:
        """Return by how much `parent` is shorter if its child `node` is shorter by `saved_ns`."""
        if len(parent.children) > MANY:
            return min(self.waited_for(node, parent, saved_ns), self._alone_ns(parent, node))
        if len(parent.children) > 1:
            shorter = self.with_shorter(parent, Change(), [(node, saved_ns)])
            return self.duration(parent) - self.duration_with(parent, shorter)
        return self.waited_for(node, parent, saved_ns)

    def waited_for(self, node: Node, parent: Node, saved_ns: int) -> int:
        """Return the part of `saved_ns` that can change the end of `parent`, which may not wait for the child's end."""
        beyond_ns = max(0, self.end(node) - self.end(parent))
        return max(0, saved_ns - beyond_ns) if beyond_ns <= TOLERANCE_NS else 0

    def duration_with(self, node: Node, change: Change) -> int:
        """Return the duration of `node` in nanoseconds with `change` among its children."""
        row = self.row(node)
        changed = {*change.begins, *change.durations}
        if len(row.children) > max(MANY, 2 * len(changed)):
            is_last_ns = self._last_between_joints(row, node, change, changed)
        else:
            finishes, _ = self._run_with(row, change, range(len(row.children)), node.start_ns, {})
            is_last_ns = max((finishes[number] for number in row.inside), default=node.start_ns)
        return max(is_last_ns, node.start_ns) - node.start_ns + self.end(node) - row.was_last_ns

    def times_with(self, node: Node, change: Change) -> Mapping[str, Interval]:
        """Return the times of the children of `node` with `change` among them, by id, from the node's old begin."""
        row = self.row(node)
        starts: dict[str, int] = {}
        finishes, _ = self._run_with(row, change, range(len(row.children)), node.start_ns, starts)
        ended = list(zip(row.children, finishes, strict=True))
        times = {slot.id: Interval(starts[slot.id], finish) for slot, finish in ended}
        for child in filter(is_unseen, node.children):
            # Its bounds reach as far as what ended within them.
            within = [
                end_ns for slot, end_ns in ended if child.start_ns <= slot.start_ns and slot.end_ns <= self.end(child)
            ]
            times[child.id] = Interval(starts[child.id], max(within))
        return {child.id: times[child.id] for child in node.children}

    def _run_with(
        self, row: ChildRow, change: Change, numbers: range, ready_ns: int, starts: dict[str, int]
    ) -> tuple[list[int], int]:
        """Return the ends of the children with these `numbers` after `change`, in order, and the latest end.

        `numbers` begin and end at joints; all before had ended at `ready_ns`. `starts` takes the begin of each, by id.
        """
        finishes: list[int] = []
        waited = first = numbers.start
        for number in numbers:
            child = row.children[number]
            while waited < row.waited[number]:
                ready_ns = max(ready_ns, finishes[row.ends[waited] - first])
                waited += 1
            start = ready_ns + row.delays[number]
            if child.id in change.begins:
                other, offset = change.begins[child.id]
                start = starts.get(other, start) + offset
            starts[child.id] = start
            duration = change.durations.get(child.id)
            finishes.append(start + (child.end_ns - child.start_ns if duration is None else duration))
        return finishes, max([ready_ns, *finishes])

    def _last_between_joints(self, row: ChildRow, node: Node, change: Change, changed: Collection[str]) -> int:
        """Return when the last inside child of `node` ends with `change`, which concerns the children `changed`."""
        if node.id not in self._unchanged:
            self._unchanged[node.id] = self._without_change(row, node)
        was = self._unchanged[node.id]
        numbers = [was.numbers[id] for id in changed if id in was.numbers] or [0]
        first = bisect_right(was.joints, min(numbers)) - 1
        last = bisect_right(was.joints, max(numbers))
        begin, end = was.joints[first], was.joints[last]
        others = {other for other, _ in change.begins.values()}
        starts = {other: was.starts[other] for other in others if was.numbers.get(other, begin) < begin}
        finishes, ready_ns = self._run_with(row, change, range(begin, end), was.ready[first], starts)
        inside = row.inside[bisect_left(row.inside, begin) : bisect_left(row.inside, end)]
        shift_ns = ready_ns - was.ready[last]
        return max(was.before[first], was.after[last] + shift_ns, *(finishes[number - begin] for number in inside))

    def _without_change(self, row: ChildRow, node: Node) -> _Unchanged:
        count = len(row.children)
        starts: dict[str, int] = {}
        finishes, _ = self._run_with(row, Change(), range(count), node.start_ns, starts)
        inside = [_NEVER] * count
        for number in row.inside:
            inside[number] = finishes[number]
        joints = [number for number, waited in enumerate(row.waited) if waited == number] + [count]
        ready = list(accumulate(finishes, max, initial=node.start_ns))
        before = list(accumulate(inside, max, initial=_NEVER))
        after = list(accumulate(reversed(inside), max, initial=_NEVER))[::-1]
        return _Unchanged(
            {child.id: number for number, child in enumerate(row.children)},
            starts,
            joints,
            *([times[joint] for joint in joints] for times in (ready, before, after)),
        )

    def row(self, node: Node) -> ChildRow:
        """Return the children of `node` as they were recorded."""
        # By the node itself: in a recording that someone made up, a span may have the id that an inferred one gets.
        known = self._rows.get(id(node))
        if known is None:
            known = self._rows[id(node)] = node, self._laid_out(node)
        return known[1]

    def _laid_out(self, node: Node) -> ChildRow:
        children = sorted(self._slots(node), key=lambda slot: (slot.start_ns, slot.end_ns))
        ended = [child.end_ns for child in children]
        ends = sorted(range(len(children)), key=ended.__getitem__)
        waited, delays, ready_ns, done = [], [], node.start_ns, 0
        for number, child in enumerate(children):
            # Who began later cannot have been waited for, however early it ended.
            while done < number and ends[done] < number and ended[ends[done]] <= child.start_ns + TOLERANCE_NS:
                ready_ns = max(ready_ns, ended[ends[done]])
                done += 1
            waited.append(done)
            delay_ns = child.start_ns - ready_ns
            delays.append(delay_ns if child.start_ns < node.start_ns else max(0, delay_ns))
        end_ns = self.end(node)
        inside = [number for number, ended_ns in enumerate(ended) if ended_ns <= end_ns]
        was_last_ns = max([node.start_ns, *(ended[number] for number in inside)])
        return ChildRow(children, ends, waited, delays, inside, was_last_ns)

    def _slots(self, node: Node) -> Iterator[Slot]:
        """Yield the times of the children of `node`. A child that outlived it within the tolerance ends with it."""
        end_ns = self.end(node)
        for slot in self._unseen.slots(node):
            is_over = end_ns < slot.end_ns <= end_ns + TOLERANCE_NS
            yield slot._replace(end_ns=max(end_ns, slot.start_ns)) if is_over else slot

    def laid_out(self, node: Node) -> Sequence[int]:
        """Return the end of each child in the row of `node` by the rules above, without a change."""
        row = self.row(node)
        return self._run_with(row, Change(), range(len(row.children)), node.start_ns, {})[0]

    def _alone_ns(self, parent: Node, child: Node) -> int:
        """Return the nanoseconds in which no sibling ran beside `child`."""
        if parent.id not in self._alone:
            self._alone[parent.id] = self._all_alone(parent)
        return self._alone[parent.id][child.id]

    def _all_alone(self, parent: Node) -> dict[str, int]:
        slots = [slot for slot in self._unseen.slots(parent) if slot.start_ns < slot.end_ns]
        changes = sorted(
            [(slot.start_ns, 1, slot.id) for slot in slots] + [(slot.end_ns, 0, slot.id) for slot in slots]
        )
        alone = dict.fromkeys((child.id for child in parent.children), 0)
        running: set[str] = set()
        before_ns = parent.start_ns
        for at_ns, begins, id in changes:
            if len(running) == 1:
                one = next(iter(running))
                alone[one] = alone.get(one, 0) + at_ns - before_ns
            before_ns = at_ns
            (running.add if begins else running.discard)(id)
        return alone
