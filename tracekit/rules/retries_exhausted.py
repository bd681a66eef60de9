"""A call failed although it was tried again.

## What it finds

A request whose attempts all failed, with at least one retry by the SDK or by the program. Nothing is reported if the
program sent the request again later and got an answer, or cancelled the call itself. Certain.

## Why it matters

The time of all attempts and waits is lost, and the agent has to go on without an answer.

## Example

    attempt 529, attempt 529 after 0.5 s, attempt 529 after 1 s: the call raised OverloadedError

## What to do

Raise `max_retries` on the client (it is 2 by default), and decide in the code what the agent does without the answer.

## Settings

None.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracekit import semconv
from tracekit.analysis.efforts import Effort, has_failed
from tracekit.analysis.facts import Facts
from tracekit.formatting import format_count, format_duration
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule

__all__ = ["RULE"]


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each request that failed after retries."""
    for effort in facts.efforts:
        if effort.retries and has_failed(effort.last) and all(_is_refused(attempt) for attempt in effort.attempts):
            yield _finding(facts, effort)


def _finding(facts: Facts, effort: Effort) -> Finding:
    agent = facts.agent_around(effort.last)
    whose = f" of {agent.agent}" if agent is not None else ""
    lasted_ns = facts.schedule.end(effort.last) - effort.calls[0].start_ns
    return RULE.finding(
        "certain",
        f"a call{whose} failed after {format_count(len(effort.attempts), 'attempt')} in {format_duration(lasted_ns)}",
        evidence=[f"attempt {number}: {_told(attempt)}" for number, attempt in enumerate(effort.attempts[:8], 1)],
        spans=[node.id for node in (*reversed(effort.calls), *effort.attempts)],
        remedy="Give the client more `max_retries`, and say in the code what happens without this answer.",
    )


def _is_refused(attempt: Node) -> bool:
    status = attempt.attributes.get(semconv.HTTP_STATUS)
    return has_failed(attempt) and not (isinstance(status, int) and status < 400)


def _told(attempt: Node) -> str:
    status = attempt.attributes.get(semconv.HTTP_STATUS)
    why = attempt.failure.type if attempt.failure is not None else "no answer"
    return f"{status} {why}" if status else why


RULE = Rule("TK202", "retries-exhausted", check, __doc__)
