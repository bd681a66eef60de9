"""A run as it could be: when each of its spans runs once work of one node is in another order.

The times are those of the schedule that a saving is computed from: the children of the changed node as
`Schedule.times_with` lays them, then node by node up to the root, each shorter by what its child hands up. What is below
a child moves with it. Where the child itself takes less, the part that goes is

- the turn's own call, if the rest of the turn is what is left (the model was asked once for what it was asked twice),
- the time in which blocking calls of the others held it up, if what is left without these is what it takes,
- else nothing in particular: all below it is that much quicker.

What has nothing left falls away and has no time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tracekit.analysis.batches import batch_of, blocking_of
from tracekit.analysis.timing.overlap import TOLERANCE_NS, Interval, union
from tracekit.analysis.timing.schedule import MANY, Change, Schedule
from tracekit.model.tree import Node

__all__ = ["WhatIf", "what_if"]

Warp = Callable[[int], int]
"""From when something was to when it could be."""


@dataclass(frozen=True, slots=True, eq=False)
class WhatIf:
    """A run as it was and as it could be, in nanoseconds since the epoch.

    Attributes:
        node: The node among whose children something changes.
        was: When the run ran.
        could: When it would have run.
        times: When each node would have run, by its id; what falls away has none.
    """

    node: Node
    was: Interval
    could: Interval
    times: Mapping[str, Interval]

    @property
    def saved_ns(self) -> int:
        """Nanoseconds by which the run would have been shorter."""
        return self.was.end_ns - self.could.end_ns


def what_if(schedule: Schedule, parents: Mapping[str, Node], node: Node, change: Change) -> WhatIf:
    """The run of `schedule`, whose nodes have these `parents`, with `change` among the children of `node`. O(n log n)."""
    path, laid = [node], {node.id: schedule.times_with(node, change)}
    saved_ns = schedule.duration(node) - schedule.duration_with(node, change)
    lasts = {node.id: schedule.duration(node) - saved_ns}
    while (parent := parents.get(path[-1].id)) is not None:
        laid[parent.id] = dict(_beside_shorter(schedule, path[-1], parent, saved_ns))
        saved_ns = schedule.handed_up(path[-1], parent, saved_ns)
        lasts[parent.id] = schedule.duration(parent) - saved_ns
        path.append(parent)
    root = path[-1]
    was, could = Interval(root.start_ns, schedule.end(root)), Interval(root.start_ns, root.start_ns + lasts[root.id])
    times, changed = {root.id: could}, _Changed(schedule, node, change)
    on_path = {each.id for each in path}
    for each in reversed(path):
        shift = times[each.id].start_ns - each.start_ns
        for child in each.children:
            start_ns, end_ns = laid[each.id][child.id]
            if child.id in on_path:
                times[child.id] = Interval(start_ns + shift, start_ns + shift + lasts[child.id])
            else:
                to = Interval(start_ns + shift, end_ns + shift)
                times.update(_warped(schedule, child, _warp(schedule, child, to, changed if each is node else None)))
    return WhatIf(node, was, could, times)


def _beside_shorter(
    schedule: Schedule, node: Node, parent: Node, saved_ns: int
) -> Mapping[str, Interval] | Iterator[tuple[str, Interval]]:
    """When the children of `parent` run if `node`, one of them, takes `saved_ns` less."""
    if len(parent.children) <= MANY:
        less_ns = schedule.waited_for(node, parent, saved_ns)
        return schedule.times_with(parent, Change(durations={node.id: schedule.duration(node) - less_ns}))
    shift_ns, after_ns = schedule.handed_up(node, parent, saved_ns), schedule.end(node) - TOLERANCE_NS
    return (
        (child.id, Interval(child.start_ns - moved_ns, schedule.end(child) - moved_ns))
        for child in parent.children
        for moved_ns in (shift_ns if child.start_ns >= after_ns and child is not node else 0,)
    )


def _warped(schedule: Schedule, node: Node, warp: Warp) -> Iterator[tuple[str, Interval]]:
    """When `node` and all below it run, less what falls away."""
    for each in node.walk():
        start_ns, end_ns = each.start_ns, schedule.end(each)
        moved = Interval(warp(start_ns), warp(end_ns))
        if moved.start_ns < moved.end_ns or start_ns == end_ns:
            yield each.id, moved


class _Changed:
    """A change among the children of `parent`, and the calls in those that it makes shorter that blocked the others."""

    def __init__(self, schedule: Schedule, parent: Node, change: Change) -> None:
        self.begins = {child.id: child.start_ns for child in parent.children}
        self.change = change
        self.blocking = [
            (child, Interval(call.start_ns, schedule.end(call)))
            for child in parent.children
            if child.id in change.durations
            for call in blocking_of(tuple(child.walk()))
        ]


def _warp(schedule: Schedule, child: Node, to: Interval, changed: _Changed | None) -> Warp:
    """How the time within `child` passes if it runs at `to`."""
    was_ns, is_ns = schedule.duration(child), to.end_ns - to.start_ns
    if was_ns == is_ns:
        return lambda at_ns: at_ns + to.start_ns - child.start_ns
    for begin_ns, cuts in (*_own_call(schedule, child), *_held_up(schedule, child, changed)):
        left_ns = schedule.end(child) - begin_ns - sum(end - start for start, end in cuts)
        if left_ns == is_ns:
            return _without(cuts, begin_ns, to.start_ns)
    return lambda at_ns: to.start_ns + (at_ns - child.start_ns) * is_ns // max(1, was_ns)


def _own_call(schedule: Schedule, turn: Node) -> Iterator[tuple[int, Sequence[Interval]]]:
    """A turn without the call at its begin."""
    asked = batch_of(turn).asked if turn.kind == "turn" else None
    if asked is not None:
        yield turn.start_ns, [Interval(turn.start_ns, schedule.end(asked))]


def _held_up(schedule: Schedule, child: Node, changed: _Changed | None) -> Iterator[tuple[int, Sequence[Interval]]]:
    """A task, from the begin of the first of its like on, without the time in which calls of the others blocked it."""
    if changed is None or not changed.blocking:
        return
    first, _ = changed.change.begins.get(child.id, (child.id, 0))
    within = Interval(changed.begins[first], schedule.end(child))
    yield (
        within.start_ns,
        union(
            Interval(max(within.start_ns, start_ns), min(within.end_ns, end_ns))
            for other, (start_ns, end_ns) in changed.blocking
            if other is not child and start_ns < within.end_ns and end_ns > within.start_ns
        ),
    )


def _without(cuts: Sequence[Interval], begin_ns: int, to_ns: int) -> Warp:
    """Time from `begin_ns` on, moved to `to_ns`, without `cuts`, which are in order."""
    starts = [start_ns for start_ns, _ in cuts]

    def warp(at_ns: int) -> int:
        before = cuts[: bisect_right(starts, at_ns)]
        return to_ns + at_ns - begin_ns - sum(min(end_ns, at_ns) - start_ns for start_ns, end_ns in before)

    return warp
