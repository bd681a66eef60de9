"""The division of a terminal's width between the tree, its facts and its bars."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

__all__ = ["Columns", "columns_of", "fitted"]

_TOKENS, _COST, _TIME = 14, 9, 10
_LEAST_LABEL, _LEAST_BAR = 22, 14


@dataclass(frozen=True, slots=True)
class Columns:
    """The cells that each column has, the space before it included; 0 where there is no room for it."""

    label: int
    tokens: int
    cost: int
    time: int
    bar: int

    @property
    def bar_start(self) -> int:
        """The first cell of the bars."""
        return self.label + self.tokens + self.cost + self.time + 1


def columns_of(width: int) -> Columns:
    """Return the columns for `width` cells: costs are dropped first, then tokens, times and at last bars."""
    for tokens, cost, time in ((_TOKENS, _COST, _TIME), (_TOKENS, 0, _TIME), (0, 0, _TIME), (0, 0, 0)):
        free = width - tokens - cost - time - 1
        if free >= _LEAST_LABEL + _LEAST_BAR + (12 if tokens else 0):
            label = max(_LEAST_LABEL, min(round(free * (0.6 if free < 70 else 0.5)), 60))
            return Columns(label, tokens, cost, time, free - label)
    return Columns(max(1, width - 1), 0, 0, 0, 0)


def fitted(text: str, width: int) -> str:
    """`text` on exactly `width` cells, cut with an ellipsis or filled with spaces."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""
