"""Show people the place at which the texts of two blocks differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from tracekit.analysis.caching.blocks import value_of
from tracekit.analysis.caching.breaks import Break
from tracekit.analysis.facts import Facts

__all__ = ["parting"]

_BEFORE, _AFTER = 20, 30
"""Characters that are shown before and after the place."""


def parting(facts: Facts, found: Break) -> str:
    """Return the words around the place at which a break's blocks differ, as the end of a sentence, or ""."""
    difference = found.at
    if difference is None or difference.before is None or difference.after is None:
        return ""
    if difference.before.section == "tools" and difference.before.name != difference.after.name:
        return f": {difference.before.name!r} was followed by {difference.after.name!r}"
    one = _text(value_of(facts.content.request(found.before), difference.before))
    other = _text(value_of(facts.content.request(found.after), difference.after))
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return f": {_around(one, shared)!r} was followed by {_around(other, shared)!r}"


def _around(text: str, at: int) -> str:
    start, end = max(0, at - _BEFORE), at + _AFTER
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def _text(value: Any) -> str:
    if isinstance(value, Mapping) and value.get("type") == "text":
        return str(value.get("text", ""))
    return json.dumps(value, ensure_ascii=False, default=str)
