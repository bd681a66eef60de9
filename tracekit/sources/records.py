"""Files of JSON lines that other programs write, read as they grow and read again by place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tracekit.journal.files import open_regular
from tracekit.model.json_text import compact
from tracekit.model.parsing import parse_json
from tracekit.origin import pass_on

__all__ = ["LinePlace", "LineReader", "RecordReading", "parse_line"]


class LinePlace(NamedTuple):
    """The place of a line: its file, its offset and its size in bytes."""

    path: Path
    at: int
    size: int


def parse_line(line: bytes) -> Any:
    """Return the JSON value in `line`. Half of a surrogate pair, as a cut emoji leaves it, becomes U+FFFD.

    Raises:
        ValueError: The line is no JSON.
    """
    value = parse_json(line)
    if b"\\ud" not in line and b"\\uD" not in line:
        return value
    text = compact(value)
    return parse_json(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


class LineReader:
    """Reads the whole lines of one file, each once, and counts those that are no JSON objects.

    A last line without its newline is left for a later call: its writer may not be done with it. `parse` makes a record of
    a line, or raises a `ValueError`.
    """

    def __init__(self, path: Path, parse: Callable[[bytes], Any] = parse_line) -> None:
        self.path = path
        self.unreadable = 0
        self._parse = parse
        self._position = 0

    def new_records(self) -> Iterator[tuple[LinePlace, dict[str, Any]]]:
        """Yield the records that were appended since the last call, with their places.

        Raises:
            OSError: The file cannot be read.
        """
        with open_regular(self.path) as file:
            if os.fstat(file.fileno()).st_size < self._position:
                # The file was written anew.
                self._position = 0
            file.seek(self._position)
            while (line := file.readline()).endswith(b"\n"):
                place = LinePlace(self.path, self._position, len(line))
                self._position += len(line)
                record = self._parsed(line)
                if record is not None:
                    yield place, record

    def _parsed(self, line: bytes) -> dict[str, Any] | None:
        if not line.strip():
            return None
        try:
            record = self._parse(line)
        except ValueError as error:
            pass_on(error)
            record = None
        if not isinstance(record, dict):
            self.unreadable += 1
            return None
        return record


class RecordReading:
    """Reads lines again by their places. The newest few stay parsed, since neighbours are asked for together.

    Raises:
        OSError: A file is gone.
        ValueError: A file was changed.
    """

    _MOST = 64

    def __init__(self, parse: Callable[[bytes], Any] = parse_line) -> None:
        self._parse = parse
        self._files: dict[Path, int] = {}
        self._parsed: dict[LinePlace, dict[str, Any]] = {}

    def record(self, place: LinePlace) -> dict[str, Any]:
        """Return the record at `place`."""
        found = self._parsed.get(place)
        if found is None:
            found = self._parse(os.pread(self._file(place.path), place.size, place.at))
            if len(self._parsed) >= self._MOST:
                del self._parsed[next(iter(self._parsed))]
            self._parsed[place] = found
        return found

    def _file(self, path: Path) -> int:
        if path not in self._files:
            if len(self._files) >= self._MOST:
                os.close(self._files.pop(next(iter(self._files))))
            self._files[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return self._files[path]

    def close(self) -> None:
        """Close the files, and forget what was read."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()
        self._parsed.clear()
