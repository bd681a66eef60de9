"""A JSON value as lines of keys and values, made as they are asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tracekit_viewer.render.block import Style

__all__ = ["Entry", "outline", "parsed"]

Entry = tuple[int, str, str, Style]
"""Depth, key with its colon (or a list's dash), the value's text, and how it looks."""

_LONGEST_PARSED = 2_000_000
_LOOKS_OTHERWISE = re.compile(r"\s|\s*\Z|.*\s\Z|(?:true|false|null|-?\d[\d.eE+-]*|[\[{\"].*)\Z", re.DOTALL)
"""Texts that could be taken for another value, or whose ends could not be seen: they keep their quotes."""


def outline(value: Any) -> Iterator[Entry]:
    """The lines of `value`. Deep values are walked without recursion."""
    stack: list[tuple[int, str, Any]] = [(0, "", value)]
    while stack:
        depth, key, item = stack.pop()
        if isinstance(item, dict) and item:
            entries = [(depth, f"{name}:", child) for name, child in item.items()]
            if key == "-":
                # An object in a list begins beside its dash.
                entries = [(at + 1, name, child) for at, name, child in entries]
                entries[0] = (depth, f"- {entries[0][1]}", entries[0][2])
            elif key:
                yield depth, key, "", "text"
                depth += 2 if key.startswith("- ") else 1
                entries = [(depth, name, child) for _, name, child in entries]
            stack += reversed(entries)
        elif isinstance(item, list) and item:
            if key:
                yield depth, key, "", "text"
                depth += 2 if key.startswith("- ") else 1
            stack += [(depth, "-", child) for child in reversed(item)]
        else:
            yield depth, key, *_scalar(item)


def _scalar(item: Any) -> tuple[str, Style]:
    if not isinstance(item, str):
        return json.dumps(item, default=str), "dim" if item is None else "text"
    if len(item) < 40 and _LOOKS_OTHERWISE.match(item):
        return json.dumps(item, ensure_ascii=False), "text"
    return item, "text"


def parsed(text: str) -> Any:
    """The object or list that `text` is, as JSON; None where it is anything else."""
    start = text.lstrip()[:1] if len(text) <= _LONGEST_PARSED else ""
    if start not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
