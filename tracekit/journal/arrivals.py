"""The pieces of an answer by their places in a journal: the bytes are read when they are asked for."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, overload

from tracekit.journal.lines import Line, LineFile, keep
from tracekit.model.recording import Piece

__all__ = ["Arrivals", "Arrived", "ReadBody", "Redact"]

ReadBody: TypeAlias = Callable[[Mapping[str, Any]], bytes]
"""Makes the bytes of what a line says of a body."""

Redact: TypeAlias = Callable[[Sequence[bytes]], Sequence[bytes]]
"""Takes from pieces what they spell out all together and nobody may see."""


class Arrivals:
    """The pieces of one answer as they arrive. Those whose line is known can be forgotten and read again.

    Args:
        read: Makes the bytes of what a line says.
    """

    __slots__ = ("_at", "_data", "_file", "_places", "_read", "_size", "_sizes")

    def __init__(self, read: ReadBody) -> None:
        self._read = read
        self._at: list[int] = []
        self._places = array("Q")
        self._sizes = array("Q")
        self._file: LineFile | None = None
        self._size = 0
        self._data: list[bytes] | None = []
        """None while forgotten."""

    def __len__(self) -> int:
        return len(self._at)

    def at_ns(self, number: int) -> int:
        """Return the arrival time of a piece."""
        return self._at[number]

    def add(self, at_ns: int, data: bytes, line: Line | None) -> None:
        """Add a piece, which `line` holds. Without a line it is kept."""
        if not self._at and line is not None:
            self._file = line.file
        if line is None or line.file is not self._file:
            # Pieces of one answer from several files are no journal's of ours: they all stay.
            self._data = self._all()
            self._file = None
        self._at.append(at_ns)
        if self._file is None:
            assert self._data is not None
            self._data.append(data)
            return
        assert line is not None
        self._places.append(line.at)
        self._sizes.append(line.size)
        self._size += line.size
        if self._data is not None:
            self._data.append(data)
            self._hold(self._data)

    def data(self, count: int) -> list[bytes]:
        """The bytes of the first `count` pieces, as they arrived.

        Raises:
            JournalError: The journal was removed or changed.
        """
        data = self._data
        if data is None:
            data = self._all()
            self._hold(data)
        return data[:count]

    def so_far(self, redact: Redact) -> Arrived:
        """The pieces that have arrived, after `redact`."""
        return Arrived(self, len(self._at), redact)

    def forget(self) -> None:
        """Release the bytes."""
        self._data = None

    def _hold(self, data: list[bytes]) -> None:
        self._data = data if keep(self, self._size) else None

    def _all(self) -> list[bytes]:
        if self._data is not None:
            return self._data
        assert self._file is not None
        return [self._again(self._file, number) for number in range(len(self._at))]

    def _again(self, file: LineFile, number: int) -> bytes:
        line = file.parsed(self._places[number], self._sizes[number])
        return self._read(line.get("response", line))


class Arrived(Sequence[Piece]):
    """The first `count` pieces of an answer, after `redact`, which sees them all: a later piece may change earlier ones."""

    __slots__ = ("_arrivals", "_count", "_redact", "_shown")

    def __init__(self, arrivals: Arrivals, count: int, redact: Redact) -> None:
        self._arrivals = arrivals
        self._count = count
        self._redact = redact
        self._shown: Sequence[bytes] | None = None

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Piece: ...
    @overload
    def __getitem__(self, index: slice) -> list[Piece]: ...
    def __getitem__(self, index: int | slice) -> Piece | list[Piece]:
        if isinstance(index, slice):
            data = self._all()
            return [Piece(self.at_ns(number), data[number]) for number in range(*index.indices(self._count))]
        number = index + self._count if index < 0 else index
        if not 0 <= number < self._count:
            raise IndexError(index)
        return _LatePiece(self, number)

    def __iter__(self) -> Iterator[Piece]:
        # The bytes are held meanwhile: those of a large answer would be read anew for each piece.
        for number, data in enumerate(self._all()):
            yield Piece(self.at_ns(number), data)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = object.__hash__

    def at_ns(self, number: int) -> int:
        """Return the arrival time of a piece."""
        return self._arrivals.at_ns(number)

    def data(self, number: int) -> bytes:
        """The bytes of a piece.

        Raises:
            JournalError: The journal was removed or changed.
        """
        return self._all()[number]

    def _all(self) -> Sequence[bytes]:
        shown = self._shown
        if shown is None:
            shown = self._redact(self._arrivals.data(self._count))
            self._shown = shown if keep(self, sum(map(len, shown))) else None
        return shown

    def forget(self) -> None:
        """Release the bytes."""
        self._shown = None


class _LatePiece(Piece):
    """A piece whose bytes are read when they are asked for."""

    __slots__ = ("_arrived", "_number")

    _arrived: Arrived
    _number: int

    def __init__(self, arrived: Arrived, number: int) -> None:
        object.__setattr__(self, "at_ns", arrived.at_ns(number))
        object.__setattr__(self, "_arrived", arrived)
        object.__setattr__(self, "_number", number)

    @property
    def data(self) -> bytes:
        """The bytes.

        Raises:
            JournalError: The journal was removed or changed.
        """
        return self._arrived.data(self._number)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Piece):
            return NotImplemented
        return (self.at_ns, self.data) == (other.at_ns, other.data)

    __hash__ = Piece.__hash__
