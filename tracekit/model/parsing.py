"""JSON of strangers: requests, responses and journals, parsed into values that code can walk."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["MOST_DEPTH", "is_deeper", "parse_json"]

MOST_DEPTH = 200
"""Levels of lists and objects within each other. Python's stack, which walks them, has a thousand places."""


def parse_json(text: str | bytes, *, most_depth: int | None = MOST_DEPTH) -> Any:
    """Parse `text` as JSON.

    Args:
        text: JSON as text, or as bytes in UTF-8, UTF-16 or UTF-32.
        most_depth: How many levels it may have; None for as many as Python's stack has places.

    Raises:
        ValueError: It is no JSON (NaN and Infinity are none), holds a number that no program holds exactly, or has too many levels.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if most_depth is not None and text.count("[") + text.count("{") > most_depth and is_deeper(value, most_depth):
        raise ValueError(_TOO_DEEP)
    return value


def is_deeper(value: Any, most: int = MOST_DEPTH) -> bool:
    """Return whether `value`, which is JSON, has more than `most` levels."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(most):
        if not level:
            return False
        level = [
            item
            for each in level
            for item in (each.values() if type(each) is dict else each)
            if type(item) in _CONTAINERS
        ]
    return bool(level)


_CONTAINERS = (dict, list)

_TOO_DEEP = "it has too many levels of lists and objects"


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_number)
