"""The application's open spans: also those that are never current, as the spans of callbacks are not."""

from __future__ import annotations

from collections.abc import Iterator

from tracekit.instrument.lanes import Lane
from tracekit.instrument.live import LiveRun, LiveSpan, known_run

__all__ = ["OpenSpans"]


class OpenSpans:
    """Keeps each of the application's spans from its begin to its end, written or not."""

    def __init__(self) -> None:
        self._spans: dict[str, LiveSpan] = {}

    def add(self, live: LiveSpan) -> None:
        """Add `live`, which has begun."""
        self._spans[live.id] = live

    def remove(self, live: LiveSpan) -> None:
        """Remove `live`, which has ended."""
        self._spans.pop(live.id, None)

    def clear(self) -> None:
        """Forget them all, as a fork does: they are another process's."""
        self._spans.clear()

    def unwritten(self, run: LiveRun) -> list[LiveSpan]:
        """Return those of `run` that are not written, in the order in which they began."""
        return [live for live in list(self._spans.values()) if not live.written and known_run(live) is run]

    def root_around(self, lane: Lane) -> LiveSpan | None:
        """Return the newest span without a parent that began in `lane` or in a lane above it, or None.

        An async framework's callbacks run in tasks and jobs of their own: such a span may also have begun beside `lane`,
        below the same task; the nearest does.
        """
        roots = [live for live in list(self._spans.values()) if live.parent is None]
        around = [live for live in roots if lane.is_within(live.lane)]
        if around:
            return around[-1]
        beside = [(depth, number) for number, root in enumerate(roots) if (depth := _shared_tasks(lane, root.lane))]
        return roots[max(beside)[1]] if beside else None


def _shared_tasks(lane: Lane, other: Lane) -> int:
    """Return how deep the innermost task is within which both lanes are; 0 where there is none."""
    above = list(_up(other))
    shared = next((each for each in _up(lane) if any(each is known for known in above)), None)
    return len(list(_up(shared))) if shared is not None and shared.kind == "task" else 0


def _up(lane: Lane | None) -> Iterator[Lane]:
    while lane is not None:
        yield lane
        lane = lane.parent
