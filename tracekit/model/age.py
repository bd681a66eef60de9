"""Ages as users write them: ``30d``, ``12h``, ``90m``."""

from __future__ import annotations

import re

__all__ = ["AGE_HINT", "seconds_of_age"]

AGE_HINT = "a number and s, m, h, d or w, as in 30d"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def seconds_of_age(text: str) -> float | None:
    """Return the seconds of an age; None where the text is no age."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.lower())
    return None if match is None else float(match[1]) * _SECONDS[match[2]]
