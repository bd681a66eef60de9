"""Lanes by their names: each is the name of the lane that started it plus a part of its own."""

from __future__ import annotations

from functools import reduce
from itertools import takewhile

__all__ = ["common_lane", "depth_of", "is_below"]


def common_lane(first: str, *others: str) -> str:
    """Return the innermost lane that all are, or were started from; "" if there is none."""
    return reduce(_common, others, first)


def depth_of(lane: str) -> int:
    """Return the number of lanes on the way to `lane`, with itself."""
    return lane.count(".") + 1 if lane else 0


def is_below(lane: str, above: str) -> bool:
    """Return whether `lane` was started from `above`, directly or not."""
    return lane.startswith(above + ".")


def _common(one: str, other: str) -> str:
    parts = takewhile(lambda pair: pair[0] == pair[1], zip(one.split("."), other.split("."), strict=False))
    return ".".join(part for part, _ in parts)
