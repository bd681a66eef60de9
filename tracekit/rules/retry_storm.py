"""Many requests were tried again and again.

## What it finds

A run with five or more retries, for three or more requests, that make up at least a third of all its attempts. A retry
is made by the SDK, or by the program if it sends the same request again, byte for byte, after a call that failed.
Certain: every attempt and its response are in the record.

## Why it matters

Every retry adds a wait, and a refused request that is sent again at once makes an overload last longer.

## Example

    12 calls, 31 attempts, 19 of them refused with 529

## What to do

Ask for fewer things at once (`max_concurrency`), raise `max_retries` only together with longer waits, or move what can
wait to the Batches API.

## Settings

None.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tracekit import semconv
from tracekit.analysis.facts import Facts
from tracekit.formatting import format_count
from tracekit.model.finding import Finding
from tracekit.rules.rule import Rule

__all__ = ["RULE"]

_LEAST_RETRIES = 5
_LEAST_EFFORTS = 3
_SHARE = 1 / 3


def check(facts: Facts) -> Iterator[Finding]:
    """Yield at most one finding a run."""
    retried = [effort for effort in facts.efforts if effort.retries]
    retries = sum(effort.retries for effort in retried)
    attempts = sum(len(effort.attempts) for effort in facts.efforts)
    if retries < _LEAST_RETRIES or len(retried) < _LEAST_EFFORTS or retries < _SHARE * attempts:
        return
    counted = Counter(
        str(attempt.attributes.get(semconv.HTTP_STATUS) or (attempt.failure.type if attempt.failure else "no answer"))
        for effort in retried
        for attempt in effort.attempts
        if attempt.status == "error"
    )
    worst = sorted(retried, key=lambda effort: -effort.retries)
    yield RULE.finding(
        "certain",
        f"{retries} of {attempts} attempts were retries, for {format_count(len(retried), 'request')}",
        evidence=[
            "they had been counted "
            + ", ".join(f"{status} ({count} times)" for status, count in counted.most_common(4)),
            f"one request was tried {worst[0].retries + 1} times",
        ],
        spans=[call.id for effort in worst for call in effort.calls],
        remedy="Send fewer requests at once, or let the client wait longer between attempts; what is not urgent can go to "
        "the Batches API.",
    )


RULE = Rule("TK201", "retry-storm", check, __doc__)
