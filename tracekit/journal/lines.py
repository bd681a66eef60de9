"""Lines of journals that are read again when their content is asked for.

A run's tree is a small part of what its journals hold. So of a line only its place is kept, and its content for as
long as nothing newer needs the room.
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Protocol

from tracekit.errors import JournalError
from tracekit.journal.bodies import quick_json
from tracekit.origin import pass_on

__all__ = ["Line", "LineFile", "keep", "parsed"]

_KEPT_BYTES = 16_000_000
"""Bytes of lines whose content a process keeps, for all runs that it reads together."""
_LARGEST_KEPT = _KEPT_BYTES // 4
_MOST_OPEN = 32


class _Kept(Protocol):
    def forget(self) -> None:
        """Release the content, which can be read again."""


class _Recent:
    """The lines with the content that was read last. All other lines forget theirs."""

    def __init__(self) -> None:
        self._sizes: OrderedDict[_Kept, int] = OrderedDict()
        self._bytes = 0
        self._lock = threading.RLock()

    def touch(self, kept: _Kept, size: int) -> None:
        """Note that `kept` has just read content from `size` bytes in all."""
        with self._lock:
            self._bytes += size - self._sizes.pop(kept, 0)
            self._sizes[kept] = size
            while self._bytes > _KEPT_BYTES:
                oldest, freed = self._sizes.popitem(last=False)
                self._bytes -= freed
                oldest.forget()


_recent = _Recent()


def keep(kept: _Kept, size: int) -> bool:
    """Return whether `kept` may keep its content, which came from `size` bytes, for a while."""
    if size > _LARGEST_KEPT:
        return False
    _recent.touch(kept, size)
    return True


class LineFile:
    """A journal on the disk. The file stays open for a while, so its lines outlive its removal."""

    __slots__ = ("__weakref__", "_file", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1

    def read(self, at: int, size: int) -> bytes:
        """Return up to `size` bytes from the offset `at`.

        Raises:
            JournalError: The file was removed.
        """
        with _opening:
            if self._file < 0:
                self._open()
            _open_files.move_to_end(self)
            return os.pread(self._file, size, at)

    def parsed(self, at: int, size: int) -> Any:
        """The JSON value in the line at the offset `at`.

        Raises:
            JournalError: It is not there any more.
        """
        try:
            return parsed(self.read(at, size))
        except ValueError as error:
            raise JournalError(f"{self.path} was changed while it was in use: read it again") from error

    def _open(self) -> None:
        while len(_open_files) >= _MOST_OPEN:
            _open_files.popitem(last=False)[0].close()
        try:
            self._file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise JournalError(f"{self.path} can no longer be read: {error.strerror}") from error
        _open_files[self] = None

    def close(self) -> None:
        """Close the file until it is needed again."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


_opening = threading.RLock()
_open_files: OrderedDict[LineFile, None] = OrderedDict()


class Line:
    """A line of a journal: its place, and its content while that was read lately."""

    __slots__ = ("_data", "at", "file", "size")

    def __init__(self, file: LineFile, at: int, size: int) -> None:
        self.file = file
        self.at = at
        self.size = size
        self._data: dict[str, Any] | None = None

    def data(self) -> dict[str, Any]:
        """The content.

        Raises:
            JournalError: The line is not there any more.
        """
        data = self._data
        if data is None:
            data = self.file.parsed(self.at, self.size)
            self.hold(data)
        return data

    def hold(self, data: dict[str, Any]) -> None:
        """Keep the content, which has just been read, for a while."""
        if keep(self, self.size):
            self._data = data

    def forget(self) -> None:
        """Release the content."""
        self._data = None


def parsed(line: bytes) -> Any:
    """The JSON value in `line`.

    Raises:
        ValueError: It is none, or not whole.
    """
    try:
        return quick_json(line)
    except ValueError as error:
        pass_on(error)
    text = line.decode("utf-8", "surrogatepass")
    # A line may be larger than all else, so no form of it outlives its use.
    del line
    return json.loads(text)
