"""Many at once: how many of them, over time, as blocks of eight heights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tracekit_viewer.door import Node
from tracekit_viewer.render.bars import Pieces, joined
from tracekit_viewer.render.window import Window

__all__ = ["blocks", "concurrency", "crowd"]

_HEIGHTS = " ▁▂▃▄▅▆▇█"
_GRID = "│"
_LEAST_PEAK = 4
"""One at a time must not look like a crowd."""


def concurrency(times: Iterable[tuple[int, int]], window: Window, width: int) -> list[int]:
    """The most that overlap, of stretches of time from begin to end, in each of `width` cells of `window`.

    With n stretches it takes O(n log n).
    """
    start_ns, length, last_ns = window.start_ns, window.length_ns, window.end_ns
    begins: list[int] = []
    ends: list[int] = []
    for begin, end in times:
        if end >= start_ns and begin <= last_ns:
            begins.append(begin)
            # What ends at a time has ended before what begins then, unless it takes no time.
            ends.append(end if end > begin else begin + 1)
    begins.sort()
    ends.sort()
    most = [0] * width
    now = last = ended = 0
    for begin in begins:
        while ends[ended] <= begin:
            last = _fill(most, last, min(width - 1, max(0, (ends[ended] - start_ns) * width // length)), now)
            now, ended = now - 1, ended + 1
        last = _fill(most, last, min(width - 1, max(0, (begin - start_ns) * width // length)), now)
        now += 1
        most[last] = max(most[last], now)
    for end in ends[ended:]:
        last = _fill(most, last, min(width - 1, max(0, (end - start_ns) * width // length)), now)
        now -= 1
    return most


def _fill(most: list[int], first: int, last: int, to: int) -> int:
    """Let no cell from `first` to `last` be lower than `to`, and return `last`."""
    if first == last:
        most[last] = max(most[last], to)
    elif to:
        for cell in range(first, last + 1):
            most[cell] = max(most[cell], to)
    return last


def blocks(most: Sequence[int], peak: int) -> str:
    """Draw each number of `most` as a block, relative to `peak`; a number above 0 is always visible."""
    top, whole = len(_HEIGHTS) - 1, max(peak, _LEAST_PEAK)
    return "".join(_HEIGHTS[-(-number * top // whole)] for number in most)


def crowd(
    nodes: Iterable[Node], window: Window, width: int, now_ns: int, style: str, grid: Sequence[int] = ()
) -> Pieces:
    """Draw the number of `nodes` that ran at the same time, on `width` cells."""
    if width <= 0:
        return []
    most = concurrency(((node.start_ns, node.end_ns or now_ns) for node in nodes), window, width)
    lines = set(grid)
    cells = [
        (_GRID, "grid") if text == " " and cell in lines else (text, style)
        for cell, text in enumerate(blocks(most, max(most, default=0)))
    ]
    return joined(cells)
