"""A large part of the run was waiting between attempts.

## What it finds

A run that would have been at least a fifth shorter if no call had been refused and tried again. Certain: the time is
the run's length now, less its length with each call as long as its last attempt.

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

from collections.abc import Iterator

from tracekit.analysis.facts import Facts
from tracekit.analysis.schedule import Change
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import plural, seconds

__all__ = ["RULE"]

_SHARE = 0.2
_MOST_CALLS = 200


def check(facts: Facts) -> Iterator[Finding]:
    """At most one finding a run."""
    whole_ns = facts.schedule.duration(facts.run.root)
    lost = [(_lost_ns(call), call) for call in facts.calls if call.retries and call.end_ns is not None]
    if sum(ns for ns, _ in lost) < _SHARE * whole_ns:
        return
    worst = sorted(lost, key=lambda each: -each[0])[:_MOST_CALLS]
    saved_ns = _saved_ns(facts, [call for _, call in worst])
    if saved_ns < _SHARE * whole_ns:
        return
    yield RULE.finding(
        "certain",
        f"{seconds(saved_ns)} of {seconds(whole_ns)} went into refused attempts and the waits after them",
        evidence=[
            f"{call.model or 'a call'} lost {seconds(ns)} in {plural(call.retries, 'retry', 'retries')}"
            for ns, call in worst[:6]
        ],
        spans=[call.id for _, call in worst],
        saved_ns=saved_ns,
        remedy="Ask for less at once, or elsewhere, while the API refuses; `tracekit show --attempts` shows each wait.",
    )


def _lost_ns(call: Node) -> int:
    """From the begin of the call to that of its last attempt."""
    last = max((child.start_ns for child in call.children if child.kind == "attempt"), default=call.start_ns)
    return max(0, last - call.start_ns)


def _saved_ns(facts: Facts, calls: list[Node]) -> int:
    """What the run saves if each of `calls` were shorter by what it lost: level by level, from the calls up."""
    shorter = {call.id: (call, _lost_ns(call)) for call in calls}
    schedule = facts.schedule
    depth = {facts.run.root.id: 0}
    for node in facts.nodes:
        for child in node.children:
            depth[child.id] = depth[node.id] + 1
    saved = {id: ns for id, (_, ns) in shorter.items()}
    nodes = {id: call for id, (call, _) in shorter.items()}
    for level in range(max((depth[id] for id in nodes), default=0), 0, -1):
        above: dict[str, Node] = {}
        for id in [id for id in nodes if depth[id] == level]:
            parent = facts.parents[id]
            above[parent.id] = parent
        for parent in above.values():
            durations = {
                child.id: schedule.duration(child) - saved[child.id] for child in parent.children if child.id in saved
            }
            less_ns = schedule.duration(parent) - schedule.duration_with(parent, Change(durations=durations))
            saved[parent.id], nodes[parent.id] = max(0, less_ns), parent
    return saved.get(facts.run.root.id, 0)


RULE = Rule("TK204", "waits-dominate", check, __doc__)
