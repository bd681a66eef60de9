"""Imports the stream-json that a running Claude Code writes into a pipe, as it comes."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tracekit.errors import SourceError
from tracekit.origin import pass_on
from tracekit.privacy import project_privacy
from tracekit.sources.claude_code.find import ClaudeCode
from tracekit.sources.claude_code.stream import StreamSession, is_stream
from tracekit.sources.importing import Imported, import_session, imported_before, is_less, rejoin
from tracekit.sources.records import parse_line
from tracekit.sources.writing import SessionWriter

__all__ = ["import_pipe"]

_WAIT_S = 0.4
_READ_BYTES = 1 << 16


def import_pipe(file: int) -> Imported:
    """Import the sessions of the stream in the open `file` until it ends.

    Where there is a transcript of a session, the run is made from the transcript in the end: it says more.

    Raises:
        HomeError: The folder for journals cannot be used.
        SettingsError: The rules of redaction cannot be used.
        SourceError: The stream is none of Claude Code's.
        OSError: A journal cannot be written.
    """
    pipe = _Pipe()
    for lines in _batches(file):
        for line in lines:
            pipe.feed(line)
        pipe.write()
    return pipe.finish()


def _batches(file: int) -> Iterator[Sequence[bytes]]:
    """Yield the new lines, at most a few times a second."""
    left, lines = b"", list[bytes]()
    reported_at = time.monotonic()
    while True:
        if select.select([file], [], [], _WAIT_S)[0]:
            data = os.read(file, _READ_BYTES)
            if not data:
                yield [*lines, left] if left.strip() else lines
                return
            *whole, left = (left + data).split(b"\n")
            lines += whole
        if lines and time.monotonic() - reported_at > _WAIT_S:
            yield lines
            lines, reported_at = [], time.monotonic()


class _Pipe:
    """The sessions of a stream, with the writers of their journals."""

    def __init__(self) -> None:
        self._privacy = project_privacy()
        self._sessions: dict[str, tuple[StreamSession, SessionWriter, Path | None]] = {}
        self._kept: set[str] = set()
        """The sessions whose transcripts were imported before: the stream says less."""
        self._unreadable = 0

    def feed(self, line: bytes) -> None:
        """Add a line of the stream."""
        try:
            record: Any = parse_line(line)
        except ValueError as error:
            pass_on(error)
            record = None
        if not isinstance(record, dict) or not is_stream(record):
            self._unreadable += bool(line.strip())
            return
        id = record["session_id"]
        if id not in self._sessions:
            session = StreamSession(id)
            before, header = imported_before(ClaudeCode()).get(session.key, (None, {}))
            rejoin(session, header)
            self._sessions[id] = session, SessionWriter(self._privacy), before
            if is_less(session, header):
                self._kept.add(id)
        self._sessions[id][0].feed(record)

    def write(self) -> Imported:
        """Write what is new, and return the sums of all sessions."""
        done = Imported()
        for id, (session, writer, before) in self._sessions.items():
            if id not in self._kept:
                import_session(session, writer, before, done)
        return done

    def finish(self) -> Imported:
        """Write the end, from the transcripts where there are any, and return the sums of all sessions."""
        if not self._sessions:
            raise SourceError(
                "the standard input held no stream-json; pipe it in as in: "
                "claude -p PROMPT --output-format stream-json --verbose | tracekit import -"
            )
        self.write()
        for _, writer, _ in self._sessions.values():
            writer.close()
        done, source = Imported(), ClaudeCode()
        transcripts = {each.run: each for each in source.sessions(source.folders(), 0, {})}
        for id, (session, _, before) in self._sessions.items():
            if id in self._kept and session.run not in transcripts:
                done.unchanged += 1
                continue
            writer = SessionWriter(self._privacy)
            import_session(transcripts.get(session.run, session), writer, before, done)
            writer.close()
        if self._unreadable:
            done.not_understood["a line that is not stream-json"] += self._unreadable
        return done
