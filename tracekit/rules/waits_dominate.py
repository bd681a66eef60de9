"""A large part of the run was waiting between attempts.

## What it finds

A run that would have been at least a fifth shorter without refused attempts and retries. Certain: the saved time is
the run's length minus its length with each request as long as its last attempt. Waits of the program itself before it
sends the same request again count like those of the SDK.

## Why it matters

The model was not slow: the time was spent waiting to send requests.

## Example

    run 48 s, of which 21 s between attempts that got a 529 response

## What to do

Spread the work, use another model or region for what is refused, or a `fallback` of your own after the first refusal.

## Settings

`min-saving` hides findings in which the run waited less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracekit.analysis.efforts import Effort
from tracekit.analysis.facts import Facts
from tracekit.formatting import format_count, format_duration
from tracekit.model.change import Change
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule

__all__ = ["RULE"]

_SHARE = 0.2
_MOST_EFFORTS = 200


def check(facts: Facts) -> Iterator[Finding]:
    """Yield at most one finding a run."""
    whole_ns = facts.schedule.duration(facts.run.root)
    lost = [effort for effort in facts.efforts if effort.retries and effort.last.end_ns is not None]
    if sum(effort.lost_ns for effort in lost) < _SHARE * whole_ns:
        return
    worst = sorted(lost, key=lambda effort: -effort.lost_ns)[:_MOST_EFFORTS]
    saving = facts.schedule.saving(_without_retries(facts, worst))
    if saving.ns < _SHARE * whole_ns:
        return
    yield RULE.finding(
        "certain",
        f"{format_duration(saving.ns)} of {format_duration(whole_ns)} went into refused attempts and the waits after them",
        evidence=[
            f"{effort.last.model or 'a call'} lost {format_duration(effort.lost_ns)} in {format_count(effort.retries, 'retry', 'retries')}"
            for effort in worst[:6]
        ],
        spans=[call.id for effort in worst for call in effort.calls],
        saving=saving,
        remedy="Ask for less at once, or elsewhere, while the API refuses; `tracekit show --attempts` shows each wait.",
    )


def _without_retries(facts: Facts, efforts: Sequence[Effort]) -> Change:
    """Return the change that leaves of each effort its last attempt, begun when its first attempt began."""
    begins: dict[str, tuple[str, int]] = {}
    durations: dict[str, int] = {}
    for effort in efforts:
        *failed, last = effort.calls
        durations |= dict.fromkeys((call.id for call in failed), 0)
        durations[last.id] = facts.schedule.duration(last) - max(0, effort.attempts[-1].start_ns - last.start_ns)
        for call in effort.calls[1:]:
            one, other = _where_parted(facts, effort.calls[0], call)
            begins[other.id] = (one.id, 0)
    return Change(begins, durations)


def _where_parted(facts: Facts, one: Node, other: Node) -> tuple[Node, Node]:
    """Return the children, of the innermost node around both, towards `one` and `other`."""
    depth = facts.schedule.depth
    while depth(one) > depth(other):
        one = facts.parents[one.id]
    while depth(other) > depth(one):
        other = facts.parents[other.id]
    while facts.parents[one.id] is not facts.parents[other.id]:
        one, other = facts.parents[one.id], facts.parents[other.id]
    return one, other


RULE = Rule("TK204", "waits-dominate", check, __doc__)
