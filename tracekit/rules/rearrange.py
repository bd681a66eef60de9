"""What a run saves when works of one node begin together."""

from __future__ import annotations

from collections.abc import Sequence

from tracekit.analysis.batches import Work
from tracekit.analysis.facts import Facts
from tracekit.analysis.timing.schedule import Change
from tracekit.model.tree import Node

__all__ = ["saved_together"]


def saved_together(
    facts: Facts, container: Node, works: Sequence[Work], offsets: Sequence[int], *, let_in: bool = False
) -> int:
    """Nanoseconds that the run saves if `works`, below `container`, begin with the first, each `offsets` later.

    With `let_in` they do not wait before their first calls. Works in spans of the application's own are moved with the
    span, if it holds no other.
    """
    home = facts.parents.get(works[0].node.id, container)
    children = [work.node for work in works]
    if any(facts.parents.get(child.id) is not home for child in children):
        home = container
        children = [facts.child_towards(home, child) for child in children]
    if len({child.id for child in children}) < len(children):
        return 0
    begins_ns = [child.start_ns for child in children]
    waited_ns = [work.waited_ns if let_in else 0 for work in works]
    begun_ns = [begin + waited for begin, waited in zip(begins_ns, waited_ns, strict=True)]
    if not facts.may_save(max(begun_ns) - min(begins_ns)):
        # Nothing ends earlier by more than one of them begins earlier.
        return 0
    first = children[0].id
    begins = {child.id: (first, offset) for child, offset in zip(children, offsets, strict=True) if child.id != first}
    durations = {
        child.id: facts.schedule.duration(child) - waited
        for child, waited in zip(children, waited_ns, strict=True)
        if waited
    }
    return facts.schedule.saved_ns(home, Change(begins, durations))
