"""Reads segments: whole, or as they grow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tracekit.errors import JournalError
from tracekit.journal.decode import Decoder, Header, read_header
from tracekit.journal.fold import Fold
from tracekit.journal.liveness import is_alive
from tracekit.model.events import Event
from tracekit.model.recording import Recording

__all__ = ["SegmentReader", "header_of", "read_run"]


class SegmentReader:
    """Reads one segment, and what is appended to it afterwards. A line counts once its newline is there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: Header | None = None
        self.damage: list[str] = []
        self._decoder = Decoder()
        self._position = 0
        self._line = 0
        self.unfinished = False

    def new_events(self) -> Iterator[Event]:
        """The events appended since the last time.

        Raises:
            JournalError: The file is no journal, or of a newer version, or cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self._position)
                data = file.read()
        except OSError as error:
            raise JournalError(f"{self.path} cannot be read: {error.strerror}") from error
        end = data.rfind(b"\n") + 1
        self.unfinished = end < len(data)
        self._position += end
        for line in data[:end].split(b"\n")[:-1]:
            self._line += 1
            if self.header is None:
                self.header = read_header(line, str(self.path))
                continue
            event = self._event(line)
            if event is not None:
                yield event
        if self.header is None:
            raise JournalError(f"{self.path} is not a tracekit journal: it holds no whole line")

    def _event(self, line: bytes) -> Event | None:
        try:
            return self._decoder.event(line)
        except ValueError as error:
            self.damage.append(f"line {self._line} cannot be read and is passed over: {error}")
            return None


def header_of(path: Path) -> Header | None:
    """The header of a segment; None if the file has no whole line yet, or is no journal of a version we read."""
    try:
        with path.open("rb") as file:
            line = file.readline()
        return read_header(line, str(path)) if line.endswith(b"\n") else None
    except (OSError, JournalError):
        return None


def read_run(paths: Iterable[Path]) -> Recording:
    """The run whose segments are at `paths`.

    Raises:
        JournalError: A file is no journal, or of a newer version, or cannot be read.
    """
    fold = Fold()
    for path in sorted(paths):
        # Asked before reading: a writer that ends in between has then said all that it had to say.
        alive = is_alive(path)
        reader = SegmentReader(path)
        index = fold.open_segment(str(path))
        for event in reader.new_events():
            fold.add(index, event)
        assert reader.header is not None
        damage = list(reader.damage)
        if reader.unfinished and not alive:
            damage.append("the last line is cut and is passed over")
        fold.describe(index, reader.header, alive=alive, damage=tuple(damage))
    return fold.recording()
