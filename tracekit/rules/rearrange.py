"""The saving when works of one node begin together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from tracekit.analysis.batches import Task
from tracekit.analysis.facts import Facts
from tracekit.analysis.timing.overlap import Interval, union
from tracekit.model.change import Change, Saving
from tracekit.model.tree import Node

__all__ = ["NO_SAVING", "saved_together"]

NO_SAVING = Saving(Change(), 0)


def saved_together(
    facts: Facts,
    container: Node,
    works: Sequence[Task],
    offsets: Sequence[int],
    *,
    let_in: bool = False,
    keep_gaps: bool = False,
) -> Saving:
    """The saving if `works`, below `container` and in order, begin with the first, each `offsets` nanoseconds later.

    With `let_in` they do not wait before their first calls; with `keep_gaps` each begins later by the time before it in
    which nothing ran beside or between them. Works in spans of the application's own are moved with the span, if it holds no other.
    """
    home = facts.parents.get(works[0].node.id, container)
    children = [work.node for work in works]
    if any(facts.parents.get(child.id) is not home for child in children):
        home = container
        children = [facts.child_towards(home, child) for child in children]
    if len({child.id for child in children}) < len(children):
        return NO_SAVING
    begins_ns = [child.start_ns for child in children]
    waited_ns = [work.waited_ns if let_in else 0 for work in works]
    begun_ns = [begin + waited for begin, waited in zip(begins_ns, waited_ns, strict=True)]
    if not facts.may_save(max(begun_ns) - min(begins_ns)):
        # Nothing ends earlier by more than one of them begins earlier.
        return NO_SAVING
    gaps = _gaps(facts, home, children) if keep_gaps else [0] * len(children)
    first = children[0].id
    begins = {
        child.id: (first, offset + gap)
        for child, offset, gap in zip(children, offsets, gaps, strict=True)
        if child.id != first
    }
    durations = {
        child.id: facts.schedule.duration(child) - waited
        for child, waited in zip(children, waited_ns, strict=True)
        if waited
    }
    return facts.schedule.saving(Change(begins, durations))


def _gaps(facts: Facts, home: Node, children: Sequence[Node]) -> list[int]:
    """Return for each of `children` the idle time of `home` between the first begin and its own."""
    begin_ns = children[0].start_ns
    busy = union(
        Interval(max(begin_ns, child.start_ns), facts.schedule.end(child))
        for child in home.children
        if facts.schedule.end(child) > begin_ns
    )
    ends = [begin_ns, *(end_ns for _, end_ns in busy)]
    gaps = list(accumulate(start_ns - end_ns for (start_ns, _), end_ns in zip(busy, ends, strict=False)))
    starts = [start_ns for start_ns, _ in busy]
    return [gaps[bisect_right(starts, child.start_ns) - 1] for child in children]
