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

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property

from tracekit.analysis.batches import Work
from tracekit.analysis.content import spelled
from tracekit.analysis.facts import Facts
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import seconds, tokens

__all__ = ["RULE"]


def check(facts: Facts) -> Iterator[Finding]:
    """A finding for each work whose result nobody was told."""
    for agent in facts.agents:
        if agent.end_ns is None:
            continue
        batches = [
            batch for batch in map(facts.batch, facts.turns(agent)) if any(work.has_calls for work in batch.works)
        ]
        calls = _Calls(facts, facts.own_calls(agent) if batches else [])
        for batch in batches:
            later = bisect_right(calls.begins, batch.asked.start_ns) if batch.asked is not None else len(calls.nodes)
            for work in batch.works:
                why = _why_unused(calls, work, later)
                if why:
                    yield _finding(work, why)


class _Calls:
    """The calls of an agent, in order. Where a result is missing in the next one, all are looked through, once."""

    def __init__(self, facts: Facts, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.begins = [call.start_ns for call in nodes]
        self.content = facts.content

    @cached_property
    def last_unseen(self) -> int:
        """The number of the last call whose request was not recorded; -1 where all were."""
        return max(
            (number for number, call in enumerate(self.nodes) if self.content.exchange(call) is None), default=-1
        )

    @cached_property
    def last_to_bring(self) -> dict[bytes, int]:
        """The number of the last call that brings each result, by the id of the block as JSON spells it."""
        return {id: number for number, call in enumerate(self.nodes) for id in self.content.brought(call)}


def _why_unused(calls: _Calls, work: Work, later: int) -> str:
    """Why nobody was told what came of `work`; `calls`, from number `later` on, are those that could have brought it."""
    if not work.has_calls or work.node.end_ns is None or work.call_id is None or later >= len(calls.nodes):
        return ""
    following, last = calls.nodes[later], calls.nodes[-1]
    if work.node.start_ns >= last.start_ns or calls.content.brings(following, work.call_id):
        return ""
    if calls.last_unseen >= later or not calls.content.messages(following):
        return ""
    if calls.last_to_bring.get(spelled(work.call_id), -1) >= later:
        return ""
    if work.node.end_ns > last.start_ns:
        return "it ended only after the last call of who asked for it had begun"
    return "no later request brings its result"


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
