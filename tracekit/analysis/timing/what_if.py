"""Draw a run as it could be: the times of each of its spans with a change.

The times are those of the schedule that a saving is computed from: the children of each node below which something
changes as `Schedule.times_with` lays them, each shorter by what its own children hand up. What is below a child moves
with it. Where the child itself takes less, the part that goes is

- the turn's own call, if the rest of the turn is what is left (the model was asked once for what it was asked twice),
- the time in which blocking calls of the others held it up, if what is left without these is what it takes,
- else nothing in particular: all below it is that much quicker.

What has nothing left falls away and has no time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tracekit.analysis.batches import batch_of, blocking_of
from tracekit.analysis.facts import Facts
from tracekit.analysis.timing.overlap import TOLERANCE_NS, Interval, union
from tracekit.analysis.timing.schedule import ChangedNode, Schedule
from tracekit.model.change import Change, combined
from tracekit.model.tree import Node, Run

__all__ = ["WhatIf", "drawn", "what_if"]

Warp = Callable[[int], int]
"""A function from a time in the run as it was to the time in the changed run."""


@dataclass(frozen=True, slots=True, eq=False)
class WhatIf:
    """A run as it was and as it could be, in nanoseconds since the epoch.

    Attributes:
        node: The innermost node that contains the whole change.
        was: The time of the run as recorded.
        could: The time of the changed run.
        times: The time of each node in the changed run, by its id; a node that disappears has none.
    """

    node: Node
    was: Interval
    could: Interval
    times: Mapping[str, Interval]

    @property
    def saved_ns(self) -> int:
        """Nanoseconds by which the run would have been shorter."""
        return self.was.end_ns - self.could.end_ns


def what_if(run: Run, changes: Iterable[Change]) -> WhatIf:
    """Return `run` as it would have been with all `changes`. O(n log n)."""
    return drawn(Facts(run).schedule, run.root, combined(changes))


def drawn(schedule: Schedule, root: Node, change: Change) -> WhatIf:
    """Return the run of `schedule`, with this `root`, as it would have been with `change`."""
    levels = {level.node.id: level for level in schedule.levels(change)}
    node = next((level.node for level in levels.values() if level.is_whole), root)
    was = Interval(root.start_ns, schedule.end(root))
    could = Interval(was.start_ns, was.end_ns - (levels[root.id].saved_ns if levels else 0))
    times = {root.id: could}
    stack: list[tuple[Node, Warp]] = [(root, _Shift(0))]
    while stack:
        each, outer = stack.pop()
        if each.id not in levels:
            times.update(_warped(schedule, each, outer))
            continue
        for child, lasts_ns, inner in _within(schedule, levels, levels[each.id]):
            warp = _both(inner, outer)
            at = Interval(warp(child.start_ns), warp(child.start_ns + lasts_ns))
            if at.start_ns < at.end_ns or lasts_ns == 0:
                times[child.id] = at
                stack.append((child, warp))
    return WhatIf(node, was, could, times)


def _within(
    schedule: Schedule, levels: Mapping[str, ChangedNode], level: ChangedNode
) -> Iterator[tuple[Node, int, Warp]]:
    """Yield the children of a level's node, each with its new duration and the warp of its time."""
    laid = _laid(schedule, level)
    changed = _Changed(schedule, level)
    for child in level.node.children:
        start_ns, end_ns = laid[child.id]
        lasts_ns = schedule.duration(child)
        if child.id in levels:
            lasts_ns -= levels[child.id].saved_ns
            if child.id not in level.own.durations:
                end_ns = start_ns + lasts_ns
        yield child, lasts_ns, _warp(schedule, child, lasts_ns, Interval(start_ns, end_ns), changed)


