"""The real clock: the wall clock's time at one moment, and a steady clock from there."""

from __future__ import annotations

from collections.abc import Callable

from tracekit.system_clock import steady_ns, wall_ns

__all__ = ["AnchoredClock"]

_JUMP_NS = 1_000_000_000
"""By how much the wall clock differs from ours where it has been set, rather than slowed or hastened."""


class AnchoredClock:
    """Nanoseconds since the epoch, anchored to the wall clock once, so that a clock that is set cuts no span.

    `offset_ns` is what the steady clock lacks to the epoch: processes of one run on one machine share it, whatever the
    wall clock says when each of them starts. By default it is taken from the wall clock now.
    """

    def __init__(
        self,
        offset_ns: int | None = None,
        *,
        steady: Callable[[], int] = steady_ns,
        wall: Callable[[], int] = wall_ns,
    ) -> None:
        self._steady = steady
        self._wall = wall
        self.offset_ns = wall() - steady() if offset_ns is None else offset_ns

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return self._steady() + self.offset_ns

    @property
    def has_jumped(self) -> bool:
        """Return whether the wall clock has been set by more than a second since the clock was anchored."""
        return abs(self._wall() - self.now_ns()) > _JUMP_NS

    def anchor(self) -> None:
        """Take the wall clock's time again. Spans that are open would be longer or shorter than they were."""
        self.offset_ns = self._wall() - self._steady()
