"""Bars of time, half a cell fine: high for an answering model, lower for other work, a line for waiting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tracekit_viewer.render.window import Window

__all__ = ["FULL", "HEAVY", "LIGHT", "WAIT", "Bar", "Pieces", "draw", "joined"]

Pieces = list[tuple[str, str]]
"""Text with the names of the styles in which it is drawn."""

NONE: Final = 0
WAIT: Final = 1
LIGHT: Final = 2
HEAVY: Final = 3
FULL: Final = 4

_GRID = "│"

_CELLS = {
    (NONE, NONE): " ",
    (NONE, WAIT): "▁",
    (NONE, LIGHT): "▂",
    (NONE, HEAVY): "▗",
    (NONE, FULL): "▐",
    (WAIT, NONE): "▁",
    (WAIT, WAIT): "▁",
    (WAIT, LIGHT): "▂",
    (WAIT, HEAVY): "▗",
    (WAIT, FULL): "▐",
    (LIGHT, NONE): "▂",
    (LIGHT, WAIT): "▂",
    (LIGHT, LIGHT): "▂",
    (LIGHT, HEAVY): "▄",
    (LIGHT, FULL): "▐",
    (HEAVY, NONE): "▖",
    (HEAVY, WAIT): "▖",
    (HEAVY, LIGHT): "▄",
    (HEAVY, HEAVY): "▄",
    (HEAVY, FULL): "▟",
    (FULL, NONE): "▌",
    (FULL, WAIT): "▌",
    (FULL, LIGHT): "▌",
    (FULL, HEAVY): "▙",
    (FULL, FULL): "█",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time and its style; `cap` is a character that replaces the last one."""

    start_ns: int
    end_ns: int
    weight: int
    style: str
    cap: str = ""


def draw(bars: Iterable[Bar], window: Window, width: int, grid: Sequence[int] = ()) -> Pieces:
    """Draw `bars` on `width` cells, later bars over earlier ones. A bar outside the window leaves an arrow.

    Gridlines stand in those cells of `grid` that are empty.
    """
    if width <= 0:
        # Hidden, as while the detail pane has the whole screen.
        return []
    weights, styles = bytearray(2 * width), [""] * (2 * width)
    caps: dict[int, tuple[str, str]] = {}
    edges: dict[int, tuple[str, str]] = {}
    for bar in bars:
        left, right = window.position(bar.start_ns, 2 * width), window.position(bar.end_ns, 2 * width)
        if bar.end_ns < window.start_ns:
            edges[0] = ("‹", bar.style)
            continue
        if bar.start_ns > window.end_ns:
            edges[width - 1] = ("›", bar.style)
            continue
        left = max(0, min(left, 2 * width - 1))
        end = min(2 * width, max(right, left + 1))
        weights[left:end] = bytes((bar.weight,)) * (end - left)
        styles[left:end] = [bar.style] * (end - left)
        if bar.cap and right <= 2 * width:
            caps[(end - 1) // 2] = (bar.cap, bar.style)
    drawn = _cells(weights, styles)
    for cell in grid:
        if drawn[cell][0] == " ":
            drawn[cell] = (_GRID, "grid")
    for cell, (mark, style) in {**edges, **caps}.items():
        if cell in caps or drawn[cell][1] == "grid" or drawn[cell][0] == " ":
            drawn[cell] = (mark, style)
    return joined(drawn)


def _cells(weights: bytearray, styles: list[str]) -> Pieces:
    cells = []
    for half in range(0, len(weights), 2):
        pair = weights[half], weights[half + 1]
        cells.append((_CELLS[pair], styles[half] if pair[0] >= pair[1] else styles[half + 1]))
    return cells


def joined(cells: Pieces) -> Pieces:
    """Return `cells` with neighbours of one style in one piece."""
    joined: Pieces = []
    for text, style in cells:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + text, style)
        else:
            joined.append((text, style))
    return joined
