"""A loop sent the same request again, with nothing added.

## What it finds

Three or more calls of one agent in a row that each repeat the request before, adding nothing but the model's own text:
no tool result and no message of the user. Certain if the requests are equal byte for byte after an incomplete answer;
likely if they differ only by the model's own answers. Nothing is reported after `pause_turn`, where the request has to
be sent again, where a complete answer is requested again (as for samples), and where a truncated answer was continued
to its end.

## Why it matters

Only the context window ends such a loop. A loop that handles only `end_turn` and `tool_use` runs for ever once an answer
stops at `max_tokens`.

## Example

    while True:
        answer = client.messages.create(...)
        if answer.stop_reason == "end_turn": return answer
        if answer.stop_reason == "tool_use": ...        # and max_tokens?

## What to do

Handle every stop reason: raise `max_tokens`, ask the model to continue in a user message, or fail.
`tracekit.Orchestrator` handles them all.

## Settings

`min-saving` hides findings that cost less time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import fsum

from tracekit.analysis.facts import Facts
from tracekit.formatting import format_count
from tracekit.model.change import Change
from tracekit.model.conversation import blocks_of
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import tokens

__all__ = ["RULE", "is_resent"]

_LEAST_AGAIN = 2
_WHOLE = ("end_turn", "stop_sequence")


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each series of calls that added nothing new."""
    for agent in facts.agents:
        for row, is_same in _rows(facts, agent):
            yield _finding(facts, agent, row, is_same=is_same)


def is_resent(facts: Facts, agent: Node, call: Node) -> bool:
    """Return whether `call` is in a series of calls of `agent` that added nothing new."""
    return any(call in row for row, _ in _rows(facts, agent))


def _rows(facts: Facts, agent: Node) -> Iterator[tuple[list[Node], bool]]:
    """Yield each series of calls that added nothing new, and whether its requests are the same byte for byte."""
    calls = facts.own_calls(agent)
    # Of each row at least one pair has an odd number: where that is none, its neighbours need not be read.
    odd = {number: _again(facts, *calls[number : number + 2]) for number in range(1, len(calls) - 1, 2)}
    row: list[Node] = []
    is_same = True
    for number, call in enumerate(calls):
        is_near = number % 2 == 0 and (odd.get(number - 1) or odd.get(number + 1))
        again = _again(facts, *calls[number : number + 2]) if is_near and call is not calls[-1] else odd.get(number, "")
        if again:
            row = row or [call]
            row.append(calls[number + 1])
            is_same &= again == "same"
            continue
        if len(row) > _LEAST_AGAIN and (is_same or not _was_finished(facts, row)):
            yield row, is_same
        row, is_same = [], True


def _again(facts: Facts, before: Node, after: Node) -> str:
    """Return how `after` repeats the request of `before`: ``same``, ``own`` (only the response is new), or ""."""
    if before.status != "ok" or before.end_ns is None or after.start_ns < before.end_ns:
        return ""
    turn = facts.parents[before.id]
    if any(child.kind in ("tool", "agent") for child in turn.children if turn.kind == "turn"):
        return ""
    one, other = facts.content.exchange(before), facts.content.exchange(after)
    if one is None or other is None or not one.request.size or not other.request.size:
        return ""
    if facts.content.is_rebuilt(before) or facts.content.is_rebuilt(after):
        # What else they brought is not known.
        return ""
    if one.digest == other.digest:
        # An answer that is whole is asked for again on purpose: as a sample, or because it did not do.
        stop = facts.content.stop_reason(before)
        return "" if stop in ("pause_turn", *_WHOLE) or facts.content.is_label(before) else "same"
    more = facts.content.messages(after)
    if not more or _says_something(more[-1]):
        # Most requests bring something in their last message: the one before need not be read for these.
        return ""
    if other.request.size > 2 * one.request.size + len(one.body) + 1000:
        return ""
    messages = facts.content.messages(before)
    if len(more) <= len(messages) or more.shared(messages) < len(messages):
        return ""
    if facts.content.stop_reason(before) == "pause_turn":
        return ""
    return "" if any(_says_something(message) for message in more[len(messages) :]) else "own"


def _was_finished(facts: Facts, row: Sequence[Node]) -> bool:
    """Return whether each response of `row` continued one that was cut, up to its end."""
    *cut, last = [facts.content.stop_reason(call) for call in row]
    return last in _WHOLE and all(stop not in _WHOLE for stop in cut)


def _says_something(message: object) -> bool:
    """Return whether `message` is the user's and not empty."""
    return isinstance(message, Mapping) and message.get("role") == "user" and bool(blocks_of(message.get("content")))


def _finding(facts: Facts, agent: Node, row: list[Node], *, is_same: bool) -> Finding:
    first, *again = row
    answer = facts.content.answer(first) or {}
    costs = [call.cost_usd for call in again if call.cost_usd is not None]
    kept, *gone = dict.fromkeys(facts.child_towards(agent, call).id for call in row)
    after_kept = (kept, facts.schedule.duration(facts.child_towards(agent, first)))
    saving = facts.schedule.saving(Change(dict.fromkeys(gone, after_kept), dict.fromkeys(gone, 0)))
    return RULE.finding(
        "certain" if is_same else "likely",
        f"{agent.agent} sent the same request {len(row)} times in a row, with nothing added"
        + ("" if is_same else " but the model's own answers"),
        evidence=[
            f"the first of them stopped with {answer.get('stop_reason') or 'no reason that was recorded'}",
            f"the {format_count(len(again), 'repetition')} used {tokens(sum(call.tokens.input + call.tokens.output for call in again))}",
        ],
        spans=[call.id for call in (*again, first)],
        saving=saving if saving.ns > 0 else None,
        saved_usd=fsum(costs) if len(costs) == len(again) else None,
        remedy="Handle every stop reason in the loop: on max_tokens raise the limit, ask to go on in a message of the user, "
        "or fail.",
    )


RULE = Rule("TK401", "resent-request", check, __doc__)
