"""Compute overlaps of intervals.

An interval that begins when another has ended, or up to `TOLERANCE_NS` before, counts as later: by that much two
readings of a clock in one process may differ through scheduling.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

__all__ = [
    "SLOT_NS",
    "TOLERANCE_NS",
    "Interval",
    "RunningCount",
    "begun_at_an_end",
    "beside_others",
    "concurrency",
    "covered_ns",
    "is_limited",
    "is_serial",
    "most_at_once",
    "union",
]

TOLERANCE_NS = 500_000
SLOT_NS = 100_000_000
"""Up to this long after an end a begin counts as waiting for it."""


class Interval(NamedTuple):
    """From `start_ns` up to `end_ns`."""

    start_ns: int
    end_ns: int


class RunningCount(NamedTuple):
    """The number of intervals that run from `at_ns` on."""

    at_ns: int
    running: int


def is_serial(intervals: Sequence[Interval]) -> bool:
    """Return whether each interval began after the end of the one before."""
    ordered = sorted(intervals)
    return all(after.start_ns >= before.end_ns - TOLERANCE_NS for before, after in pairwise(ordered))


def begun_at_an_end(intervals: Sequence[Interval]) -> list[Interval]:
    """Return the `intervals` that began just when another had ended. O(n log n)."""
    ends = sorted(interval.end_ns for interval in intervals)
    ended = ((interval, bisect_right(ends, interval.start_ns)) for interval in intervals)
    return [interval for interval, count in ended if count and interval.start_ns - ends[count - 1] <= SLOT_NS]


def is_limited(intervals: Sequence[Interval], most: int) -> bool:
    """Return whether at most `most` ran at once, each further one beginning at an end, as with a semaphore."""
    return most < len(intervals) and len(begun_at_an_end(intervals)) >= len(intervals) - most


def concurrency(intervals: Iterable[Interval]) -> list[RunningCount]:
    """Return the number of running intervals over time, one level for each change. O(n log n)."""
    changes: dict[int, int] = {}
    for start_ns, end_ns in intervals:
        changes[start_ns] = changes.get(start_ns, 0) + 1
        changes[end_ns] = changes.get(end_ns, 0) - 1
    levels: list[RunningCount] = []
    running = 0
    for at_ns in sorted(changes):
        running += changes[at_ns]
        if not levels or levels[-1].running != running:
            levels.append(RunningCount(at_ns, running))
    return levels


def most_at_once(intervals: Iterable[Interval]) -> int:
    """Return the highest number of intervals at one moment, ignoring overlaps within the tolerance."""
    begins, ends = [], []
    for start_ns, end_ns in intervals:
        begins.append(start_ns)
        ends.append(max(start_ns, end_ns - TOLERANCE_NS))
    begins.sort()
    ends.sort()
    most = over = 0
    for begun, start_ns in enumerate(begins, 1):
        while over < len(ends) and ends[over] <= start_ns:
            over += 1
        most = max(most, begun - over)
    return most


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same time in intervals that neither overlap nor touch, in order. O(n log n)."""
    joined: list[Interval] = []
    for start_ns, end_ns in sorted(intervals):
        if joined and start_ns <= joined[-1].end_ns:
            joined[-1] = Interval(joined[-1].start_ns, max(joined[-1].end_ns, end_ns))
        else:
            joined.append(Interval(start_ns, end_ns))
    return joined


def covered_ns(intervals: Iterable[Interval], within: Interval) -> int:
    """Return the nanoseconds of `within` in which at least one of `intervals` ran."""
    clipped = (Interval(max(start, within.start_ns), min(end, within.end_ns)) for start, end in intervals)
    return sum(end - start for start, end in union(part for part in clipped if part.start_ns < part.end_ns))


def beside_others(busy: Mapping[str, Iterable[Interval]], begin_ns: int, ends: Mapping[str, int]) -> dict[str, int]:
    """Return for each name how long other names were `busy` between `begin_ns` and its own of `ends`."""
    changes = [(end_ns, 0, name) for name, end_ns in ends.items()]
    for name, intervals in busy.items():
        for start_ns, end_ns in intervals:
            if max(start_ns, begin_ns) < end_ns:
                changes += [(max(start_ns, begin_ns), 1, name), (end_ns, -1, name)]
    running = Counter[str]()
    alone = Counter[str]()
    found, covered_ns, before_ns = {}, 0, begin_ns
    for at_ns, change, name in sorted(changes):
        if running:
            covered_ns += at_ns - before_ns
        if len(running) == 1:
            alone[next(iter(running))] += at_ns - before_ns
        before_ns = at_ns
        if change == 0:
            found[name] = covered_ns - alone[name]
            continue
        running[name] += change
        if not running[name]:
            del running[name]
    return found