def _laid(schedule: Schedule, level: ChangedNode) -> Mapping[str, Interval]:
    """Return the times of the children of the level's node, where the node itself begins as it did."""
    node = level.node
    if not level.is_bounded:
        return schedule.times_with(node, schedule.with_shorter(node, level.own, level.shorter))
    ends = sorted(
        (schedule.end(child) - TOLERANCE_NS, schedule.handed_up(child, node, saved_ns), child.id)
        for child, saved_ns in level.shorter
    )
    shifts = list(accumulate((shift_ns for _, shift_ns, _ in ends), initial=0))
    own = {id: shift_ns for end_ns, shift_ns, id in ends}
    times = {}
    for child in node.children:
        start_ns, end_ns = child.start_ns, schedule.end(child)
        moved_ns = shifts[bisect_right(ends, start_ns, key=lambda end: end[0])]
        if child.id in own and start_ns >= end_ns - TOLERANCE_NS:
            # It does not come after itself, however short it is.
            moved_ns -= own[child.id]
        times[child.id] = Interval(start_ns - moved_ns, end_ns - moved_ns)
    return times


@dataclass(frozen=True, slots=True)
class _Shift:
    """Time that passes as it did, moved by a constant."""

    by_ns: int

    def __call__(self, at_ns: int) -> int:
        return at_ns + self.by_ns


def _both(inner: Warp, outer: Warp) -> Warp:
    if isinstance(inner, _Shift) and isinstance(outer, _Shift):
        return _Shift(inner.by_ns + outer.by_ns)
    return lambda at_ns: outer(inner(at_ns))


def _warped(schedule: Schedule, node: Node, warp: Warp) -> Iterator[tuple[str, Interval]]:
    """Yield the times of `node` and all below it, without nodes that disappear."""
    for each in node.walk():
        start_ns, end_ns = each.start_ns, schedule.end(each)
        moved = Interval(warp(start_ns), warp(end_ns))
        if moved.start_ns < moved.end_ns or start_ns == end_ns:
            yield each.id, moved


class _Changed:
    """The change of a level among its children, with the blocking calls in children that become shorter."""

    def __init__(self, schedule: Schedule, level: ChangedNode) -> None:
        self.begins = {child.id: child.start_ns for child in level.node.children}
        self.change = level.own
        self.blocking = [
            (child, Interval(call.start_ns, schedule.end(call)))
            for child in level.node.children
            if child.id in level.own.durations
            for call in blocking_of(tuple(child.walk()))
        ]


def _warp(schedule: Schedule, child: Node, lasts_ns: int, to: Interval, changed: _Changed) -> Warp:
    """Return the warp of the time within `child`, whose new duration is `lasts_ns`, if it runs at `to`."""
    is_ns = to.end_ns - to.start_ns
    if lasts_ns == is_ns:
        return _Shift(to.start_ns - child.start_ns)
    for begin_ns, cuts in (*_own_call(schedule, child), *_held_up(schedule, child, changed)):
        left_ns = child.start_ns + lasts_ns - begin_ns - sum(end - start for start, end in cuts)
        if left_ns == is_ns:
            return _without(cuts, begin_ns, to.start_ns)
    return lambda at_ns: to.start_ns + (at_ns - child.start_ns) * is_ns // max(1, lasts_ns)


def _own_call(schedule: Schedule, turn: Node) -> Iterator[tuple[int, Sequence[Interval]]]:
    """Yield a turn's begin, and its own call as the time to cut."""
    asked = batch_of(turn).asked if turn.kind == "turn" else None
    if asked is not None:
        yield turn.start_ns, [Interval(turn.start_ns, schedule.end(asked))]


def _held_up(schedule: Schedule, child: Node, changed: _Changed) -> Iterator[tuple[int, Sequence[Interval]]]:
    """Yield a task's begin, and as the time to cut the blocking calls of the others that held it up."""
    if not changed.blocking:
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
    """Return a warp from `begin_ns` on to `to_ns` that leaves out `cuts`, which are in order."""
    starts = [start_ns for start_ns, _ in cuts]

    def warp(at_ns: int) -> int:
        before = cuts[: bisect_right(starts, at_ns)]
        return to_ns + at_ns - begin_ns - sum(min(end_ns, at_ns) - start_ns for start_ns, end_ns in before)

    return warp
