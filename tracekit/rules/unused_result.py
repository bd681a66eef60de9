"""Work was done whose result nobody was told.

## What it finds

A tool or agent that an answer asked for, whose result never came to the model although its conversation went on; or an
agent in the background that ended only after the last call of who asked for it. Certain.

## Why it matters

Its time and tokens were for nothing, and the model does not know what came of its request.

## Example

    the answer asked for three agents; the next request brings two results

## What to do

Bring every result, in one user message; wait for what runs in the background before the last call, or don't start it.

## Settings

None.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracekit.analysis.batches import Work, batch_of, own_calls, turns_of
from tracekit.analysis.facts import Facts
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import seconds, tokens

__all__ = ["RULE"]


def check(facts: Facts) -> Iterator[Finding]:
    """A finding for each work whose result nobody was told."""
    for agent in facts.nodes:
        if agent.kind != "agent" or agent.end_ns is None:
            continue
        calls = own_calls(agent)
        for turn in turns_of(agent):
            batch = batch_of(turn)
            later = [call for call in calls if batch.asked is not None and call.start_ns > batch.asked.start_ns]
            if not later or not any(work.calls for work in batch.works):
                continue
            for work in batch.works:
                why = _why_unused(facts, work, later)
                if why:
                    yield _finding(work, why)


def _why_unused(facts: Facts, work: Work, later: list[Node]) -> str:
    if not work.calls or work.node.end_ns is None or work.call_id is None:
        return ""
    if work.node.start_ns >= later[-1].start_ns:
        return ""
    if work.node.end_ns > later[-1].start_ns and _never_named(facts, work, later):
        return "it ended only after the last call of who asked for it had begun"
    if all(facts.content.request(call) is None for call in later[:1]):
        return ""
    is_silent = _never_named(facts, work, later) and facts.content.messages(later[0])
    return "no later request brings its result" if is_silent else ""


def _never_named(facts: Facts, work: Work, later: list[Node]) -> bool:
    """Whether no later request has a result for the block that it served."""
    return not any(work.call_id in facts.content.results(call) for call in later)


def _finding(work: Work, why: str) -> Finding:
    node = work.node
    return RULE.finding(
        "certain",
        f"{work.name} worked for {seconds(work.duration_ns)} ({tokens(node.tokens.input + node.tokens.output)}), and nobody "
        "was told its result",
        evidence=[why],
        spans=[node.id, *(call.id for call in work.calls)],
        saved_usd=node.cost_usd if node.cost_complete else None,
        remedy=f"Bring the result of {work.name} to the model, or do not start it.",
    )


RULE = Rule("TK403", "unused-result", check, __doc__)
