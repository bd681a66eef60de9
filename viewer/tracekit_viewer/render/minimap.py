"""The whole run in two rows: the number of calls and tools at once, then errors and retries."""

from __future__ import annotations

from collections.abc import Iterator

from tracekit_viewer.door import Node
from tracekit_viewer.render.bars import Pieces, joined
from tracekit_viewer.render.crowd import blocks, concurrency
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.tree import is_fault, is_retried
from tracekit_viewer.render.window import Window

__all__ = ["Minimap", "minimap_of", "minimap_rows"]

_ERROR, _RETRY, _SEEN, _HEAD = "✗", "↻", "─", "┃"


class Minimap:
    """The data of the two rows.

    Attributes:
        most: How many calls and tools ran at once, cell by cell.
        peak: The most of these.
        errors: The cells in which something failed.
        retries: The cells in which a call was tried again.
        errors_count: How many things failed.
        retries_count: How many retries there were.
    """

    def __init__(self, forest: Forest, bounds: Window, width: int, now_ns: int) -> None:
        self.bounds, self.width = bounds, width
        nodes = forest.nodes
        times = (
            (node.start_ns, node.end_ns or now_ns)
            for node in map(nodes.__getitem__, forest.works)
            if node.kind == "llm" or not node.children
        )
        self.most = concurrency(times, bounds, width)
        self.peak = max(self.most, default=0)
        faults = [node for node in nodes if node.status in ("error", "interrupted") and is_fault(node)]
        retried = [node for node in map(nodes.__getitem__, forest.works) if node.retries and is_retried(node)]
        self.errors_count, self.retries_count = len(faults), sum(node.retries for node in retried)
        self.errors = {self.cell(node.end_ns or now_ns) for node in faults}
        self.retries = {self.cell(at_ns) for node in retried for at_ns in _tries(node)}

    def cell(self, at_ns: int) -> int:
        """The cell of a time, kept within the drawing."""
        return min(self.width - 1, max(0, self.bounds.position(at_ns, self.width)))


def minimap_of(forest: Forest, bounds: Window, width: int, now_ns: int) -> Minimap:
    """The minimap of the time of `bounds` on `width` cells."""
    return Minimap(forest, bounds, max(1, width), now_ns)


def minimap_rows(drawn: Minimap, window: Window, head_ns: int | None = None) -> tuple[Pieces, Pieces]:
    """The two rows; a line under the time of `window`, if it is not all; and where the playback is."""
    is_whole = window.length_ns >= drawn.bounds.length_ns
    first, last = drawn.cell(window.start_ns), drawn.cell(window.end_ns)
    head = None if head_ns is None else drawn.cell(head_ns)
    above: Pieces = []
    below: Pieces = []
    for cell, block in enumerate(blocks(drawn.most, drawn.peak)):
        is_seen = is_whole or first <= cell <= last
        if cell == head:
            above.append((_HEAD, "cursor"))
            below.append((_HEAD, "cursor"))
            continue
        above.append((block, "hue0" if is_seen else "faint"))
        below.append(_tick(drawn, cell, is_framed=is_seen and not is_whole))
    return joined(above), joined(below)


def _tick(drawn: Minimap, cell: int, *, is_framed: bool) -> tuple[str, str]:
    if cell in drawn.errors:
        return _ERROR, "error"
    if cell in drawn.retries:
        return _RETRY, "warning"
    return (_SEEN, "cursor") if is_framed else (" ", "")


def _tries(llm: Node) -> Iterator[int]:
    """The begins of the attempts after the first."""
    attempts = [child.start_ns for child in llm.children if child.kind == "attempt"]
    yield from attempts[1:] or [llm.start_ns]
