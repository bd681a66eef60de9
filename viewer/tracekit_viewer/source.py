"""Where a screen's run comes from: a record that is complete, or one that grows."""

from __future__ import annotations

from typing import Protocol

from tracekit_viewer.door import Run, find, read_entry

__all__ = ["Recorded", "RunSource", "source_of"]


class RunSource(Protocol):
    """A run that may still change."""

    @property
    def live(self) -> bool:
        """Whether the run may still grow, so that polling makes sense."""

    @property
    def note(self) -> str | None:
        """What a user should know: that the process was killed, or what could not be read."""

    def poll(self) -> Run | None:
        """The run as it stands, if anything changed since the last call; else None. The first call gives the run."""


class Recorded:
    """A run that no longer changes."""

    live = False
    note: str | None = None

    def __init__(self, run: Run) -> None:
        self._run: Run | None = run

    def poll(self) -> Run | None:
        """The run, once."""
        run, self._run = self._run, None
        return run


def source_of(text: str) -> RunSource:
    """The source of the run that `text` means.

    Raises:
        TracekitError: It means none or several, or cannot be read.
    """
    return Recorded(read_entry(find(text)))
