"""A call failed although it was tried again.

## What it finds

A call whose every attempt failed, the last after at least one retry. Certain.

## Why it matters

The time of all its attempts and waits is lost, and the agent goes on without an answer, if it goes on.

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
from tracekit.analysis.facts import Facts
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import plural, seconds

__all__ = ["RULE"]


def check(facts: Facts) -> Iterator[Finding]:
    """A finding for each call that failed after retries."""
    for call in facts.calls:
        attempts = [child for child in call.children if child.kind == "attempt"]
        if call.status != "error" or len(attempts) < 2 or any(_may_have_answered(attempt) for attempt in attempts):
            continue
        agent = facts.agent_around(call)
        whose = f" of {agent.agent}" if agent is not None else ""
        yield RULE.finding(
            "certain",
            f"a call{whose} failed after {plural(len(attempts), 'attempt')} in {seconds(facts.schedule.duration(call))}",
            evidence=[f"attempt {number}: {_told(attempt)}" for number, attempt in enumerate(attempts[:8], 1)],
            spans=[call.id, *(attempt.id for attempt in attempts)],
            remedy="Give the client more `max_retries`, and say in the code what happens without this answer.",
        )


def _may_have_answered(attempt: Node) -> bool:
    status = attempt.attributes.get(semconv.HTTP_STATUS)
    return attempt.status != "error" or (isinstance(status, int) and status < 400)


def _told(attempt: Node) -> str:
    status = attempt.attributes.get(semconv.HTTP_STATUS)
    why = attempt.failure.type if attempt.failure is not None else "no answer"
    return f"{status} {why}" if status else why


RULE = Rule("TK202", "retries-exhausted", check, __doc__)
