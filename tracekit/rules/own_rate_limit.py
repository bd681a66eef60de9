"""A fan-out ran into the rate limit that it caused itself.

## What it finds

Agents or calls in parallel, requested by one response or started by the program, of which at least two got a 429
response, each while three or more of their calls were open and no other call of the run was. Nothing is reported if
none of these requests succeeded in the end, since then a quota is used up. A 529 response does not count: it means
that the API itself is overloaded. Likely; possible if a limit, such as a semaphore, already seems to apply.

## Why it matters

The refused calls wait and are sent again; with fewer calls at once the batch may end sooner.

## Example

    ten subagents begin within 20 ms; six get a 429 response and wait for 3 s

## What to do

Limit how many begin at once: a semaphore, or `max_concurrency` of `tracekit.Orchestrator`. Lower a limit that is too high.

## Settings

None.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tracekit import semconv
from tracekit.analysis.batches import Task, rounds_of
from tracekit.analysis.facts import Facts
from tracekit.analysis.timing.overlap import Interval, is_limited, most_at_once
from tracekit.formatting import format_count, format_duration
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import counted

__all__ = ["RULE"]

_LEAST_AT_ONCE = 3
_LEAST_REFUSED = 2


@dataclass(frozen=True)
class _Fan:
    """Parallel agents or calls: the node of each, the time in which it was busy, and its calls."""

    works: Sequence[tuple[Node, Interval, Sequence[Node]]]
    name: str

    @property
    def refused(self) -> list[tuple[Node, Sequence[Node]]]:
        """The nodes that got 429, each with its refused calls."""
        refused = ((node, [call for call in calls if _refusals(call)]) for node, _, calls in self.works)
        return [(node, calls) for node, calls in refused if calls]

    @cached_property
    def open_calls(self) -> list[Interval]:
        """The times of all calls that have an end."""
        times = ((call.start_ns, call.end_ns) for _, _, calls in self.works for call in calls)
        return [Interval(start_ns, end_ns) for start_ns, end_ns in times if end_ns is not None]

    @cached_property
    def at_once(self) -> int:
        """The highest number of calls that were open at one moment."""
        return most_at_once(self.open_calls)

    @cached_property
    def is_limited(self) -> bool:
        """True if a limit, such as a semaphore, seems to be in place already."""
        busy = [interval for _, interval, _ in self.works]
        return is_limited(busy, most_at_once(busy))

    @cached_property
    def fewest_at_refusal(self) -> int:
        """The least number of calls that were open when one was refused."""
        begins = sorted(interval.start_ns for interval in self.open_calls)
        ends = sorted(interval.end_ns for interval in self.open_calls)
        moments = [
            attempt.end_ns or attempt.start_ns
            for _, calls in self.refused
            for call in calls
            for attempt in _refusals(call)
        ]
        return min((bisect_right(begins, at) - bisect_left(ends, at) for at in moments), default=0)


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each fan-out that was refused because of its own width."""
    refused = {call.id for call in facts.calls if _refusals(call)}
    if not refused:
        return
    wide = [
        fan for fan in _fans(facts) if len(fan.refused) >= _LEAST_REFUSED and fan.fewest_at_refusal >= _LEAST_AT_ONCE
    ]
    inside = {call.id for fan in wide for _, calls in fan.refused for call in calls}
    if refused - inside:
        # The limit was met with less at work too.
        return
    answered = {call.id for effort in facts.efforts if effort.last.status == "ok" for call in effort.calls}
    for fan in wide:
        # Where none of them was answered in the end, as when a quota is used up, fewer would have fared no better.
        if any(call.id in answered for _, calls in fan.refused for call in calls):
            yield _finding(fan)


def _fans(facts: Facts) -> Iterator[_Fan]:
    """Yield the batches, the crews, and the program's own parallel calls outside of both."""
    within: set[str] = set()
    for batch in (*facts.batches, *(each for crew in facts.crews for each in rounds_of(crew))):
        works = [(work.node, interval, work.calls) for work in batch.timed if (interval := work.busy) is not None]
        within |= {call.id for _, _, calls in works for call in calls}
        yield _Fan(works, _called(batch.works))
    bare: list[tuple[Node, Interval, Sequence[Node]]] = []
    until_ns = 0
    for call in facts.calls:
        if call.id in within or call.end_ns is None:
            continue
        if call.start_ns >= until_ns and bare:
            yield _Fan(bare, format_count(len(bare), "call"))
            bare = []
        bare.append((call, Interval(call.start_ns, call.end_ns), (call,)))
        until_ns = max(until_ns, call.end_ns)
    yield _Fan(bare, format_count(len(bare), "call"))


def _called(works: Sequence[Task]) -> str:
    return counted(works) if len({work.name for work in works}) == 1 else f"{len(works)} agents and tools"


def _finding(fan: _Fan) -> Finding:
    calls = [call for _, calls in fan.refused for call in calls]
    attempts = [attempt for call in calls for attempt in _refusals(call)]
    waited_ms = sum(_wait_ms(call) for call in calls)
    remedy = f"Let fewer than {fan.at_once} begin at once, with a semaphore or `max_concurrency`."
    if fan.is_limited:
        remedy = f"Lower the limit that lets {fan.at_once} begin at once, if the waits cost more than they save."
    return RULE.finding(
        "possible" if fan.is_limited else "likely",
        f"{fan.at_once} calls at once were more than the rate limit allows: {len(fan.refused)} of {fan.name} were told 429",
        evidence=[
            _when(fan, len(attempts)),
            f"they waited {format_duration(int(waited_ms * 1e6))} altogether",
            *(["each further one began only when another had ended, as at a semaphore"] if fan.is_limited else []),
        ],
        spans=[*(node.id for node, _ in fan.refused), *(attempt.id for attempt in attempts)],
        remedy=remedy,
    )


def _when(fan: _Fan, attempts: int) -> str:
    counted = format_count(attempts, "attempt was", "attempts were")
    return f"{counted} counted 429, each while {fan.fewest_at_refusal} or more of their calls were open"


def _refusals(call: Node) -> list[Node]:
    return [child for child in call.children if child.attributes.get(semconv.HTTP_STATUS) == 429]


def _wait_ms(call: Node) -> float:
    waits = [child.attributes.get(semconv.WAIT_MS) for child in call.children if child.kind == "attempt"]
    return sum(float(wait) for wait in waits if isinstance(wait, (int, float)))


RULE = Rule("TK203", "own-rate-limit", check, __doc__)
