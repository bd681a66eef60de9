"""Follows sessions as they go on: each line of a record stands in the journal soon after it was written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tracekit.errors import SourceError
from tracekit.origin import pass_on
from tracekit.privacy import project_privacy
from tracekit.sources.door import Source, SourceSession, Stamps
from tracekit.sources.importing import Imported, import_session, imported_before, rejoin
from tracekit.sources.writing import SessionWriter
from tracekit.system_clock import steady_ns, wall_ns

__all__ = ["SessionFollower"]

_QUIET_NS = 600_000_000_000
"""Ten minutes: a session in which nothing happens for so long is let go of, until it goes on."""


class SessionFollower:
    """Keeps the journals of the sessions of `source` in `paths` up to date, those that change from now on.

    A journal that is kept so is locked: what is open in it counts as open, not as interrupted.
    """

    def __init__(self, source: Source, paths: Sequence[Path]) -> None:
        self._source = source
        self._paths = paths
        self._privacy = project_privacy()
        self._live: dict[str, _LiveSession] = {}

    def poll(self, done: Imported) -> None:
        """Import what is new, and add it to `done`.

        Raises:
            HomeError: The folder for journals cannot be used.
            SourceError: A folder cannot be read.
            OSError: A journal cannot be written.
        """
        try:
            sessions = self._source.sessions(self._paths, wall_ns() - _QUIET_NS, {})
        except OSError as error:
            raise SourceError(f"{error.filename} cannot be read: {error.strerror}") from error
        for session in sessions:
            if session.key not in self._live:
                path, header = imported_before(self._source).get(session.key, (None, {}))
                rejoin(session, header)
                self._live[session.key] = _LiveSession(session, SessionWriter(self._privacy), path)
            self._live[session.key].poll(done)
        for key in [key for key, live in self._live.items() if live.is_quiet]:
            self._live.pop(key).close()

    def close(self) -> None:
        """Close the files of all sessions."""
        for live in self._live.values():
            live.close()
        self._live.clear()


class _LiveSession:
    """A session that goes on, and the writer of its journal."""

    def __init__(self, session: SourceSession, writer: SessionWriter, before: Path | None) -> None:
        self._session = session
        self._writer = writer
        self._before = before
        self._stamps: Stamps = {}
        self._changed_ns = steady_ns()

    @property
    def is_quiet(self) -> bool:
        """Return whether nothing has happened for a long time."""
        return steady_ns() - self._changed_ns > _QUIET_NS

    def poll(self, done: Imported) -> None:
        """Write what is new, if a file has changed."""
        stamps = self._session.stamps()
        if stamps == self._stamps:
            return
        self._changed_ns = steady_ns()
        try:
            path = import_session(self._session, self._writer, self._before, done)
        except ValueError as error:
            # It was changed while it was read: the next look reads it again.
            pass_on(error)
            return
        self._before = path or self._before
        self._stamps = stamps

    def close(self) -> None:
        """Close the files."""
        self._writer.close()
        self._session.close()
