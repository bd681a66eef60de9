"""Counts of tokens in the forms in which senders write them."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["TOTAL_TOKENS", "count_in"]

TOTAL_TOKENS = "gen_ai.usage.total_tokens"
"""The sum of a call's tokens, which says whether the input includes the cache."""

_MOST = 1 << 40


def count_in(value: Any) -> int | None:
    """Return the count in `value`, a number or the text of one; None where there is none."""
    if isinstance(value, str):
        try:
            value = float(value) if len(value) < 32 else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if 0 <= value <= _MOST and value == int(value) else None
