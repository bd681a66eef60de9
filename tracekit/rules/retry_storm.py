"""Many calls were tried again and again.

## What it finds

A run of which five or more attempts were retries, by three or more calls, and these are at least a third of all its
attempts. Certain: each attempt and its answer is in the record.

## Why it matters

Every retry waits, and a refused request that was sent again at once makes an overload last longer.

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
from tracekit.model.finding import Finding
from tracekit.rules.rule import Rule
from tracekit.rules.words import plural

__all__ = ["RULE"]

_LEAST_RETRIES = 5
_LEAST_CALLS = 3
_SHARE = 1 / 3


def check(facts: Facts) -> Iterator[Finding]:
    """At most one finding a run."""
    retried = [call for call in facts.calls if call.retries]
    retries = sum(call.retries for call in retried)
    attempts = sum(child.kind == "attempt" for call in facts.calls for child in call.children)
    if retries < _LEAST_RETRIES or len(retried) < _LEAST_CALLS or retries < _SHARE * attempts:
        return
    told = Counter(
        str(child.attributes.get(semconv.HTTP_STATUS) or (child.failure.type if child.failure else "no answer"))
        for call in retried
        for child in call.children
        if child.kind == "attempt" and child.status == "error"
    )
    worst = max(retried, key=lambda call: call.retries)
    yield RULE.finding(
        "certain",
        f"{retries} of {attempts} attempts were retries, of {plural(len(retried), 'call')}",
        evidence=[
            "they had been told " + ", ".join(f"{status} ({count} times)" for status, count in told.most_common(4)),
            f"one call was tried {worst.retries + 1} times",
        ],
        spans=[call.id for call in sorted(retried, key=lambda call: -call.retries)],
        remedy="Send fewer requests at once, or let the client wait longer between attempts; what is not urgent can go to "
        "the Batches API.",
    )


RULE = Rule("TK201", "retry-storm", check, __doc__)
