"""The same prefix was sent again and again without a cache.

## What it finds

Calls of an agent that continue one another within five minutes, each repeating the request before it, for which the
API neither read from its cache nor wrote to it. Certain: the requests are compared, and the counts are the API's.
Calls that do not continue one another, but begin with the same tools, system prompt and message blocks (several
questions about one document), are likely: the number of tokens in these blocks is estimated from their characters.
Only prefixes of 4,096 tokens or more count, which every model caches, and only if the earlier call had been answered:
parallel calls cannot read what one of them writes. The saving includes the price of writing to the cache.

## Why it matters

Tokens read from the cache cost a tenth of others or less, and are answered sooner.

## Example

    call 1: 21,000 tokens in, 0 from the cache
    call 2: 23,000 tokens in, 0 from the cache

## What to do

Mark the beginning: `cache_control={"type": "ephemeral"}` on the request, or on the last block that stays the same.

## Settings

None.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise, takewhile
from math import fsum
from typing import Any, NamedTuple

from tracekit.analysis.costs import usd_if_cached
from tracekit.analysis.facts import Facts
from tracekit.formatting import format_count
from tracekit.model.conversation import blocks_of
from tracekit.model.finding import Finding
from tracekit.model.history import Part, RequestFields
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import listed, tokens

__all__ = ["RULE"]

_LEAST_TOKENS = 4096
_LEAST_RESENT = 10_000
_LEAST_ALIKE = 4800
"""Tokens that a common beginning must have, as these are estimated: those that every model caches, and some more."""
_KEPT_NS = 300_000_000_000
_LOOK_BACK = 8
_MOST_MESSAGES = 8
_NOTHING_CACHED = "the API read nothing from its cache in these calls, and wrote nothing to it"


@dataclass(frozen=True)
class _Resent:
    """A repetition: `after` sent `tokens` of the request of `before` again."""

    before: Node
    after: Node
    tokens: int


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each agent that resent its history, and for each prefix that calls share."""
    reported: set[str] = set()
    for agent in facts.agents:
        calls = facts.own_calls(agent)
        if any(map(_uses_cache, calls)) or any(map(facts.content.is_rebuilt, calls)):
            continue
        again = [(before, after) for before, after in pairwise(calls) if _may_repeat(before, after)]
        if sum(before.tokens.input for before, _ in again) < _LEAST_RESENT:
            continue
        again = [(before, after) for before, after in again if _repeats(facts, before, after)]
        resent = [_Resent(before, after, before.tokens.input) for before, after in again]
        if sum(each.tokens for each in resent) >= _LEAST_RESENT:
            reported |= {call.id for pair in again for call in pair}
            yield _history(agent, resent)
    left = (call for call in facts.calls if call.id not in reported and not facts.content.is_rebuilt(call))
    rest = [call for call in left if _may_begin_alike(call)]
    if sum(call.tokens.input for call in rest[1:]) >= _LEAST_RESENT:
        yield from _openings(facts, rest)


def _uses_cache(call: Node) -> bool:
    return bool(call.tokens.cache_read or call.tokens.cache_write)


def _may_repeat(before: Node, after: Node) -> bool:
    is_long = _LEAST_TOKENS <= before.tokens.input <= after.tokens.input
    return is_long and before.model == after.model and after.start_ns - before.start_ns < _KEPT_NS


def _repeats(facts: Facts, before: Node, after: Node) -> bool:
    """Return whether the request of `after` begins with the whole request of `before`."""
    one, other = facts.content.request(before), facts.content.request(after)
    if not one or not other or not all(_has_same(one, other, name) for name in ("system", "tools")):
        return False
    return bool(one.messages) and other.messages.shared(one.messages) == len(one.messages)


def _has_same(one: RequestFields, other: RequestFields, name: str) -> bool:
    return one.part(name) is other.part(name) or one.get(name) == other.get(name)


def _history(agent: Node, resent: Sequence[_Resent]) -> Finding:
    total = sum(each.tokens for each in resent)
    return RULE.finding(
        "certain",
        f"{agent.agent} sent {tokens(total)} again in {format_count(len(resent), 'call')} that a cache would have kept",
        evidence=[
            _NOTHING_CACHED,
            "each request begins with the whole request before it, sent less than 5 minutes earlier",
        ],
        spans=[agent.id, *(each.after.id for each in resent)],
        saved_usd=_saved_usd(resent, writes_rest=True),
        remedy=f'Give the requests of {agent.agent} `cache_control={{"type": "ephemeral"}}`: what was sent before is then '
        "read from the cache.",
    )


# ── what requests have in common that do not continue one another ────────────────────────────────────────────────────


def _may_begin_alike(call: Node) -> bool:
    return call.tokens.input >= _LEAST_ALIKE and call.end_ns is not None and not _uses_cache(call)


