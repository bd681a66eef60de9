"""The very same question was asked twice, one after the other.

## What it finds

Two calls with the same request, byte for byte, the second begun after the first was answered, and answered with the same
text. Calls at the same time are left alone: they may be meant as samples. Certain.

## Why it matters

The answer was there already.

## Example

    classify("Where is my parcel?")   # twice, in two agents

## What to do

Keep the first answer and use it again; `functools.cache` does for a pure function of its arguments.

## Settings

None.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum

from tracekit import semconv
from tracekit.analysis.facts import Facts
from tracekit.analysis.overlap import TOLERANCE_NS
from tracekit.analysis.schedule import Change
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import at, plural, tokens

__all__ = ["RULE"]

_UNFINISHED = ("max_tokens", "pause_turn", "model_context_window_exceeded")


def check(facts: Facts) -> Iterator[Finding]:
    """A finding for each request that was sent again after its answer had come."""
    asked: dict[tuple[str, str | bytes], list[Node]] = {}
    for call in facts.calls:
        exchange = facts.content.exchange(call)
        if call.status == "ok" and exchange is not None and exchange.request.body and call.end_ns is not None:
            asked.setdefault((exchange.request.path, exchange.digest or exchange.request.body), []).append(call)
    for calls in asked.values():
        same = _answered_alike(facts, calls) if len(calls) > 1 else []
        if len(same) > 1:
            yield _finding(facts, same)


def _answered_alike(facts: Facts, calls: list[Node]) -> list[Node]:
    """The first of `calls`, and those after its end that were answered the same."""
    first = calls[0]
    answer = facts.content.answer(first)
    if answer is None or first.attributes.get(semconv.STOP_REASON, answer.get("stop_reason")) in _UNFINISHED:
        return []
    same, end_ns = [first], first.end_ns or 0
    for call in calls[1:]:
        other = facts.content.answer(call)
        is_after = call.start_ns >= end_ns - TOLERANCE_NS
        if is_after and other is not None and other.get("content") == answer.get("content"):
            same.append(call)
    return same


def _finding(facts: Facts, calls: list[Node]) -> Finding:
    first, *again = calls
    costs = [call.cost_usd for call in again if call.cost_usd is not None]
    saved_ns = sum(
        facts.schedule.saved_ns(facts.parents[call.id], Change(durations={call.id: 0})) for call in again[:20]
    )
    origin_ns = facts.run.root.start_ns
    whose = [agent.agent or "" for call in calls if (agent := facts.agent_around(call)) is not None]
    return RULE.finding(
        "certain",
        f"the same question was asked {len(calls)} times{' by ' + ', '.join(dict.fromkeys(whose)) if whose else ''}, "
        "each time with the same answer",
        evidence=[
            f"asked at {', '.join(at(call.start_ns, origin_ns) for call in calls[:8])} s, byte for byte the same request",
            (
                f"{plural(len(again), 'call')} with {tokens(sum(call.tokens.input + call.tokens.output for call in again))} "
                "brought nothing new"
            ),
        ],
        spans=[call.id for call in (*again, first)],
        saved_ns=saved_ns if saved_ns > 0 else None,
        saved_usd=fsum(costs) if len(costs) == len(again) else None,
        remedy="Keep the first answer and use it again.",
    )


RULE = Rule("TK302", "same-call-twice", check, __doc__)
