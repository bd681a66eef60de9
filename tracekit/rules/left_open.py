"""Spans were begun and never ended, although the program ended in good order.

## What it finds

Spans without an end in a process that exited normally: a `with` block that was never left, or a task or thread that
was forgotten. Certain. Nothing is reported for a run that is still being recorded or was killed, nor for spans that
Python closes by itself (a generator or stream without references).

## Why it matters

Their work may have been cut off, and their durations are unknown.

## Example

    task = asyncio.create_task(agent())     # never awaited; the loop was closed

## What to do

Await every task before the loop ends (`asyncio.TaskGroup` does), join every thread, and use `with` for spans.

## Settings

None.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tracekit.analysis.facts import Facts
from tracekit.formatting import format_count
from tracekit.model.finding import Finding
from tracekit.rules.rule import Rule
from tracekit.rules.words import at, kind_and_name, listed

__all__ = ["RULE"]

_MOST = 20


def check(facts: Facts) -> Iterator[Finding]:
    """Yield at most one finding a run."""
    segments = facts.run.recording.segments
    left = [
        node
        for node in facts.nodes
        if (span := facts.run.recording.spans.get(node.id)) is not None
        and span.status == "open"
        and segments[span.segment].exited
        and not segments[span.segment].alive
    ]
    if not left:
        return
    names = Counter(kind_and_name(node) for node in left)
    origin_ns = facts.run.root.start_ns
    yield RULE.finding(
        "certain",
        f"{format_count(len(left), 'span was', 'spans were')} begun and never ended: "
        f"{listed([name if count == 1 else f'{count} x {name}' for name, count in names.items()])}",
        evidence=[f"{kind_and_name(node)} began at {at(node.start_ns, origin_ns)} s" for node in left[:8]],
        spans=[node.id for node in left[:_MOST]],
        remedy="Await every task before the loop ends, join every thread, and leave every `with` block.",
    )


RULE = Rule("TK404", "left-open", check, __doc__)
