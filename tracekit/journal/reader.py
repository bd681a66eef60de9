"""Reads segments: whole, or as they grow."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tracekit.errors import JournalError, NewerJournalError
from tracekit.journal.decode import HEADER_START, Decoder, Header, read_header
from tracekit.journal.files import open_regular
from tracekit.journal.fold import Fold
from tracekit.journal.limits import MOST_HEADER_BYTES, ExpansionBudget
from tracekit.journal.lines import Line, LineFile
from tracekit.journal.liveness import is_alive
from tracekit.model.events import Event
from tracekit.model.recording import Recording
from tracekit.origin import pass_on

__all__ = ["JournalReader", "RunReader", "header_of", "load_header", "read_run"]


_BUFFER = 1 << 17
"""Bytes that are read at once: some lines, as a request has ten thousand."""


class _ReplacedError(JournalError):
    """A journal was replaced while it was read, as an import of a longer session does."""


class JournalReader:
    """Reads one file: a segment and what is appended to it afterwards, or several segments that `export` joined.

    A line counts once its newline is there. Of each line that cannot be read `damage` tells, with the index of its
    segment's header in `headers`. `unfinished` says that the file ends in the middle of a line.
    """

    def __init__(self, path: Path, *, is_lazy: bool = False) -> None:
        self.path = path
        self._is_lazy = is_lazy
        self.headers: list[Header] = []
        self.damage: list[tuple[int, str]] = []
        self.unfinished = False
        self.place: Line | None = None
        """The line of the newest event."""
        self._allowance = ExpansionBudget()
        self._decoder = Decoder(self._allowance, is_lazy=is_lazy)
        self._lines = LineFile(path)
        self._position = 0
        self._line = 0
        self._inode = 0

    def new_events(self) -> Iterator[tuple[int, Event]]:
        """The events appended since the last time, each with the index of its segment's header in `headers`.

        Raises:
            JournalError: The file is no journal, or of a newer version, or cannot be read; or another file is there now.
        """
        with self._opened() as file:
            while line := file.readline():
                self.unfinished = not line.endswith(b"\n")
                if self.unfinished:
                    return
                self.place = Line(self._lines, self._position, len(line))
                self._position += len(line)
                self._line += 1
                if not self.headers or line.startswith(HEADER_START):
                    self._header(line)
                    continue
                held = [line]
                del line
                # The decoder has the only reference: it lets go of a line of many megabytes as soon as it is parsed.
                event = self._event(held)
                if event is not None:
                    yield len(self.headers) - 1, event

    def _event(self, held: list[bytes]) -> Event | None:
        try:
            event = self._decoder.event(held.pop(), self.place)
            if self._decoder.is_steady:
                self.place = None
        except ValueError as error:
            self._tell(f"cannot be read and is skipped: {error}")
            return None
        if self._decoder.problem:
            self._tell(self._decoder.problem)
        return event

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        self.unfinished = False
        try:
            with open_regular(self.path, buffer=_BUFFER) as file:
                inode = os.fstat(file.fileno()).st_ino
                if self._inode not in (0, inode):
                    raise _ReplacedError(f"{self.path} was rewritten while it was read: read it again")
                self._inode = inode
                file.seek(self._position)
                yield file
        except OSError as error:
            raise JournalError(f"{self.path} cannot be read: {error.strerror}") from error

    def _header(self, line: bytes) -> None:
        try:
            header = read_header(line, str(self.path))
        except NewerJournalError:
            raise
        except JournalError as error:
            if not self.headers:
                raise
            # What follows belongs to a process that is not known; it stays with the segment before.
            self._tell(f"cannot be read and is skipped: {error}")
        else:
            self.headers.append(header)
            self._decoder = Decoder(self._allowance, is_lazy=self._is_lazy)

    def _tell(self, problem: str) -> None:
        self.damage.append((len(self.headers) - 1, f"line {self._line}: {problem}"))


class RunReader:
    """Reads the files of a run, each once and then as it grows, and combines them."""

    def __init__(self, *, is_lazy: bool = False) -> None:
        self._is_lazy = is_lazy
        self._fold = Fold()
        self._files: dict[Path, _File] = {}

    @property
    def has_begun(self) -> bool:
        """Return whether a segment's header can be read."""
        return any(file.reader.headers for file in self._files.values())

    @property
    def problem(self) -> str:
        """Return the reason why a file could not be read; empty if there is none."""
        return next((file.problem for file in self._files.values() if file.problem), "")

    def read(self, paths: Iterable[Path]) -> bool:
        """Read what is new in the files at `paths` and in those of earlier calls. Whether there was anything new.

        A file that cannot be read is told of as damage.

        Raises:
            NewerJournalError: A newer version of tracekit wrote one of them.
        """
        for path in paths:
            self._files.setdefault(path, _File(path, is_lazy=self._is_lazy))
        try:
            news = [file.read(self._fold) for file in self._files.values()]
        except _ReplacedError as error:
            pass_on(error)
            self._fold = Fold()
            self._files = {path: _File(path, is_lazy=self._is_lazy) for path in self._files}
            news = [file.read(self._fold) for file in self._files.values()]
        return any(news)

    def recording(self) -> Recording:
        """Return the recording as read so far."""
        return self._fold.recording()


