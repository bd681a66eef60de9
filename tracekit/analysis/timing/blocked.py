"""Find tasks started together on one event loop that a blocking call held up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tracekit.analysis.batches import Task
from tracekit.analysis.timing.overlap import most_at_once
from tracekit.analysis.unseen import is_unseen
from tracekit.model.tree import Node

__all__ = ["HeldUp", "held_up"]

_MOST_LEVELS = 64
_SOON_NS = 50_000_000
_LEAST_KEPT = 2
"""Number of siblings of the blocking child from which a turn is examined; two must have waited."""


class HeldUp(NamedTuple):
    """Children of `container` that were started as tasks and held one another up: each with its blocking calls, if any."""

    container: Node
    branches: dict[str, list[Node]]
    children: dict[str, Node]


def held_up(blocking: Iterable[Node], parents: Mapping[str, Node]) -> Iterator[HeldUp]:
    """Yield the nodes whose children held one another up by the calls of `blocking`.

    `parents` has the parent of each node, by id.
    """
    found: dict[str, HeldUp] = {}
    for call in blocking:
        child: Node = call
        for _ in range(_MOST_LEVELS):
            parent = parents.get(child.id)
            if parent is None:
                break
            held = found.setdefault(parent.id, HeldUp(parent, {}, {}))
            held.branches.setdefault(child.id, []).append(call)
            held.children[child.id] = child
            child = parent
    for held in found.values():
        together = _started_together(held)
        if len(together) > 1:
            yield HeldUp(held.container, {id: held.branches[id] for id in together}, held.children)
        elif len(held.branches) == 1 and held.container.kind == "turn" and len(held.container.children) > _LEAST_KEPT:
            late = {child.id: child for child in _kept_waiting(held)}
            if len(late) > 1:
                branches = {**held.branches, **{id: [] for id in late}}
                yield HeldUp(held.container, branches, {**held.children, **late})


def _kept_waiting(held: HeldUp) -> list[Node]:
    """Return the siblings, in tasks of their own, that began only when the blocking child was over.

    Two or more that ran at once were started together, and so was the blocking one.
    """
    ((id, calls),) = held.branches.items()
    end_ns, home = max(call.end_ns or 0 for call in calls), calls[0].lane.rpartition(".")[0]
    children = [child for child in held.container.children if child.kind in ("tool", "agent") and child.id != id]
    works = [Task(child, None) for child in children if not is_unseen(child)]
    late = [
        work
        for work in works
        if 0 <= work.node.start_ns - end_ns <= _SOON_NS and work.lane.rpartition(".")[0] == home and home
    ]
    lanes = {calls[0].lane, *(work.lane for work in late)}
    is_all = len(late) == len(works) and len(lanes) == len(late) + 1
    intervals = [interval for work in late if (interval := work.interval) is not None]
    return [work.node for work in late] if is_all and most_at_once(intervals) == len(late) else []


def _started_together(held: HeldUp) -> list[str]:
    """Return the children whose calls ran in sibling tasks: the most under one lane, each in its own."""
    if len(held.branches) < 2:
        return []
    lanes = {id: calls[0].lane for id, calls in held.branches.items() if len({call.lane for call in calls}) == 1}
    split = _fork(list(lanes.values()))
    by_branch: dict[str, list[str]] = {}
    for id, lane in lanes.items():
        branch = lane[len(split) :].lstrip(".").partition(".")[0]
        if branch[:1] in ("t", "n"):
            by_branch.setdefault(branch, []).append(id)
    return [id for ids in by_branch.values() for id in ids] if len(by_branch) > 1 else []


def _fork(lanes: Sequence[str]) -> str:
    """Return the lane that all of `lanes` come from."""
    if not lanes:
        return ""
    paths = [lane.split(".") for lane in lanes]
    shared = []
    for steps in zip(*paths, strict=False):
        if len(set(steps)) > 1:
            break
        shared.append(steps[0])
    return ".".join(shared)
