"""Fewer of a batch were at work at once than it had.

## What it finds

A batch that ran partly side by side: never more than so many at once, each next one beginning when one before it ended
(a limit, such as a semaphore or a small thread pool); or begun one after another with gaps between (staggered starts).
Likely; possible where attempts were told 429 or 529 nearby, since then the limit may be what keeps the API content.

## Why it matters

With eight calls and two places, a batch takes four rounds instead of one.

## Example

    places = asyncio.Semaphore(2)
    ...
    await asyncio.gather(*(run(block) for block in blocks))     # eight blocks

## What to do

Raise the limit, or start all before waiting for any.

## Settings

`min-saving` hides findings that save less. `concurrency` says how many may work at once: a batch that uses as many is
not found.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from tracekit.analysis.batches import Batch, Work
from tracekit.analysis.facts import Facts
from tracekit.analysis.free import free_of_each_other
from tracekit.analysis.overlap import Interval
from tracekit.analysis.schedule import packed
from tracekit.model.finding import Finding
from tracekit.rules.rearrange import saved_together
from tracekit.rules.rule import Rule
from tracekit.rules.words import counted, plural, seconds, times

__all__ = ["RULE"]

_SLOT_NS = 100_000_000
"""Up to this long after an end a begin counts as waiting for it."""

_LEAST_SPREAD_NS = 500_000_000
"""Begins that are spread over less are what a busy machine does by itself."""

_LEAST_SAVED_NS = 150_000_000
"""The same, for what would be saved."""


def check(facts: Facts) -> Iterator[Finding]:
    """Findings for each batch that had more works than were at work at once."""
    blocked = {id for held in facts.held for id in held.children}
    for batch in facts.batches:
        works, most = batch.timed, batch.at_once
        if most < 2 or any(work.node.id in blocked for work in works) or not facts.is_one_clock(works):
            continue
        intervals = [interval for work in works if (interval := work.interval) is not None]
        asked_ns = batch.asked.end_ns if batch.asked is not None else None
        is_eager = asked_ns is not None and min(interval.start_ns for interval in intervals) < asked_ns
        if is_eager or most >= (facts.limit or len(works) + 1):
            continue
        how = _how(intervals, most)
        if not how or len(free_of_each_other(facts, works).works) < len(works):
            continue
        saved_ns = saved_together(
            facts, batch.container, works, packed([work.duration_ns for work in works], facts.limit)
        )
        if saved_ns > _LEAST_SAVED_NS:
            yield _finding(facts, batch, works, how, saved_ns)


def _how(intervals: Sequence[Interval], most: int) -> str:
    """How the batch was narrowed; empty where all began together, or nothing tells."""
    ordered = sorted(intervals)
    ends = sorted(interval.end_ns for interval in ordered)
    late = [interval for interval in ordered if _is_after_one(interval, ends)]
    if most < len(ordered) and len(late) >= len(ordered) - most:
        return f"never more than {most} at once: {plural(len(late), 'one')} began only when another had ended"
    spread_ns = ordered[-1].start_ns - ordered[0].start_ns
    last_ends = accumulate(ends[:-1], max)
    is_overlapping = all(after.start_ns < end_ns for after, end_ns in zip(ordered[1:], last_ends, strict=True))
    if is_overlapping and not late and spread_ns > _LEAST_SPREAD_NS:
        return f"their begins are spread over {seconds(spread_ns)}, although none waited for another"
    return ""


def _is_after_one(interval: Interval, ends: Sequence[int]) -> bool:
    """Whether `interval` began just when one of `ends`, which are in order, had come."""
    ended = bisect_right(ends, interval.start_ns)
    return ended > 0 and interval.start_ns - ends[ended - 1] <= _SLOT_NS


def _finding(facts: Facts, batch: Batch, works: Sequence[Work], how: str, saved_ns: int) -> Finding:
    overloads = facts.overloads_within(batch.container)
    origin_ns = facts.run.root.start_ns
    evidence = [how, *times(works, origin_ns)]
    if overloads:
        evidence.append(f"{plural(overloads, 'attempt was', 'attempts were')} told 429 or 529 in that turn")
    return RULE.finding(
        "possible" if overloads else "likely",
        f"one answer asked for {counted(works)}; {how.partition(':')[0].partition(',')[0]}",
        evidence=evidence,
        spans=[*(work.node.id for work in works), batch.container.id],
        saved_ns=saved_ns,
        remedy="Begin all of a batch before waiting for any of it: raise the limit of the semaphore, thread pool or "
        "`max_concurrency` that stands before it, as far as the rate limits allow.",
    )


RULE = Rule("TK104", "narrow-fan-out", check, __doc__)
