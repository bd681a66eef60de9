"""Requests to Claude that are not recorded, kept beside the journals so that other processes can tell of them.

A process under `tracekit run` tells whoever started it, by a file in the folder of its session; any other process adds
a line to a file in the home folder when it first misses a request, and another when it ends.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tracekit.errors import HomeError
from tracekit.journal.home import make_home
from tracekit.model.unrecorded import Misses
from tracekit.notes import add_note, notes_in
from tracekit.origin import pass_on
from tracekit.system_clock import wall_ns

__all__ = ["MissedNotes", "Note", "missed_in", "missed_since", "note_missed"]

_FILE = "missed.jsonl"
_PREFIX = "missed-"
_MOST_BYTES = 64_000


class MissedNotes:
    """Count unrecorded requests of this process, which belongs to `program`. `folder` is its session's, or "".

    `redact` is applied to all that is written.
    """

    def __init__(self, program: str, folder: str, redact: Callable[[str], str]) -> None:
        self._program = program
        self._folder = folder
        self._redact = redact
        self._left: Counter[tuple[str, str]] = Counter()
        self._known: set[tuple[str, str]] = set()
        self._pid = os.getpid()

    def add(self, caller: str, host: str) -> None:
        """`caller` sent a request to `host`, or started a program where that is empty."""
        key = self._redact(caller), self._redact(host)
        if os.getpid() != self._pid:
            self._left, self._known, self._pid = Counter(), set(), os.getpid()
        if self._folder:
            add_note(Path(self._folder) / f"{_PREFIX}{self._pid}.jsonl", list(key))
        elif key in self._known:
            self._left[key] += 1
        else:
            self._known.add(key)
            self._write({key: 1})

    def exit(self) -> None:
        """The process ends in good order."""
        left, self._left = self._left, Counter()
        if os.getpid() == self._pid:
            self._write(left)

    def _write(self, misses: Misses) -> None:
        if misses:
            note_missed(self._redact(self._program), misses)


def missed_in(folder: Path) -> Misses:
    """Return what the processes of a session missed, by the files in its `folder`."""
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted(folder.glob(f"{_PREFIX}*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            caller, host = json.loads(line)
            found[caller, host] += 1
    return found


def note_missed(program: str, misses: Misses) -> None:
    """Note what a process of `program` missed. A disk that does not take it is no concern of the program's."""
    try:
        path = make_home() / _FILE
    except (OSError, HomeError) as error:
        pass_on(error)
        return
    for (caller, host), requests in misses.items():
        note = {"t": wall_ns(), "program": program, "caller": caller, "host": host, "requests": requests}
        add_note(path, note, _MOST_BYTES)


class Note(NamedTuple):
    """The unrecorded requests of some programs; the last one was `program`, at `at_ns`."""

    misses: Misses
    program: str
    at_ns: int


def missed_since(folder: Path, since_ns: int) -> Note | None:
    """Return what was missed since `since_ns`, nanoseconds since the epoch; None if nothing was."""
    found = [each for each in notes_in(folder / _FILE) if _is_whole(each) and each["t"] >= since_ns]
    if not found:
        return None
    misses: Counter[tuple[str, str]] = Counter()
    for each in found:
        misses[each["caller"], each["host"]] += each["requests"]
    return Note(misses, found[-1]["program"], found[-1]["t"])


_WANTED = {"t": int, "program": str, "caller": str, "host": str, "requests": int}


def _is_whole(note: dict[str, Any]) -> bool:
    return all(type(note.get(name)) is kind for name, kind in _WANTED.items())
