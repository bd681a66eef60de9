"""The door: what a source offers to whoever imports from it.

A source lists sessions; a session tells how its files stand, and translates what it has read of them. A session that is
asked again reads what is new and translates the longer record, under the same ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from tracekit.model.run import RunInfo
from tracekit.sources.translation import Translation

__all__ = ["Source", "SourceSession", "Stamps"]

Stamps: TypeAlias = Mapping[str, Sequence[int]]
"""The size in bytes and the time of the last change in nanoseconds of each file, by a digest of its path."""


class SourceSession(Protocol):
    """One session of a source, which is one run."""

    @property
    def run(self) -> str:
        """The id of the run."""

    @property
    def key(self) -> str:
        """The id of the run that the session would be alone."""

    @property
    def form(self) -> str:
        """The form of its record, as the header of the journal says it. A `transcript` is a whole record."""

    def join(self, run: RunInfo, parent: str) -> None:
        """Make the session a part of `run`, a program's, below the span `parent` that started it."""

    def stamps(self) -> Stamps:
        """Return how the session's files stand now."""

    def translate(self) -> Translation | None:
        """Read new lines, and return the session as a run, or None.

        It is None while there is nothing of a run in it.

        Raises:
            OSError: A file cannot be read.
        """

    @property
    def is_repeated(self) -> bool:
        """Return whether `translate` gave None because another run records the same: a journal of it has to go."""

    def close(self) -> None:
        """Close the files."""


class Source(Protocol):
    """A kind of record that runs are imported from."""

    name: str
    """As the header of a journal and the command line say it."""
    problems: Sequence[str]
    """The files and folders that the last call of `sessions` could not read, a sentence each."""

    def recognises(self, path: Path) -> bool:
        """Return whether the file or folder at `path` is a record of this source.

        Raises:
            OSError: It cannot be read.
        """

    def folders(self) -> Sequence[Path]:
        """Return the folders where records of this source lie by default."""

    def sessions(
        self, paths: Iterable[Path], since_ns: int, known: Mapping[str, Sequence[tuple[str, Sequence[int]]]]
    ) -> Sequence[SourceSession]:
        """Return the sessions in the files and folders at `paths` with a file that was changed since `since_ns`.

        `known` has the sessions of the files that were imported before, with each file's stamp, by the digest of its
        path: a file that did not change is not read again to learn whose it is.

        Raises:
            OSError: A folder cannot be read.
        """
