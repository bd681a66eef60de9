"""The part of a run's time that is to be seen."""

from __future__ import annotations

from dataclasses import dataclass

from tracekit_viewer.door import duration
from tracekit_viewer.render.forest import Forest

__all__ = ["Window", "bounds_of", "fitting", "outside"]

_LEAST_NS = 1_000
_LEAST_NOTED_NS = 10_000_000
_STEPS = (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when, in nanoseconds since the epoch."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        """Return the visible time in nanoseconds, at least a microsecond."""
        return max(_LEAST_NS, self.end_ns - self.start_ns)

    def position(self, at_ns: int, width: int) -> int:
        """Return the position of `at_ns` on `width` steps; outside the window, below 0 or above `width`."""
        return (at_ns - self.start_ns) * width // self.length_ns

    def at(self, position: float, width: int) -> int:
        """The time at `position` of `width` steps."""
        return self.start_ns + round(self.length_ns * position / max(1, width))

    def zoomed(self, factor: float, anchor_ns: int, within: Window) -> Window:
        """`factor` times as close, with `anchor_ns` staying in its place."""
        length = max(_LEAST_NS, min(within.length_ns, round(self.length_ns / factor)))
        left = round((anchor_ns - self.start_ns) * length / self.length_ns)
        return Window(anchor_ns - left, anchor_ns - left + length).kept(within)

    def panned(self, share: float, within: Window) -> Window:
        """Moved by a `share` of its length."""
        by = round(self.length_ns * share)
        return Window(self.start_ns + by, self.end_ns + by).kept(within)

    def kept(self, within: Window) -> Window:
        """Moved, and if need be cut, so that it does not leave `within`."""
        length = min(self.length_ns, within.length_ns)
        start = max(within.start_ns, min(self.start_ns, within.start_ns + within.length_ns - length))
        return Window(start, start + length)


def bounds_of(forest: Forest, now_ns: int) -> Window:
    """Return the time from the first agent or call to the last end, or to `now_ns` in an open run.

    The time before is the program's own: its imports, mostly. Clocks of other machines may be off: what lies further
    outside than the run is long is left to the margin, so that it doesn't squeeze the rest into a column.
    """
    root = forest.run.root
    start = forest.work_ns
    end = max(start, now_ns if root.end_ns is None else root.end_ns)
    length = max(end - start, _LEAST_NS)
    last = max(end, forest.last_ns) if forest.last_ns <= end + length else end
    if root.end_ns is not None and start < forest.below_ns < last:
        last = forest.below_ns
    return Window(start, max(last, start + _LEAST_NS))


def fitting(bounds: Window, *, growing: bool) -> Window:
    """Return `bounds` with room at the end, so that the bars of a growing run move seldom."""
    if not growing:
        return bounds
    length, power = bounds.length_ns, 1_000_000_000
    while power * 10 <= length:
        power *= 10
    for step in _STEPS:
        if length <= step * power:
            return Window(bounds.start_ns, bounds.start_ns + round(step * power))
    return bounds


def outside(forest: Forest, bounds: Window) -> str:
    """Describe the time of the process before and after `bounds`, or return ""."""
    root = forest.run.root
    before = bounds.start_ns - root.start_ns
    after = 0 if root.end_ns is None else root.end_ns - bounds.end_ns
    least = max(_LEAST_NOTED_NS, bounds.length_ns // 200)
    parts = [(before, "start-up"), (after, "after")]
    return ", ".join(f"+{duration(length)} {what}" for length, what in parts if length >= least)
