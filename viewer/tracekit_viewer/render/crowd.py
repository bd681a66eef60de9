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
    start_ns, length = window.start_ns, window.length_ns
    seen = [(begin, end) for begin, end in times if end >= start_ns and begin <= window.end_ns]
    # What ends at a time has ended before what begins then, unless it takes no time.
    changes = sorted([(begin, 1) for begin, _ in seen] + [(max(end, begin + 1), -1) for begin, end in seen])
    most = [0] * width
    now = last = 0
    for at_ns, step in changes:
        cell = min(width - 1, max(0, (at_ns - start_ns) * width // length))
        if now:
            for between in range(last, cell + 1):
                most[between] = max(most[between], now)
        now, last = now + step, cell
        most[cell] = max(most[cell], now)
    return most


def blocks(most: Sequence[int], peak: int) -> str:
    """Draw each number of `most` as a block, `peak` as a whole one unless it is small; whatever is not 0 is seen."""
    top, whole = len(_HEIGHTS) - 1, max(peak, _LEAST_PEAK)
    return "".join(_HEIGHTS[-(-number * top // whole)] for number in most)


def crowd(
    nodes: Iterable[Node], window: Window, width: int, now_ns: int, style: str, grid: Sequence[int] = ()
) -> Pieces:
    """How many of `nodes` ran at the same time, on `width` cells."""
    if width <= 0:
        return []
    most = concurrency(((node.start_ns, node.end_ns or now_ns) for node in nodes), window, width)
    lines = set(grid)
    cells = [
        (_GRID, "grid") if text == " " and cell in lines else (text, style)
        for cell, text in enumerate(blocks(most, max(most, default=0)))
    ]
    return joined(cells)
