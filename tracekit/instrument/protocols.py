"""The parts that the instrument needs from others: a place for events, and the time."""

from __future__ import annotations

from typing import Protocol

from tracekit.model.events import Event
from tracekit.model.run import RunInfo

__all__ = ["Clock", "EventExporter", "Holding", "Notes", "RunSink", "Sink"]


class Sink(Protocol):
    """Takes what happens in a run, in the caller's thread, before the call returns to the user's code."""

    def write(self, run: RunInfo, *events: Event) -> None:
        """Keep `events`, which happened in `run` one after another."""

    def release(self, run: RunInfo) -> None:
        """Release what is held for `run`, since none of its spans is open; later events may reopen it."""

    def forked(self) -> None:
        """This process is a fresh fork: what the parent holds is the parent's."""

    def exit(self, at_ns: int) -> None:
        """The process ends in good order: say so in every run that is held, and let go."""


class RunSink(Sink, Protocol):
    """A sink that knows who else takes part in a run."""

    def has_others(self, run: RunInfo) -> bool:
        """Return whether other processes have kept something of `run`."""


class EventExporter(Sink, Protocol):
    """Takes the spans that no provider of the application's takes."""

    def trace_of(self, run: RunInfo, span: str) -> tuple[str, bool]:
        """The trace in which a span of `run` is exported, and whether it is sampled."""

    def settle(self) -> None:
        """Wait a little until what has ended is exported."""


class Notes(Protocol):
    """Hears of each request to Claude that is not recorded, whether or not a run is."""

    def add(self, caller: str, host: str) -> None:
        """`caller` sent a request to `host`, or started a program where that is empty."""

    def exit(self) -> None:
        """The process ends in good order."""


class Holding(Protocol):
    """Holds events back for a moment, to write them together with what comes next."""

    def write_held(self) -> object:
        """Write them now: the process ends."""


class Clock(Protocol):
    """A clock."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, never less than the time before."""
