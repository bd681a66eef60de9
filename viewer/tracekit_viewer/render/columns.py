"""The division of a terminal's width between the tree, its facts and its bars."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

__all__ = ["Columns", "columns_of", "fitted"]

_TOKENS, _COST, _TIME = 14, 9, 10
_LEAST_LABEL, _FAIR_LABEL, _GOOD_LABEL, _MOST_LABEL = 18, 30, 40, 64
_LEAST_BAR = 14


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
    """Return the columns for `width` cells: bars have half of them; tokens are dropped first, then costs, times, bars."""
    bar = max(_LEAST_BAR, width // 2)
    for tokens, cost, time, least in (
        (_TOKENS, _COST, _TIME, _GOOD_LABEL),
        (0, _COST, _TIME, _FAIR_LABEL),
        (0, 0, _TIME, _LEAST_LABEL),
        (0, 0, 0, _LEAST_LABEL),
    ):
        label = width - bar - tokens - cost - time - 1
        if label >= least:
            spare = max(0, label - _MOST_LABEL)
            return Columns(label - spare, tokens, cost, time, bar + spare)
    return Columns(max(1, width - 1), 0, 0, 0, 0)


def fitted(text: str, width: int) -> str:
    """`text` on exactly `width` cells, cut with an ellipsis or filled with spaces."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""
