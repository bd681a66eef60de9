"""Compare two requests field by field, and their texts word by word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from tracekit.model.text import printable

__all__ = ["Difference", "differences", "likeness", "words_changed"]

_CONTEXT_WORDS = 4
_LONGEST = 400
_FIELDS = ("system", "tools", "model", "max_tokens")


class Difference(NamedTuple):
    """A place in which two requests differ, such as ``messages[2].content[0].text``. A missing value is None."""

    place: str
    recorded: Any
    asked: Any

    def lines(self) -> list[str]:
        """Return the difference for people: its place, the recorded value, and the value sent now."""
        if isinstance(self.recorded, str) and isinstance(self.asked, str):
            old, new = words_changed(self.recorded, self.asked)
        else:
            old, new = _short(self.recorded), _short(self.asked)
        return [f"{self.place}:", f"  - {old}", f"  + {new}"]


def differences(recorded: Any, asked: Any, place: str = "") -> Iterator[Difference]:
    """Iterate over the places in which the JSON value `asked` differs from `recorded`."""
    if isinstance(recorded, dict) and isinstance(asked, dict):
        if recorded == asked and list(recorded) != list(asked):
            yield Difference(
                place or "body", *(f"in the order: {', '.join(map(str, each))}" for each in (recorded, asked))
            )
        for name in [*recorded, *(name for name in asked if name not in recorded)]:
            inner = f"{place}.{name}" if place else str(name)
            yield from _one(name in recorded, recorded.get(name), name in asked, asked.get(name), inner)
    elif isinstance(recorded, list) and isinstance(asked, list):
        for number in range(max(len(recorded), len(asked))):
            old = recorded[number] if number < len(recorded) else None
            new = asked[number] if number < len(asked) else None
            yield from _one(number < len(recorded), old, number < len(asked), new, f"{place}[{number}]")
    elif recorded != asked or type(recorded) is not type(asked):
        yield Difference(place or "body", recorded, asked)


def _one(was: bool, old: Any, is_now: bool, new: Any, place: str) -> Iterator[Difference]:
    """Yield the differences of a field that either side may lack; a missing field is not the same as null."""
    if was and is_now:
        yield from differences(old, new, place)
    elif old is None and new is None:
        yield Difference(place, "null" if was else None, "null" if is_now else None)
    else:
        yield Difference(place, old, new)


def words_changed(old: str, new: str) -> tuple[str, str]:
    """Return the words of `old` and `new` around the change, with ``…`` in place of the rest."""
    a, b = old.split(), new.split()
    if a == b:
        return repr(old)[:_LONGEST], repr(new)[:_LONGEST]
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return _window(a, start, end), _window(b, start, end)


def _window(words: list[str], start: int, end: int) -> str:
    first, last = max(0, start - _CONTEXT_WORDS), min(len(words), len(words) - end + _CONTEXT_WORDS)
    text = " ".join(words[first:last])
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
    return printable(f"{'… ' if first else ''}{text}{' …' if last < len(words) else ''}")


def _short(value: Any) -> str:
    if value is None:
        return "(not there)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …")


def likeness(recorded: Any, asked: Any) -> float:
    """Return how alike two requests are, from 0 to 1, by their fields and by their first and last messages."""
    if not isinstance(recorded, dict) or not isinstance(asked, dict):
        return float(recorded == asked)
    fields = [_alike(recorded.get(name), asked.get(name)) for name in _FIELDS]
    old, new = (each if isinstance(each, list) else [] for each in (recorded.get("messages"), asked.get("messages")))
    shared = sum(a == b for a, b in zip(old, new, strict=False)) / max(len(old), len(new), 1)
    ends = [_alike(a, b) for a, b in ((old[:1], new[:1]), (old[-1:], new[-1:]))]
    # The system prompt tells agents apart, and what was said tells their calls apart.
    weighted = [3 * fields[0], 2 * fields[1], 0.5 * fields[2], 0.5 * fields[3], 2 * shared, 2 * ends[0], 2 * ends[1]]
    return float(sum(weighted) / 12)


def _alike(a: Any, b: Any) -> float:
    if a == b:
        return 1.0
    if a is None or b is None:
        return 0.0
    texts = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in (a, b)]
    return SequenceMatcher(None, texts[0][:2000], texts[1][:2000], autojunk=False).quick_ratio() * 0.9
