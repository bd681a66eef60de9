"""The real clock: wall time at one moment, monotonic from there."""

from __future__ import annotations

import time

__all__ = ["AnchoredClock"]


class AnchoredClock:
    """Nanoseconds since the epoch, anchored once, so that a clock set back meanwhile cannot make a span negative."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return time.monotonic_ns() + self._offset