def _openings(facts: Facts, calls: Sequence[Node]) -> Iterator[Finding]:
    groups: dict[tuple[str | None, _CachePiece], list[tuple[Node, list[_CachePiece]]]] = {}
    pieces_of = _CachePieces()
    for call in calls:
        pieces = pieces_of.request(facts.content.request(call))
        if pieces:
            groups.setdefault((call.model, pieces[0]), []).append((call, pieces))
    for group in groups.values():
        resent = []
        for number, (after, pieces) in enumerate(group):
            earlier = [
                (before, _alike(facts, after, pieces, told))
                for before, told in group[max(0, number - _LOOK_BACK) : number]
                if _is_kept(before, after)
            ]
            before, shared = max(earlier, key=lambda each: each[1], default=(after, 0))
            if shared >= _LEAST_ALIKE:
                resent.append(_Resent(before, after, shared))
        if sum(each.tokens for each in resent) >= _LEAST_RESENT:
            yield _opening(facts, resent)


def _is_kept(before: Node, after: Node) -> bool:
    return (before.end_ns or 0) <= after.start_ns and after.start_ns - before.start_ns < _KEPT_NS


class _CachePiece(NamedTuple):
    """A piece of a request that ends where a cache marker can stand: its size in characters, and its digest."""

    size: int
    digest: bytes


class _CachePieces:
    """The pieces of requests in the order of caching. Pieces that requests share are read once."""

    def __init__(self) -> None:
        self._known: dict[Part, list[_CachePiece] | None] = {}

    def request(self, request: RequestFields) -> list[_CachePiece]:
        """Return the pieces of `request`; none if its application sets markers itself."""
        if "cache_control" in request:
            return []
        parts = [(request.part("tools"), _tools_in), (request.part("system"), blocks_of)]
        parts += [(message.part, _blocks_in) for message in request.messages.between(0, _MOST_MESSAGES)]
        found: list[_CachePiece] = []
        for part, read in parts:
            pieces = [] if part is None else self._pieces(part, read)
            if pieces is None:
                return []
            found += pieces
        return found

    def _pieces(self, part: Part, read: Callable[[Any], list[Any]]) -> list[_CachePiece] | None:
        """Return the pieces that `read` makes of `part`, or None if one has a marker."""
        if part not in self._known:
            texts = [json.dumps(each, sort_keys=True, default=str) for each in read(part.value)]
            is_marked = any('"cache_control"' in text for text in texts)
            self._known[part] = None if is_marked else [_piece(text) for text in texts]
        return self._known[part]


def _piece(text: str) -> _CachePiece:
    return _CachePiece(len(text), blake2b(text.encode(), digest_size=16).digest())


def _tools_in(tools: Any) -> list[Any]:
    return [tools] if tools else []


def _blocks_in(message: Any) -> list[Any]:
    return blocks_of(message.get("content")) if isinstance(message, Mapping) else []


def _alike(facts: Facts, call: Node, pieces: Sequence[_CachePiece], others: Sequence[_CachePiece]) -> int:
    """Return about how many leading tokens two requests share, by the characters that they share."""
    exchange = facts.content.exchange(call)
    whole = exchange.request.size if exchange is not None else 0
    shared = sum(
        piece.size for piece, _ in takewhile(lambda pair: pair[0] == pair[1], zip(pieces, others, strict=False))
    )
    return call.tokens.input * min(shared, whole) // whole if whole else 0


def _opening(facts: Facts, resent: Sequence[_Resent]) -> Finding:
    total = sum(each.tokens for each in resent)
    agents = [facts.agent_around(each.after) for each in resent]
    names = list(dict.fromkeys(agent.agent or "" for agent in agents if agent is not None))
    whose = f" of {listed(names)}" if names and all(agents) else ""
    return RULE.finding(
        "likely",
        f"{format_count(len(resent), 'call')}{whose} began with about {tokens(total // len(resent))} that an earlier call had sent, "
        "and that a cache would have kept",
        evidence=[
            _NOTHING_CACHED,
            "tools, system prompt and first blocks are compared; each was sent less than 5 minutes earlier, and answered",
        ],
        spans=[each.after.id for each in resent],
        saved_usd=_saved_usd(resent, writes_rest=False),
        remedy='Put `"cache_control": {"type": "ephemeral"}` on the last block that these requests have in common.',
    )


# ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _saved_usd(resent: Sequence[_Resent], *, writes_rest: bool) -> float | None:
    """Return the saving in US dollars: the first call writes to the cache, the others read from it."""
    read = {each.after.id: each.tokens for each in resent}
    saved = []
    for each in resent:
        rest = each.after.tokens.input - each.tokens if writes_rest else 0
        saved.append(_less_usd(each.after, read=each.tokens, written=rest))
        if each.before.id not in read:
            read[each.before.id] = 0
            saved.append(_less_usd(each.before, read=0, written=each.tokens))
    known = [usd for usd in saved if usd is not None]
    return fsum(known) if len(known) == len(saved) and fsum(known) > 0 else None


def _less_usd(call: Node, *, read: int, written: int) -> float | None:
    """Return by how much `call` would have been cheaper with so many tokens read from and written to the cache."""
    cached = usd_if_cached(call, read=read, written=written)
    return None if cached is None or call.cost_usd is None else call.cost_usd - cached


RULE = Rule("TK301", "uncached-prefix", check, __doc__)