def header_of(path: Path) -> Header | None:
    """Return a segment's header, or None without a complete line or with an unknown version."""
    try:
        return load_header(path)
    except JournalError:
        return None


def load_header(path: Path) -> Header:
    """The header of a segment.

    Raises:
        JournalError: The file is no journal, or of a newer version, or cannot be read.
    """
    try:
        with open_regular(path) as file:
            line = file.readline(MOST_HEADER_BYTES)
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from error
    if not line.endswith(b"\n"):
        raise JournalError(f"{path} {_NO_HEADER}")
    return read_header(line, str(path))


_NO_HEADER = "is not a journal: it is empty, or its first line is cut"


def read_run(paths: Iterable[Path], *, is_lazy: bool = False) -> Recording:
    """Read the run with the segments at `paths`. Unreadable files are damage, unless all of them are.

    With `is_lazy`, the bodies of requests are put together, and checked, only when they are asked for: no damage tells of
    one that is not what was sent, and its bytes are None then. For a replay, which compares digests.

    Raises:
        JournalError: No file is a journal that can be read, or one is of a newer version.
    """
    run = RunReader(is_lazy=is_lazy)
    run.read(sorted(paths))
    if not run.has_begun:
        raise JournalError(run.problem or "there is no file to read: the run has no segments")
    return run.recording()


class _File:
    """A file of a run."""

    def __init__(self, path: Path, *, is_lazy: bool) -> None:
        self.reader = JournalReader(path, is_lazy=is_lazy)
        self.problem = ""
        self._segments: list[int] = []
        self._told: tuple[object, ...] = ()

    def read(self, fold: Fold) -> bool:
        """Add what is new to `fold`; whether there was anything."""
        path, reader = self.reader.path, self.reader
        # Asked before reading: a writer that ends in between has then said all that it had to say.
        alive = is_alive(path)
        grown = False
        try:
            for number, event in reader.new_events():
                self._open_segments(fold)
                fold.add(self._segments[number], event, reader.place)
                grown = True
            self.problem = "" if reader.headers else f"{path} {_NO_HEADER}"
        except (NewerJournalError, _ReplacedError):
            raise
        except JournalError as error:
            self.problem = str(error)
        told = (alive, self.problem, reader.unfinished, len(reader.damage), len(reader.headers))
        if not grown and told == self._told:
            return False
        self._told = told
        self._open_segments(fold)
        self._describe(fold, alive=alive)
        return True

    def _open_segments(self, fold: Fold) -> None:
        while len(self._segments) < max(1, len(self.reader.headers)):
            self._segments.append(fold.open_segment(str(self.reader.path)))

    def _describe(self, fold: Fold, *, alive: bool) -> None:
        last = len(self._segments) - 1
        for number, segment in enumerate(self._segments):
            damage = [text for index, text in self.reader.damage if index == number]
            if number == last and self.problem:
                damage.append(self.problem)
            elif number == last and self.reader.unfinished and not alive:
                damage.append("the last line is cut and is skipped")
            header = self.reader.headers[number] if self.reader.headers else None
            fold.describe(segment, header, alive=alive, damage=tuple(damage))
