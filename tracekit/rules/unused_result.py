"""Work was done whose result nobody was told.

## What it finds

An agent that an answer asked for, whose result never came to the model although its conversation went on, and which no
other request quotes: certain. One for which an error was brought as the result (it took too long), while it went on to work
to its end: likely. One that was left to work in the background is not meant: what it does may be its purpose.

## Why it matters

Its time and tokens were for nothing, and the model does not know what came of its request.

## Example

    the answer asked for three agents; the next request brings two results
    `future.result(timeout=20)` gave up; the thread behind it works on

## What to do

Bring every result, in one user message; cancel what nobody waits for any more.

## Settings

None.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from tracekit.analysis.batches import Work
from tracekit.analysis.facts import Facts
from tracekit.analysis.overlap import TOLERANCE_NS
from tracekit.model.conversation import previous_message_id
from tracekit.model.finding import Confidence, Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import seconds, tokens

__all__ = ["RULE"]

_LOOK_AHEAD = 500
"""Later calls in which is looked for a result."""
_USED: tuple[Confidence, str] = ("possible", "")


def check(facts: Facts) -> Iterator[Finding]:
    """A finding for each work whose result nobody was told."""
    for agent in facts.agents:
        if agent.end_ns is None:
            continue
        batches = [batch for batch in map(facts.batch, facts.turns(agent)) if any(work.calls for work in batch.works)]
        calls = facts.own_calls(agent) if batches else []
        begins = [call.start_ns for call in calls]
        for batch in batches:
            first = bisect_right(begins, batch.asked.start_ns) if batch.asked is not None else len(calls)
            for work in batch.works:
                confidence, why = _why_unused(facts, work, calls[first:])
                if why:
                    yield _finding(confidence, work, why)


def _why_unused(facts: Facts, work: Work, later: Sequence[Node]) -> tuple[Confidence, str]:
    """How sure it is that nobody was told what came of `work`, and why; `later` are the calls that could have brought it."""
    end_ns, id = work.node.end_ns, work.call_id
    if not work.calls or end_ns is None or id is None or not later or work.node.start_ns >= later[-1].start_ns:
        return _USED
    bringing = next((call for call in later if facts.content.brings(call, id)), None)
    if bringing is None:
        if not any(_goes_on(facts, call, id) for call in later) or _is_told(facts, work):
            return _USED
        if end_ns > later[-1].start_ns:
            return "certain", "it ended only after the last call of who asked for it had begun"
        return "certain", "no later request brings its result"
    if work.is_bounded or end_ns <= bringing.start_ns + TOLERANCE_NS or _is_told(facts, work):
        return _USED
    if facts.content.result_blocks(bringing).get(id, {}).get("is_error"):
        return "likely", f"an error was brought as its result, and it went on for {seconds(end_ns - bringing.start_ns)}"
    return _USED


def _goes_on(facts: Facts, call: Node, id: str) -> bool:
    """Whether `call` goes on with the conversation in which the block `id` was asked for."""
    return previous_message_id(facts.content.request(call) or {}) is not None or facts.content.names(call, id)


def _is_told(facts: Facts, work: Work) -> bool:
    """Whether a request that was made after `work` quotes what it said in the end, in whatever conversation."""
    said = facts.content.answer_text(work.calls[-1])
    begins = bisect_left(facts.calls, work.node.end_ns or 0, key=lambda call: call.start_ns)
    return any(facts.content.mentions(call, said) for call in facts.calls[begins : begins + _LOOK_AHEAD])


def _finding(confidence: Confidence, work: Work, why: str) -> Finding:
    node = work.node
    return RULE.finding(
        confidence,
        f"{work.name} worked for {seconds(work.duration_ns)} ({tokens(node.tokens.input + node.tokens.output)}), and nobody "
        "was told its result",
        evidence=[why],
        spans=[node.id, *(call.id for call in work.calls)],
        saved_usd=node.cost_usd if node.cost_complete else None,
        remedy=f"Bring the result of {work.name} to the model, or do not start it.",
    )


RULE = Rule("TK403", "unused-result", check, __doc__)
