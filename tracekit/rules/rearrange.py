"""The saving when works of one node begin together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from tracekit.analysis.batches import Work
from tracekit.analysis.facts import Facts
from tracekit.model.change import Change, Saving
from tracekit.model.tree import Node

__all__ = ["NO_SAVING", "saved_together"]

NO_SAVING = Saving(Change(), 0)


def saved_together(
    facts: Facts,
    container: Node,
    works: Sequence[Work],
    offsets: Sequence[int],
    *,
    let_in: bool = False,
    keep_gaps: bool = False,
) -> Saving:
    """The saving if `works`, below `container` and in order, begin with the first, each `offsets` nanoseconds later.

    With `let_in` they do not wait before their first calls; with `keep_gaps` each begins later by the time before it in
    which none of them ran. Works in spans of the application's own are moved with the span, if it holds no other.
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
    gaps = _gaps(facts, children) if keep_gaps else [0] * len(children)
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


def _gaps(facts: Facts, children: Sequence[Node]) -> list[int]:
    """For each of `children`, which are in the order of their begins, the time before it in which none of them ran."""
    ends = accumulate(map(facts.schedule.end, children), max)
    between = (max(0, after.start_ns - end_ns) for (_, after), end_ns in zip(pairwise(children), ends, strict=False))
    return list(accumulate(between, initial=0))
