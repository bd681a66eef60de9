"""Finds the transcripts of Claude Code, and the sessions in them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tracekit.model.parsing import parse_json
from tracekit.origin import pass_on
from tracekit.sources.claude_code.session import NAME, TranscriptSession
from tracekit.sources.claude_code.stream import StreamSession, is_stream
from tracekit.sources.door import SourceSession
from tracekit.sources.files import stamp_of

__all__ = ["ClaudeCode"]

_SESSION = re.compile(rb'"sessionId":\s?"([\w-]{1,100})"')
_HEAD_BYTES = 65536
_PART = ("subagents", "tool-results", "workflows")
"""Folders of a session: their files belong to the session beside which they lie."""


class ClaudeCode:
    """The source of Claude Code's and the Agent SDK's sessions."""

    name = NAME

    def __init__(self) -> None:
        self.problems: Sequence[str] = ()
        self._scans: dict[Path, _Scanned] = {}
        self._sessions: dict[str, TranscriptSession] = {}

    def folders(self) -> Sequence[Path]:
        """Return the folder of projects: below ``CLAUDE_CONFIG_DIR``, else in the user's home."""
        configured = os.environ.get("CLAUDE_CONFIG_DIR")
        return [(Path(configured) if configured else Path.home() / ".claude") / "projects"]

    def recognises(self, path: Path) -> bool:
        """Return whether there is a transcript at or below `path`.

        Raises:
            OSError: It cannot be read.
        """
        if _stream_in(path) is not None:
            return True
        if not os.path.lexists(path):
            return False
        errors: list[OSError] = []
        for file in _transcripts(path, errors.append):
            try:
                if _is_transcript(file):
                    return True
            except OSError as error:
                pass_on(error)
                errors.append(error)
        if errors:
            # There is no transcript among the files that can be read.
            raise errors[0]
        return False

    def sessions(
        self, paths: Iterable[Path], since_ns: int, known: Mapping[str, Sequence[tuple[str, Sequence[int]]]]
    ) -> list[SourceSession]:
        """Return the sessions in `paths`, as `tracekit.sources.door.Source` says.

        Raises:
            OSError: A folder cannot be read.
        """
        self.problems = ()
        streams: list[SourceSession] = []
        wanted: set[str] = set()
        files: dict[str, set[Path]] = {}
        for path in paths:
            stream = _stream_in(path)
            if stream is not None:
                streams.append(StreamSession(stream, path))
                continue
            beside = [path] if path.is_dir() else [path.parent]
            own = set(_transcripts(path))
            for file in (file for folder in beside for file in _transcripts(folder, self._miss, deep=path.is_dir())):
                for session in self._sessions_in(file, known):
                    files.setdefault(session, set()).add(file)
                    if file in own:
                        wanted.add(session)
        found = [*streams, *(self._session(id, files[id]) for id in sorted(wanted))]
        return [each for each in found if any(stamp[1] >= since_ns for stamp in each.stamps().values())]

    def _session(self, id: str, files: Iterable[Path]) -> TranscriptSession:
        session = self._sessions.setdefault(id, TranscriptSession(id))
        session.include(files, _folders(id, files))
        return session

    def _sessions_in(self, path: Path, known: Mapping[str, Sequence[tuple[str, Sequence[int]]]]) -> set[str]:
        """Return the sessions with lines in the transcript at `path`, of which only what is new is read."""
        stamp = stamp_of(path)
        before = known.get(stamp[0], ()) if stamp is not None else ()
        if stamp is not None and before and all(tuple(old) == stamp[1] for _, old in before):
            return {session for session, _ in before}
        scanned = self._scans.setdefault(path, _Scanned())
        if stamp is not None and stamp[1][0] < scanned.position:
            scanned = self._scans[path] = _Scanned()
        try:
            with path.open("rb") as file:
                file.seek(scanned.position)
                while (line := file.readline()).endswith(b"\n"):
                    scanned.position += len(line)
                    match = _SESSION.search(line)
                    if match is not None:
                        scanned.sessions.add(match[1].decode("ascii", "replace"))
        except OSError as error:
            pass_on(error)
            self._miss(error)
        return scanned.sessions

    def _miss(self, error: OSError) -> None:
        """Note a file or folder that cannot be read; one that is gone was removed meanwhile."""
        if isinstance(error, FileNotFoundError):
            return
        problem = f"{error.filename} is left out, since it cannot be read: {error.strerror}"
        self.problems = (*self.problems, problem)


@dataclass(slots=True)
class _Scanned:
    """The sessions of a file up to a position."""

    position: int = 0
    sessions: set[str] = field(default_factory=set)


def _folders(session: str, files: Iterable[Path]) -> set[Path]:
    return {file.parent / session for file in files} | {file.with_suffix("") for file in files if file.stem == session}


def _transcripts(path: Path, miss: Callable[[OSError], None] = pass_on, *, deep: bool = True) -> Iterator[Path]:
    """Yield the files at or below `path` that may be transcripts, without those of subagents in folders of their own.

    `miss` is called for folders that cannot be read.
    """
    if path.is_file():
        yield path
        return
    for folder, names, files in os.walk(path, onerror=miss):
        names[:] = sorted(name for name in names if name not in _PART) if deep else []
        yield from (Path(folder, file) for file in sorted(files) if file.endswith(".jsonl"))


def _stream_in(path: Path) -> str | None:
    """Return the session of the stream-json in the file at `path`; None if the file holds no such stream."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        line = file.readline(_HEAD_BYTES)
    try:
        record = parse_json(line)
    except ValueError as error:
        pass_on(error)
        return None
    return record["session_id"] if isinstance(record, dict) and is_stream(record) else None


def _is_transcript(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return head[:1] == b"{" and _SESSION.search(head) is not None
