"""Notes that processes leave beside the journals, so that other processes can tell of them: a JSON object a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tracekit.origin import pass_on

__all__ = ["StartedSession", "add_note", "note_session", "notes_in", "sessions_in"]

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK


def add_note(path: Path, note: Any, most_bytes: int | None = None) -> None:
    """Add a line with `note`, any JSON, to the file at `path`, emptied first if larger than `most_bytes`.

    A disk that does not take it is no concern of the program's.
    """
    try:
        is_full = most_bytes is not None and path.exists() and path.stat().st_size > most_bytes
        file = os.open(path, _APPEND | (os.O_TRUNC if is_full else 0), 0o600)
        try:
            os.write(file, json.dumps(note).encode() + b"\n")
        finally:
            os.close(file)
    except OSError as error:
        pass_on(error)


def notes_in(path: Path) -> list[dict[str, Any]]:
    """Return the objects in the file at `path`. An unreadable file or line gives none."""
    try:
        # A FIFO would be waited for without an end.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, encoding="utf-8") as text:
            lines = text.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [note for line in lines if isinstance(note := _json(line), dict)]


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


_SESSION_PREFIX = "session-"


class StartedSession(NamedTuple):
    """A session of another tool, and the span that started it; `span` is empty for the run's own."""

    id: str
    span: str


def note_session(folder: Path, session: str, span: str) -> None:
    """Note in the `folder` of this process's run that `span` started `session`."""
    add_note(folder / f"{_SESSION_PREFIX}{os.getpid()}.jsonl", {"session": session, "span": span})


def sessions_in(folder: Path) -> Iterator[StartedSession]:
    """Yield the sessions that the processes of a run noted in its `folder`."""
    for path in sorted(folder.glob(f"{_SESSION_PREFIX}*.jsonl")):
        for note in notes_in(path):
            if isinstance(note.get("session"), str) and isinstance(note.get("span"), str):
                yield StartedSession(note["session"], note["span"])
