"""What ran beside what.

Work that begins when other work has ended, or up to `TOLERANCE_NS` before, came after it: that is what a clock read
twice in one process may differ by through scheduling.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

__all__ = ["TOLERANCE_NS", "Interval", "Level", "concurrency", "covered_ns", "is_serial", "most_at_once", "union"]

TOLERANCE_NS = 500_000


class Interval(NamedTuple):
    """From `start_ns` up to `end_ns`."""

    start_ns: int
    end_ns: int


class Level(NamedTuple):
    """How many were at work from `at_ns` on."""

    at_ns: int
    running: int


def is_serial(intervals: Sequence[Interval]) -> bool:
    """Whether each began when the one before had ended."""
    ordered = sorted(intervals)
    return all(after.start_ns >= before.end_ns - TOLERANCE_NS for before, after in pairwise(ordered))


def concurrency(intervals: Iterable[Interval]) -> list[Level]:
    """How many were at work over time: a level for each moment at which that changed. O(n log n)."""
    changes: dict[int, int] = {}
    for start_ns, end_ns in intervals:
        changes[start_ns] = changes.get(start_ns, 0) + 1
        changes[end_ns] = changes.get(end_ns, 0) - 1
    levels: list[Level] = []
    running = 0
    for at_ns in sorted(changes):
        running += changes[at_ns]
        if not levels or levels[-1].running != running:
            levels.append(Level(at_ns, running))
    return levels


def most_at_once(intervals: Iterable[Interval]) -> int:
    """The highest number at work at one moment, less what overlaps only within the tolerance."""
    shrunk = [Interval(start, max(start, end - TOLERANCE_NS)) for start, end in intervals]
    return max((level.running for level in concurrency(shrunk)), default=0)


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time, in intervals that neither overlap nor touch, in order. O(n log n)."""
    joined: list[Interval] = []
    for start_ns, end_ns in sorted(intervals):
        if joined and start_ns <= joined[-1].end_ns:
            joined[-1] = Interval(joined[-1].start_ns, max(joined[-1].end_ns, end_ns))
        else:
            joined.append(Interval(start_ns, end_ns))
    return joined


def covered_ns(intervals: Iterable[Interval], within: Interval) -> int:
    """Nanoseconds of `within` in which at least one of `intervals` ran."""
    clipped = (Interval(max(start, within.start_ns), min(end, within.end_ns)) for start, end in intervals)
    return sum(end - start for start, end in union(part for part in clipped if part.start_ns < part.end_ns))
