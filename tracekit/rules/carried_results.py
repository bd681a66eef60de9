"""A long tool result was carried along through many calls.

## What it finds

A result of 20,000 characters or more that was read from a path, and that at least three later calls of the agent sent
again, where it made up at least half of the request. Only calls after the last response that uses the result count; a
response uses it if it quotes it, or names two of its ids or numbers. Likely: only you can tell whether the agent still
needed the whole result.

## Why it matters

Every later call pays for it, and the model reads it each time.

## Example

    read_file("app.log") returned 180,000 characters; 14 calls sent them again

## What to do

Let the tool return the path and the requested part (lines, matches), so that the agent can read more if necessary; or
clear old results with context editing.

## Settings

None.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from tracekit.analysis.batches import Task
from tracekit.analysis.content import leaves
from tracekit.analysis.facts import Facts
from tracekit.analysis.lineage.values import features_of, paths_in
from tracekit.formatting import format_count
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import tokens

__all__ = ["RULE"]

_LEAST_CHARACTERS = 20_000
_LEAST_CALLS = 3
_LEAST_TOKENS = 5_000
_PER_TOKEN = 4
_QUOTED = 24
"""Characters in a row that do not match by chance."""
_STEP = _QUOTED // 2
_LEAST_VALUES = 2
"""Ids or numbers of the result that do not occur together in a response by chance."""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each long result that an agent carried along."""
    for agent in facts.agents:
        calls = facts.own_calls(agent)
        if len(calls) <= _LEAST_CALLS or max(call.tokens.input for call in calls) < _LEAST_TOKENS:
            continue
        begins = [call.start_ns for call in calls]
        for turn in facts.turns(agent):
            later = bisect_left(begins, turn.start_ns) + 1
            for work in facts.batch(turn).works:
                yield from _carried(facts, agent, work, calls, later)


def _carried(facts: Facts, agent: Node, work: Task, calls: Sequence[Node], later: int) -> Iterator[Finding]:
    """Yield a finding if `calls[later:]` carry the result of `work` along."""
    if work.has_calls or work.call_id is None or len(calls) - later <= _LEAST_CALLS:
        return
    exchange = facts.content.exchange(calls[later])
    if exchange is None or exchange.request.size < _LEAST_CHARACTERS:
        return
    result = facts.content.results(calls[later]).get(work.call_id, "")
    size = len(result) // _PER_TOKEN
    paths = paths_in(leaves(facts.profile(work).arguments)) if len(result) >= _LEAST_CHARACTERS else ()
    if not paths:
        return
    again = [
        call
        for call in calls[later + 1 :]
        if size * 2 >= call.tokens.input and facts.content.brings(call, work.call_id)
    ]
    if len(again) < _LEAST_CALLS:
        return
    again = _unneeded(facts, work.call_id, result, again)
    if len(again) < _LEAST_CALLS:
        return
    path = min(paths)
    yield RULE.finding(
        "likely",
        f"{agent.agent} carried {len(result):,} characters of {path} through {format_count(len(again), 'later call')}",
        evidence=[
            f"{work.name} returned about {tokens(size)}, at least half of what each of these calls sent",
            f"sent again, that is about {tokens(size * len(again))}; no answer to these calls quotes from it or names its ids",
        ],
        spans=[work.node.id, *(call.id for call in again)],
        remedy=f"Let {work.name} return the part of {path} that is asked for, and its path, rather than all of it.",
    )


def _unneeded(facts: Facts, call_id: str, result: str, calls: Sequence[Node]) -> list[Node]:
    """Return the calls that sent the whole `result` after the last call whose response uses it."""
    unneeded: list[Node] = []
    quotable = _Quotable(result)
    for call in reversed(calls):
        answer = (facts.content.answer(call) or {}).get("content")
        if quotable.is_used(leaves(answer)):
            break
        brought = facts.content.result_block(call, call_id)
        if "\n".join(leaves(brought.get("content"))) == result:
            unneeded.insert(0, call)
    return unneeded


class _Quotable:
    """The pieces and values of a long `result`, by which a quote of it in a response is recognised.

    Any quote of `_QUOTED` characters holds one of its pieces of half that length, of which only one in so many is kept.
    """

    def __init__(self, result: str) -> None:
        self._result = result
        self._values = features_of(result).values
        self._pieces = {result[at : at + _STEP] for at in range(0, len(result) - _STEP + 1, _STEP)}

    def is_used(self, texts: Sequence[str]) -> bool:
        """Return whether `texts`, a response, quote from it or name several of its values."""
        named = {value for text in texts for value in features_of(text).values}
        return len(named & self._values) >= _LEAST_VALUES or any(map(self._is_quoted_in, texts))

    def _is_quoted_in(self, text: str) -> bool:
        places = (at for at in range(len(text) - _STEP + 1) if text[at : at + _STEP] in self._pieces)
        return any(
            part in self._result and len(set(part)) >= _STEP
            for at in places
            for begin in range(max(0, at - _STEP), at + 1)
            if len(part := text[begin : begin + _QUOTED]) == _QUOTED
        )


RULE = Rule("TK304", "carried-results", check, __doc__)
