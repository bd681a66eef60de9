"""One branch decided the length of a batch.

## What it finds

A batch of three or more tools or agents in parallel, requested by one response or started by the program under one
name, in which one took at least twice as long as every other, and the run waited for it alone. Likely: the times are
certain, but not that the work can be made shorter.

## Why it matters

However fast the others are, the batch takes as long as its slowest member.

## Example

    analysis_agent shop/cart.py     4 s
    analysis_agent shop/mail.py     5 s
    analysis_agent vendor/         41 s

## What to do

Split that branch, give it a faster model, or start it before the others. Check the evidence first: retries and waits
are not the fault of the branch.

## Settings

`min-saving` hides findings in which the run waited less.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracekit import semconv
from tracekit.analysis.batches import rounds_of
from tracekit.analysis.facts import Facts
from tracekit.formatting import format_count, format_duration
from tracekit.model.change import Change
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import MOST_TIMES, distinguishing_labels, tokens

__all__ = ["RULE"]

_LEAST_WORKS = 3
_FACTOR = 2


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each batch with one branch that took far longer than the others."""
    crews = [each for crew in facts.crews for each in rounds_of(crew) if len({work.name for work in each.works}) == 1]
    for batch in (*facts.batches, *crews):
        works = sorted(batch.timed, key=lambda work: work.duration_ns, reverse=True)
        if len(works) < _LEAST_WORKS or batch.at_once < len(works) or not facts.is_one_clock(batch.timed):
            continue
        slowest, second = works[0], works[1]
        if slowest.duration_ns < _FACTOR * second.duration_ns:
            continue
        saving = facts.schedule.saving(Change(durations={slowest.node.id: second.duration_ns}))
        if saving.ns <= 0:
            continue
        about = distinguishing_labels(facts, works[:MOST_TIMES])[0]
        yield RULE.finding(
            "likely",
            f"{slowest.name}{f' ({about})' if about else ''} took {format_duration(slowest.duration_ns)} of a batch of {len(works)} whose others took at most "
            f"{format_duration(second.duration_ns)}",
            evidence=[_why(slowest.node), f"the run waited {format_duration(saving.ns)} for it alone"],
            spans=[slowest.node.id, *(work.node.id for work in works[1:])],
            saving=saving,
            remedy=f"Split what {slowest.name}{f' ({about})' if about else ''} is given, or give it a faster model; as long as it takes twice the others' "
            "time, nothing else shortens this turn.",
        )


def _why(node: Node) -> str:
    """Return the uses of the node's time: calls, output and retries."""
    waits_ms = sum(_number(each.attributes.get(semconv.WAIT_MS)) for each in node.walk() if each.kind == "attempt")
    calls = [each for each in node.walk() if each.kind == "llm"]
    facts = [format_count(len(calls), "call"), tokens(node.tokens.output) + " of output"]
    if node.retries:
        facts.append(
            f"{format_count(node.retries, 'retry', 'retries')} after {format_duration(int(waits_ms * 1e6))} of waiting"
        )
    return "it made " + ", ".join(facts)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


RULE = Rule("TK105", "straggler", check, __doc__)
