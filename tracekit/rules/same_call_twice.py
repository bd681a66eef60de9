"""The very same question was asked twice, one after the other.

## What it finds

Calls with the same request, byte for byte, that began after the first of them was answered, and that all got the same
text. Certain. Samples are not reported: calls at the same time, calls with different answers, and calls directly after
one another, by agents of one name or none, that set a temperature. Without a temperature, the latter are *possible*.
So are requests for which the API looks things up (its own tools, MCP), since their answers change.

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

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from typing import Any

from tracekit import semconv
from tracekit.analysis.facts import Facts
from tracekit.analysis.timing.overlap import TOLERANCE_NS
from tracekit.formatting import format_count
from tracekit.model.change import Change
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import at, tokens

__all__ = ["RULE"]

_OWN = (None, "custom")
"""Types of tools that the program runs itself."""
_UNFINISHED = ("max_tokens", "pause_turn", "model_context_window_exceeded")


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each request that was sent again after its response had come."""
    asked: dict[tuple[str, str | bytes | None], list[Node]] = {}
    for call in facts.calls:
        exchange = None if facts.content.is_rebuilt(call) else facts.content.exchange(call)
        if call.status == "ok" and exchange is not None and exchange.request.size and call.end_ns is not None:
            asked.setdefault((exchange.request.path, exchange.digest or exchange.request.body), []).append(call)
    for calls in asked.values():
        same = _answered_alike(facts, calls) if len(calls) > 1 else []
        if len(same) > 1:
            yield _finding(facts, same)


def _answered_alike(facts: Facts, calls: list[Node]) -> list[Node]:
    """Return `calls` that began after the first response; none where the repetition is intended.

    Different responses are samples. Equal ones may be samples too: requests with a temperature that one agent makes
    several times in a row.
    """
    first, *others = calls
    answer = facts.content.answer(first)
    if answer is None or first.attributes.get(semconv.STOP_REASON, answer.get("stop_reason")) in _UNFINISHED:
        return []
    for call in others:
        other = facts.content.answer(call)
        if other is None or other.get("content") != answer.get("content"):
            return []
    request = facts.content.request(first)
    if _asks_the_world(request) or (request.get("temperature") and _is_row(facts, calls)):
        return []
    end_ns = first.end_ns or 0
    return [first, *(call for call in others if call.start_ns >= end_ns - TOLERANCE_NS)]


def _asks_the_world(request: Mapping[str, Any]) -> bool:
    """Return whether the response may change with time, since the API looks things up for it."""
    tools = request.get("tools")
    kinds = [tool.get("type") for tool in tools if isinstance(tool, Mapping)] if isinstance(tools, list) else []
    return bool(request.get("mcp_servers") or request.get("container")) or any(kind not in _OWN for kind in kinds)


def _is_row(facts: Facts, calls: Sequence[Node]) -> bool:
    """Return whether the program made the calls directly one after another, as it does for samples."""
    agents = [facts.agent_around(call) for call in calls]
    names = {None if agent is None or agent.inferred else agent.agent for agent in agents}
    askers = {facts.parents.get((agent or call).id, call).id for agent, call in zip(agents, calls, strict=True)}
    if len({call.lane for call in calls}) > 1 or len(askers) > 1 or len(names) > 1:
        return False
    begins = facts.begins_in_lane(calls[0].lane)
    between = bisect_left(begins, calls[-1].start_ns) - bisect_right(begins, calls[0].start_ns)
    return between == len(calls) - 2


def _finding(facts: Facts, calls: list[Node]) -> Finding:
    first, *again = calls
    costs = [call.cost_usd for call in again if call.cost_usd is not None]
    saving = facts.schedule.saving(Change(durations=dict.fromkeys((call.id for call in again), 0)))
    origin_ns = facts.run.root.start_ns
    whose = [agent.agent or "" for call in calls if (agent := facts.agent_around(call)) is not None]
    return RULE.finding(
        "possible" if _is_row(facts, calls) else "certain",
        f"the same question was asked {len(calls)} times{' by ' + ', '.join(dict.fromkeys(whose)) if whose else ''}, "
        "each time with the same answer",
        evidence=[
            f"asked at {', '.join(at(call.start_ns, origin_ns) for call in calls[:8])} s, byte for byte the same request",
            (
                f"{format_count(len(again), 'call')} with {tokens(sum(call.tokens.input + call.tokens.output for call in again))} "
                "brought nothing new"
            ),
        ],
        spans=[call.id for call in (*again, first)],
        saving=saving if saving.ns > 0 else None,
        saved_usd=fsum(costs) if len(costs) == len(again) else None,
        remedy="Keep the first answer and use it again.",
    )


RULE = Rule("TK302", "same-call-twice", check, __doc__)
