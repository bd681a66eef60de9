"""The same beginning was sent again and again without a cache.

## What it finds

An agent's calls that continue one another within five minutes, each repeating the request before it, of which the API
read nothing from its cache and wrote nothing to it. Only beginnings of 4,096 tokens or more count, since that is what every
model caches. Certain: the requests are compared, and the API's own count tells what was cached.

## Why it matters

Tokens read from the cache cost a tenth of others, and are answered sooner.

## Example

    call 1: 21,000 tokens in, 0 from the cache
    call 2: 23,000 tokens in, 0 from the cache

## What to do

Mark the beginning: `cache_control={"type": "ephemeral"}` on the request, or on the last block that stays the same.

## Settings

None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import fsum
from typing import Any

from tracekit import semconv
from tracekit.analysis.facts import Facts
from tracekit.cost import price_usd
from tracekit.model.conversation import shared_messages
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import plural, tokens

__all__ = ["RULE"]

_LEAST_TOKENS = 4096
_LEAST_RESENT = 10_000
_KEPT_NS = 300_000_000_000


def check(facts: Facts) -> Iterator[Finding]:
    """A finding for each agent that sent its history again and again."""
    for agent in facts.agents:
        calls = facts.own_calls(agent)
        if any(call.tokens.cache_read or call.tokens.cache_write for call in calls):
            continue
        again = [(before, after) for before, after in pairwise(calls) if _may_repeat(before, after)]
        if sum(before.tokens.input for before, _ in again) < _LEAST_RESENT:
            continue
        again = [(before, after) for before, after in again if _repeats(facts, before, after)]
        resent = sum(before.tokens.input for before, _ in again)
        if resent >= _LEAST_RESENT:
            yield _finding(agent, again, resent)


def _may_repeat(before: Node, after: Node) -> bool:
    is_long = _LEAST_TOKENS <= before.tokens.input <= after.tokens.input
    return is_long and before.model == after.model and after.start_ns - before.start_ns < _KEPT_NS


def _repeats(facts: Facts, before: Node, after: Node) -> bool:
    """Whether the request of `after` begins with all that `before` sent."""
    one, other = facts.content.request(before), facts.content.request(after)
    if one is None or other is None or any(one.get(part) != other.get(part) for part in ("system", "tools")):
        return False
    messages, more = facts.content.messages(before), facts.content.messages(after)
    return bool(messages) and shared_messages(more, messages) == len(messages)


def _finding(agent: Node, again: list[tuple[Node, Node]], resent: int) -> Finding:
    saved = [_saved_usd(before, after) for before, after in again]
    known = [usd for usd in saved if usd is not None]
    saved_usd = fsum(known) if len(known) == len(saved) and fsum(known) > 0 else None
    return RULE.finding(
        "certain",
        f"{agent.agent} sent {tokens(resent)} again in {plural(len(again), 'call')} that a cache would have kept",
        evidence=[
            "the API read nothing from its cache in these calls, and wrote nothing to it",
            "each request begins with the whole request before it, sent less than 5 minutes earlier",
        ],
        spans=[agent.id, *(after.id for _, after in again)],
        saved_usd=saved_usd,
        remedy=f'Give the requests of {agent.agent} `cache_control={{"type": "ephemeral"}}`: what was sent before is then '
        "read from the cache.",
    )


def _saved_usd(before: Node, after: Node) -> float | None:
    """What the later call would have cost less, had it read the request before it from the cache and written the rest."""
    if after.model is None or after.cost_usd is None:
        return None
    cached: Mapping[str, Any] = {
        **after.attributes,
        semconv.CACHE_READ_TOKENS: before.tokens.input,
        semconv.CACHE_WRITE_TOKENS: after.tokens.input - before.tokens.input,
    }
    price = price_usd(cached, after.model, after.start_ns)
    return None if price is None else after.cost_usd - float(price)


RULE = Rule("TK301", "uncached-prefix", check, __doc__)
