"""Two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

__all__ = ["Edit", "words"]

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_MOST_TOKENS = 4000
"""Above this many, lines are compared first: the time that words take grows with the square of their number."""


class Edit(NamedTuple):
    """A stretch of text that both have, that only the first has, or that only the second has."""

    mark: Literal["=", "-", "+"]
    text: str


def words(before: str, after: str) -> list[Edit]:
    """Return the edits that turn `before` into `after`; a removal comes before the addition that replaces it.

    The texts of all edits but ``+`` add up to `before`, of all but ``-`` to `after`.
    """
    edits: list[Edit] = []
    for edit in _edits(before, after):
        if not edit.text:
            continue
        if edits and edits[-1].mark == edit.mark:
            edits[-1] = Edit(edit.mark, edits[-1].text + edit.text)
        else:
            edits.append(edit)
    return edits


def _edits(before: str, after: str) -> Iterator[Edit]:
    one, other = _TOKEN.findall(before), _TOKEN.findall(after)
    if len(one) + len(other) <= _MOST_TOKENS:
        yield from _sequence(one, other, nested=False)
    else:
        yield from _sequence(before.splitlines(keepends=True), after.splitlines(keepends=True), nested=True)


def _sequence(one: Sequence[str], other: Sequence[str], *, nested: bool) -> Iterator[Edit]:
    matcher = SequenceMatcher(None, one, other, autojunk=nested)
    for tag, a, a_end, b, b_end in matcher.get_opcodes():
        left, right = "".join(one[a:a_end]), "".join(other[b:b_end])
        if tag == "equal":
            yield Edit("=", left)
        elif nested and tag == "replace" and len(left) + len(right) < _MOST_TOKENS:
            yield from _sequence(_TOKEN.findall(left), _TOKEN.findall(right), nested=False)
        else:
            yield Edit("-", left)
            yield Edit("+", right)
