"""Tells whether an event loop got to run anything else while a tool ran on it."""

from __future__ import annotations

from tracekit.instrument.lanes import running_asyncio

__all__ = ["WatchedLoop", "watch_loop"]

_LEAST_BLOCKED_NS = 20_000_000
"""Shorter work that awaits nothing is what every program has."""


class WatchedLoop:
    """Watches an event loop with one callback, which the loop calls as soon as it runs anything else."""

    __slots__ = ("_went_on",)

    def __init__(self) -> None:
        self._went_on = False

    def went_on(self) -> None:
        """Note that the loop got to do something else."""
        self._went_on = True

    def was_blocked(self, took_ns: int) -> bool:
        """Return whether work of `took_ns` nanoseconds kept the loop from all else, for long enough to be reported."""
        return not self._went_on and took_ns >= _LEAST_BLOCKED_NS


def watch_loop() -> WatchedLoop | None:
    """Watch the asyncio loop that runs on this thread; None where none does."""
    asyncio = running_asyncio()
    if asyncio is None:
        return None
    watched = WatchedLoop()
    asyncio.get_running_loop().call_soon(watched.went_on)
    return watched
