"""Recognise volatile values (ids, dates, temporary paths) in requests, and propose `ignore` entries for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tracekit.replayer.differences import Difference

__all__ = ["KINDS", "Proposal", "proposals"]

KINDS: Mapping[str, str] = {
    "a UUID": r"\b[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\b",
    "a date and time": r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?",
    "a date": r"\b\d{4}-\d\d-\d\d\b",
    "a time of day": r"\b\d\d:\d\d(?::\d\d(?:\.\d+)?)?\b",
    "a temporary path": r"(?:/private)?(?:/var/folders|/var/tmp|/tmp)/[\w./-]*\w",
    "a hexadecimal id": r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b",
}
"""Patterns of texts that rarely repeat, the most specific first; they may match anywhere in a request."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CONTEXT = 16


class Proposal(NamedTuple):
    """An entry for `ignore`, the kind of value that it covers, and an example from each recording."""

    entry: str
    what: str
    recorded: str
    other: str


def proposals(difference: Difference) -> list[Proposal]:
    """Return the entries that cover `difference`, or none if the program itself may have changed."""
    old, new = difference.recorded, difference.asked
    if difference.place.startswith("metadata."):
        return [Proposal(difference.place, "metadata", str(old), str(new))]
    if not isinstance(old, str) or not isinstance(new, str) or difference.place in ("path", "query"):
        return []
    found: list[Proposal] = []
    for what, pattern in KINDS.items():
        was, now = re.findall(pattern, old), re.findall(pattern, new)
        if was != now and len(was) == len(now):
            first = next(number for number, pair in enumerate(zip(was, now, strict=True)) if pair[0] != pair[1])
            found.append(Proposal(f"/{pattern}/", what, was[first], now[first]))
            old, new = re.sub(pattern, "\0", old), re.sub(pattern, "\0", new)
    if old != new:
        numbers = list(_numbers(old, new))
        found += numbers
        for proposal in numbers:
            old, new = (re.sub(proposal.entry[1:-1], "\0", text) for text in (old, new))
    return found if old == new else []


def _numbers(old: str, new: str) -> Iterator[Proposal]:
    """Yield entries for numbers that differ, each with the text before it: a bare number could be anything."""
    was, now = list(_NUMBER.finditer(old)), list(_NUMBER.finditer(new))
    if _NUMBER.sub("", old) != _NUMBER.sub("", new):
        return
    for a, b in zip(was, now, strict=True):
        if a[0] == b[0]:
            continue
        before = _NUMBER.split(old[max(0, a.start() - _CONTEXT) : a.start()])[-1].rpartition("\0")[2]
        if before.strip():
            yield Proposal(f"/{re.escape(before)}{_NUMBER.pattern}/", "a number", a[0], b[0])
