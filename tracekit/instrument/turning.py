"""Whether an event loop has turned while something ran on it: else it was blocked all the while."""

from __future__ import annotations

from tracekit.instrument.lanes import running_asyncio
from tracekit.system_clock import steady_ns

__all__ = ["Turning", "watch_loop"]

_LEAST_BLOCKED_NS = 20_000_000
"""Shorter work that awaits nothing is what every program has."""


class Turning:
    """What is seen of the loop from now on. One callback of the loop tells: it is called as soon as the loop turns."""

    __slots__ = ("_began_ns", "_turned")

    def __init__(self) -> None:
        self._began_ns = steady_ns()
        self._turned = False

    def turned(self) -> None:
        """The loop got to do something else."""
        self._turned = True

    @property
    def was_blocked(self) -> bool:
        """Whether the loop has not turned until now, for longer than is worth a word."""
        return not self._turned and steady_ns() - self._began_ns >= _LEAST_BLOCKED_NS


def watch_loop() -> Turning | None:
    """Watch the asyncio loop that runs on this thread; None where none does."""
    asyncio = running_asyncio()
    if asyncio is None:
        return None
    turning = Turning()
    asyncio.get_running_loop().call_soon(turning.turned)
    return turning
