"""A fan-out ran into the rate limit that it caused itself.

## What it finds

A batch of three or more that ran side by side, of which two or more were told 429, while no call of the run was told so
where fewer were at work. 529 does not count: that overload is the API's own. Likely.

## Why it matters

The refused calls wait and are sent again; with a little less at once the batch may end sooner.

## Example

    ten subagents begin within 20 ms; six are told 429 and wait for 3 s

## What to do

Limit how many begin at once: a semaphore, or `max_concurrency` of `tracekit.Orchestrator`.

## Settings

None.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracekit import semconv
from tracekit.analysis.facts import Facts
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import counted, plural, seconds

__all__ = ["RULE"]

_LEAST_AT_ONCE = 3
_LEAST_REFUSED = 2


def check(facts: Facts) -> Iterator[Finding]:
    """A finding for each batch that was refused for its own sake."""
    refused = {call.id for call in facts.calls if _refusals(call)}
    if not refused:
        return
    wide = []
    for batch in facts.batches:
        hit = [work for work in batch.timed if any(call.id in refused for call in work.calls)]
        if batch.at_once >= _LEAST_AT_ONCE and len(hit) >= _LEAST_REFUSED:
            wide.append((batch, hit, batch.at_once))
    inside = {call.id for batch, _, _ in wide for work in batch.works for call in work.calls}
    if refused - inside:
        # The limit was met with less at work too.
        return
    for batch, hit, at_once in wide:
        attempts = [attempt for work in hit for call in work.calls for attempt in _refusals(call)]
        waited_ms = sum(_wait_ms(call) for work in hit for call in work.calls)
        yield RULE.finding(
            "likely",
            f"{at_once} at once were more than the rate limit allows: {len(hit)} of {counted(batch.works)} were told 429",
            evidence=[
                f"{plural(len(attempts), 'attempt was', 'attempts were')} told 429 in this batch, none outside of such batches",
                f"they waited {seconds(int(waited_ms * 1e6))} altogether",
            ],
            spans=[*(work.node.id for work in hit), *(attempt.id for attempt in attempts)],
            remedy=f"Let fewer than {at_once} begin at once, with a semaphore or `max_concurrency`.",
        )


def _refusals(call: Node) -> list[Node]:
    return [child for child in call.children if child.attributes.get(semconv.HTTP_STATUS) == 429]


def _wait_ms(call: Node) -> float:
    waits = [child.attributes.get(semconv.WAIT_MS) for child in call.children if child.kind == "attempt"]
    return sum(float(wait) for wait in waits if isinstance(wait, (int, float)))


RULE = Rule("TK203", "own-rate-limit", check, __doc__)
