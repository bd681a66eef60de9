"""The application's open spans: also those that are never current, as the spans of callbacks are not."""

from __future__ import annotations

from tracekit.instrument.lanes import Lane
from tracekit.instrument.live import LiveRun, LiveSpan

__all__ = ["OpenSpans"]


class OpenSpans:
    """Keeps each of the application's spans from its begin to its end, written or not."""

    def __init__(self) -> None:
        self._spans: dict[str, LiveSpan] = {}

    def add(self, live: LiveSpan) -> None:
        """`live` has begun."""
        self._spans[live.id] = live

    def remove(self, live: LiveSpan) -> None:
        """`live` has ended."""
        self._spans.pop(live.id, None)

    def clear(self) -> None:
        """Forget them all, as a fork does: they are another process's."""
        self._spans.clear()

    def unwritten(self, run: LiveRun) -> list[LiveSpan]:
        """Return those of `run` that are not written, in the order in which they began."""
        return [live for live in list(self._spans.values()) if not live.written and _run_of(live) is run]

    def root_around(self, lane: Lane) -> LiveSpan | None:
        """Return the newest span without a parent that began in `lane` or in one that led to it; None if there is none."""
        roots = [live for live in list(self._spans.values()) if live.parent is None and lane.is_within(live.lane)]
        return roots[-1] if roots else None


def _run_of(live: LiveSpan | None) -> LiveRun | None:
    while live is not None:
        if live.run is not None:
            return live.run
        live = live.parent
    return None
