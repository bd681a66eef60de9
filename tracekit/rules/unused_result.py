"""An agent's result never reached the model.

## What it finds

An agent that a response requested, whose result never reached the model although its conversation went on, and which
no other request quotes: certain. An agent whose result was replaced by an error (a timeout) while it ran on to its
end: likely. Agents left to run in the background are not reported, since that may be their purpose.

## Why it matters

Its time and tokens were wasted, and the model does not know the result of its request.

## Example

    the answer asked for three agents; the next request brings two results
    `future.result(timeout=20)` gave up; the thread behind it works on

## What to do

Return every result, in one user message; cancel work whose result is no longer needed.

## Settings

None.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

from tracekit.analysis.batches import Task
from tracekit.analysis.facts import Facts
from tracekit.analysis.timing.overlap import TOLERANCE_NS
from tracekit.formatting import format_duration
from tracekit.model.conversation import previous_message_id
from tracekit.model.finding import Confidence, Finding
from tracekit.model.history import Message
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import tokens

__all__ = ["RULE"]

_LOOK_AHEAD = 500
"""Later calls that are searched for a result."""
_USED: tuple[Confidence, str] = ("possible", "")


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each task whose result no request returned."""
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
                confidence, why = _why_unused(facts, calls, work, later)
                if why:
                    yield _finding(confidence, work, why)


class _Calls:
    """The calls of an agent, in order. All are searched once, where a result is missing in the next call."""

    def __init__(self, facts: Facts, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.begins = [call.start_ns for call in nodes]
        self._content = facts.content

    def bringing(self, id: str, later: int) -> int | None:
        """Return the index of the first call, from `later` on, whose request holds the result of block `id`."""
        return later if self._content.brings(self.nodes[later], id) else self._first_to_bring.get(id)

    def goes_on(self, id: str, later: int) -> bool:
        """Return whether a call from `later` on continues the conversation that requested the block `id`."""
        return max(self._last_from_the_server, self._last_to_name.get(id, -1)) >= later

    @cached_property
    def last_unseen(self) -> int:
        """The number of the last call whose request was not recorded; -1 if all were."""
        return self._last(lambda call: self._content.exchange(call) is None)

    @cached_property
    def _first_to_bring(self) -> dict[str, int]:
        numbers: dict[str, int] = {}
        for number, message in self._messages(range(len(self.nodes))):
            for id, _ in message.results:
                numbers.setdefault(id, number)
        return numbers

    @cached_property
    def _last_to_name(self) -> dict[str, int]:
        numbers: dict[str, int] = {}
        for number, message in self._messages(reversed(range(len(self.nodes)))):
            for id in (*message.uses, *(id for id, _ in message.results)):
                numbers.setdefault(id, number)
        return numbers

    def _messages(self, numbers: Iterable[int]) -> Iterator[tuple[int, Message]]:
        """Yield each message of the calls with these `numbers` once, with the first call that sends it."""
        known: set[bytes] = set()
        for number in numbers:
            for message in self._content.messages(self.nodes[number]).back():
                if message.key in known:
                    break
                known.add(message.key)
                yield number, message

    @cached_property
    def _last_from_the_server(self) -> int:
        return self._last(lambda call: previous_message_id(self._content.request(call)) is not None)

    def _last(self, holds: Callable[[Node], bool]) -> int:
        return max((number for number, call in enumerate(self.nodes) if holds(call)), default=-1)


def _why_unused(facts: Facts, calls: _Calls, work: Task, later: int) -> tuple[Confidence, str]:
    """Return the confidence that nobody used the result of `work`, and the reason.

    `calls`, from number `later` on, are those that could have returned it.
    """
    end_ns, id = work.node.end_ns, work.call_id
    if not work.has_calls or end_ns is None or id is None or later >= len(calls.nodes):
        return _USED
    last = calls.nodes[-1]
    if work.node.start_ns >= last.start_ns:
        return _USED
    if id in facts.run.brought and end_ns <= calls.nodes[later].start_ns + TOLERANCE_NS:
        # Its result was there for whichever call brought it, so no request need be read.
        return _USED
    number = calls.bringing(id, later)
    if number is None:
        if calls.last_unseen >= later or not calls.goes_on(id, later) or _is_told(facts, work):
            return _USED
        if end_ns > last.start_ns:
            return "certain", "it ended only after the last call of who asked for it had begun"
        return "certain", "no later request brings its result"
    bringing = calls.nodes[number]
    if work.is_bounded or end_ns <= bringing.start_ns + TOLERANCE_NS or _is_told(facts, work):
        return _USED
    if facts.content.result_block(bringing, id).get("is_error"):
        return (
            "likely",
            f"an error was brought as its result, and it went on for {format_duration(end_ns - bringing.start_ns)}",
        )
    return _USED


def _is_told(facts: Facts, work: Task) -> bool:
    """Return whether any request after `work` quotes its last response, in whatever conversation."""
    text = facts.content.answer_text(work.calls[-1])
    begins = bisect_left(facts.calls, work.node.end_ns or 0, key=lambda call: call.start_ns)
    return any(facts.content.mentions(call, text) for call in facts.calls[begins : begins + _LOOK_AHEAD])


def _finding(confidence: Confidence, work: Task, why: str) -> Finding:
    node = work.node
    return RULE.finding(
        confidence,
        f"{work.name} worked for {format_duration(work.duration_ns)} ({tokens(node.tokens.input + node.tokens.output)}), and nobody "
        "was told its result",
        evidence=[why],
        spans=[node.id, *(call.id for call in work.calls)],
        saved_usd=node.cost_usd if node.cost_complete else None,
        remedy=f"Bring the result of {work.name} to the model, or do not start it.",
    )


RULE = Rule("TK403", "unused-result", check, __doc__)
