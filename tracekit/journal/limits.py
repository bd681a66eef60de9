"""Limits on what a journal may hold: a recording may come from a stranger.

They are far above what tracekit writes, and bound the memory and the time that reading takes by the size of the file.
"""

from __future__ import annotations

__all__ = ["MOST_HEADER_BYTES", "MOST_NS", "ExpansionBudget"]

MOST_NS = 1 << 62
"""The largest time in nanoseconds since the epoch: the year 2116. The difference of two times fits 64 bits."""

MOST_HEADER_BYTES = 16_000_000
"""The longest first line. A header holds the program's arguments, of which Linux takes 2 MB."""

_FREE_BYTES = 32_000_000
_REPEATS = 512


class ExpansionBudget:
    """The bytes that the lines of one file may stand for beyond those that they hold.

    A line may say that an event ends in so many spaces, and refer to an image that another line holds. A request has
    32 MB at most, so one is never refused for what it repeats; a file may repeat all that it holds 512 times.
    """

    def __init__(self) -> None:
        self._left = _FREE_BYTES

    def earn(self, size: int) -> None:
        """Allow for `size` bytes that were read from the file."""
        self._left += _REPEATS * size

    def spend(self, size: int) -> None:
        """Use `size` bytes.

        Raises:
            ValueError: So many are not left.
        """
        if size > self._left:
            raise ValueError(f"it stands for {size} bytes more than it holds, which is more than its file may")
        self._left -= size
