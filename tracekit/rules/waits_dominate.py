"""A large part of the run was waiting between attempts.

## What it finds

A run that would have been at least a fifth shorter if no call had been refused and tried again. Certain: the time is
the run's length now, less its length with each request as long as its last attempt. Waits that the program itself makes
before it sends the same request again count as the SDK's do.

## Why it matters

It was not the model that was slow: it was not asked.

## Example

    run 48 s, of which 21 s between attempts that were told 529

## What to do

Spread the work, use another model or region for what is refused, or a `fallback` of your own after the first refusal.

## Settings

`min-saving` hides findings in which the run waited less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tracekit.analysis.efforts import Effort
from tracekit.analysis.facts import Facts
from tracekit.analysis.timing.schedule import Change
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import plural, seconds

__all__ = ["RULE"]

_SHARE = 0.2
_MOST_EFFORTS = 200


def check(facts: Facts) -> Iterator[Finding]:
    """At most one finding a run."""
    whole_ns = facts.schedule.duration(facts.run.root)
    lost = [effort for effort in facts.efforts if effort.retries and effort.last.end_ns is not None]
    if sum(effort.lost_ns for effort in lost) < _SHARE * whole_ns:
        return
    worst = sorted(lost, key=lambda effort: -effort.lost_ns)[:_MOST_EFFORTS]
    saved_ns = _saved_ns(facts, worst)
    if saved_ns < _SHARE * whole_ns:
        return
    yield RULE.finding(
        "certain",
        f"{seconds(saved_ns)} of {seconds(whole_ns)} went into refused attempts and the waits after them",
        evidence=[
            f"{effort.last.model or 'a call'} lost {seconds(effort.lost_ns)} in {plural(effort.retries, 'retry', 'retries')}"
            for effort in worst[:6]
        ],
        spans=[call.id for effort in worst for call in effort.calls],
        saved_ns=saved_ns,
        remedy="Ask for less at once, or elsewhere, while the API refuses; `tracekit show --attempts` shows each wait.",
    )


def _saved_ns(facts: Facts, efforts: Sequence[Effort]) -> int:
    """What the run saves if each of `efforts` were its last attempt alone: level by level, from the calls up."""
    schedule, depth = facts.schedule, _depths(facts)
    begins: dict[str, dict[str, tuple[str, int]]] = {}
    saved: dict[str, int] = {}
    nodes: dict[str, Node] = {}
    for effort in efforts:
        *failed, last = effort.calls
        nodes |= {call.id: call for call in effort.calls}
        saved |= {call.id: schedule.duration(call) for call in failed}
        saved[last.id] = max(0, effort.attempts[-1].start_ns - last.start_ns)
        for call in effort.calls[1:]:
            container, one, other = _where_parted(facts, depth, effort.calls[0], call)
            begins.setdefault(container.id, {})[other.id] = (one.id, 0)
    for level in range(max((depth[id] for id in nodes), default=0), 0, -1):
        above = {parent.id: parent for id in list(nodes) if depth[id] == level for parent in [facts.parents[id]]}
        for parent in above.values():
            durations = {
                child.id: schedule.duration(child) - saved[child.id] for child in parent.children if child.id in saved
            }
            change = Change(begins.get(parent.id, {}), durations)
            less_ns = schedule.duration(parent) - schedule.duration_with(parent, change)
            saved[parent.id], nodes[parent.id] = max(0, less_ns), parent
    return saved.get(facts.run.root.id, 0)


def _depths(facts: Facts) -> dict[str, int]:
    depth = {facts.run.root.id: 0}
    for node in facts.nodes:
        for child in node.children:
            depth[child.id] = depth[node.id] + 1
    return depth


def _where_parted(facts: Facts, depth: Mapping[str, int], one: Node, other: Node) -> tuple[Node, Node, Node]:
    """The innermost node around both, and its children towards `one` and `other`."""
    while depth[one.id] > depth[other.id]:
        one = facts.parents[one.id]
    while depth[other.id] > depth[one.id]:
        other = facts.parents[other.id]
    while facts.parents[one.id] is not facts.parents[other.id]:
        one, other = facts.parents[one.id], facts.parents[other.id]
    return facts.parents[one.id], one, other


RULE = Rule("TK204", "waits-dominate", check, __doc__)
