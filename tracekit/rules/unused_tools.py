"""An agent defined tools in every request and called none of them, now or in earlier runs.

## What it finds

Tool definitions in every request of an agent that its model called neither in this run nor in the agent's last 20
runs, if they take 5,000 tokens or more in this run and at least a twentieth of the agent's input. An agent is the same
if its name and its system prompt are equal, except for words with a digit; `tracekit check` looks up its earlier runs
in the store. Only runs whose requests defined the tool, and whose requests and responses are all recorded, count for a
tool. The number of tokens is an estimate: the API counts a request as a whole, so a definition gets the same share of
the tokens as it has of the request's bytes. Likely with 5 runs or more, including this one; possible with fewer.
Nothing is reported for tools that are loaded on demand (`defer_loading`), for the API's own tools, and without
recorded content.

## Why it matters

Every request pays for the definitions; they fill the context and make it harder for the model to choose.

## Example

    lead sent the definitions of 11 tools with each of 9 requests, and called none of them in 6 runs: about 21,000 tokens

## What to do

Leave the tools out, give them to an agent of their own, or mark them `"defer_loading": true` beside a tool search tool.

## Settings

None.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from typing import Any

from tracekit.analysis.costs import usd_without
from tracekit.analysis.earlier import Practice, merged
from tracekit.analysis.facts import Facts
from tracekit.formatting import format_count
from tracekit.model.finding import Confidence, Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import listed, tokens

__all__ = ["RULE"]

_LEAST_TOKENS = 5_000
_LEAST_PART = 20
_ENOUGH_RUNS = 5


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each agent with tools that it never called, and for each confidence."""
    named: dict[str, list[Node]] = {}
    for agent in facts.agents:
        named.setdefault(agent.agent or "", []).append(agent)
    for agents in named.values():
        if not _may_be_much(facts, [call for agent in agents for call in facts.own_calls(agent)]):
            continue
        practices = [(agent, own) for agent in agents if (own := facts.practice(agent)) is not None]
        for practice in merged(own for _, own in practices).values():
            same = [agent for agent, own in practices if own.agent == practice.agent]
            yield from _check(facts, practice, same)


def _check(facts: Facts, practice: Practice, agents: Sequence[Node]) -> Iterator[Finding]:
    unused = practice.offered - practice.called
    if not unused or not practice.is_whole:
        return
    calls = [call for agent in agents for call in facts.own_calls(agent) if call.tokens.input]
    sizes = {name: size for name, size in _sizes(facts, calls).items() if name in unused}
    if not _is_much(calls, _by_call(facts, calls, sizes)):
        return
    for confidence, runs, names in _by_confidence(facts, practice, list(sizes)):
        spent = _by_call(facts, calls, {name: sizes[name] for name in names})
        if _is_much(calls, spent):
            yield _finding(facts, agents, calls, names, confidence, runs, spent)


def _may_be_much(facts: Facts, calls: Sequence[Node]) -> bool:
    """Return whether the definitions in the first of `calls` may be a large enough part of the input."""
    whole = sum(call.tokens.input for call in calls)
    if whole < _LEAST_TOKENS:
        return False
    part, exchange = facts.content.request(calls[0]).part("tools"), facts.content.exchange(calls[0])
    if part is None or exchange is None or not exchange.request.size:
        return False
    # A part in memory does not know its size. The first request is the shortest, so no later one has a larger share.
    size = part.size or exchange.request.size
    return whole * min(size, exchange.request.size) // exchange.request.size >= max(_LEAST_TOKENS, whole // _LEAST_PART)


def _sizes(facts: Facts, calls: Sequence[Node]) -> dict[str, int]:
    """Return the bytes of the definitions of the program's own tools in the first request, in their order."""
    tools = facts.content.request(calls[0]).get("tools") if calls else None
    own = (tool for tool in (tools if isinstance(tools, list) else ()) if _is_own(tool))
    return {str(tool["name"]): len(_json(tool).encode("utf-8", "surrogatepass")) for tool in own}


def _json(tool: Any) -> str:
    return json.dumps(tool, separators=(",", ":"), ensure_ascii=False, default=str)


def _is_own(tool: Any) -> bool:
    """Return whether the program runs `tool`, and its definition is in the prompt from the start."""
    return isinstance(tool, Mapping) and {"name", "input_schema"} <= tool.keys() and not tool.get("defer_loading")


def _by_call(facts: Facts, calls: Sequence[Node], sizes: Mapping[str, int]) -> list[int]:
    """Return about how many tokens the definitions were in each of `calls`."""
    exchanges = [facts.content.exchange(call) for call in calls]
    wholes = [0 if exchange is None else exchange.request.size for exchange in exchanges]
    size = sum(sizes.values())
    return [
        call.tokens.input * min(size, whole) // whole if whole else 0 for call, whole in zip(calls, wholes, strict=True)
    ]


def _is_much(calls: Sequence[Node], spent: Sequence[int]) -> bool:
    return sum(spent) >= max(_LEAST_TOKENS, sum(call.tokens.input for call in calls) // _LEAST_PART)


def _by_confidence(
    facts: Facts, practice: Practice, names: Sequence[str]
) -> Iterator[tuple[Confidence, int, list[str]]]:
    """Yield the tools that no earlier run called either, by confidence, with the number of runs."""
    earlier = facts.earlier.of(practice.agent)
    called = frozenset().union(*(each.called for each in earlier))
    runs = {
        name: 1 + sum(each.is_whole and name in each.offered for each in earlier)
        for name in names
        if name not in called
    }
    groups: dict[Confidence, list[str]] = {}
    for name, count in runs.items():
        groups.setdefault("likely" if count >= _ENOUGH_RUNS else "possible", []).append(name)
    for confidence, group in groups.items():
        yield confidence, min(runs[name] for name in group), group


def _finding(
    facts: Facts,
    agents: Sequence[Node],
    calls: Sequence[Node],
    names: Sequence[str],
    confidence: Confidence,
    runs: int,
    spent: Sequence[int],
) -> Finding:
    saved = [
        None if (usd := usd_without(call, count)) is None or call.cost_usd is None else call.cost_usd - usd
        for call, count in zip(calls, spent, strict=True)
    ]
    known = [usd for usd in saved if usd is not None]
    definitions = "definition" if len(names) == 1 else "definitions"
    return RULE.finding(
        confidence,
        f"{agents[0].agent} sent the {definitions} of {format_count(len(names), 'tool')} with each of "
        f"{format_count(len(calls), 'request')}, and called none of them in {format_count(runs, 'run')}: about {tokens(sum(spent))}",
        evidence=[f"never called: {listed(names, 12)}", _looked_up(facts, runs), _ESTIMATED],
        spans=[*(agent.id for agent in agents), *(call.id for call in calls)],
        saved_usd=fsum(known) if len(known) == len(saved) else None,
        remedy=f"Leave {listed(names)} out of the requests of {agents[0].agent}, give them to an agent of their own, or load "
        'them on demand (`"defer_loading": true`).',
    )


_ESTIMATED = "the tokens are an estimate: as large a part of those that the API counted as of the requests' bytes"


def _looked_up(facts: Facts, runs: int) -> str:
    if runs > 1:
        return f"in this run and {format_count(runs - 1, 'earlier run')} of this agent, each request defined them"
    known = "no earlier run of this agent with these tools is recorded"
    return known if facts.earlier.is_known else "earlier runs were not looked up: `tracekit check` does that"


RULE = Rule("TK306", "unused-tools", check, __doc__)
