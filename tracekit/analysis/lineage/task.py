"""The context in which something was asked for: task, system prompt, tools and all that was said before.

What stands in it says nothing of where a value came from, and a word is *rare* if it does not stand in it: that is
measured in each run, and no list of common words is needed.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from tracekit.analysis.lineage.values import is_path, said_in, tokens
from tracekit.analysis.prompted import LONGEST_TEXT

__all__ = ["Context"]

_SEPARATORS = re.compile(r"[,;|\n\u3001\uff0c]")
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[\u3002\uff01\uff1f]")
_MOST_WORDS_BETWEEN = 4
"""Words in one entry of a list: more make a sentence of it."""
_MOST_LISTS = 64
"""The newest texts in which lists are looked for."""
_LONGEST_LIST = 40_000
_LEAST_ITEM = 2
_MOST_WAITING = 32
_LEAST_BLOCK = 50_000
_MOST_CHARACTERS = 2_000_000
"""Characters of the newest texts that are kept as they are; of all others the values and words."""


class Context:
    """Texts that were known: their values, their words, and themselves. It grows while an agent works."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.values: set[str] = set()
        self.words: set[str] = set()
        self._newest: deque[str] = deque(maxlen=_MOST_LISTS)
        self._blocks: deque[str] = deque()
        self._waiting: list[str] = []
        self._characters = 0
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Note that `text` is known too."""
        if not text:
            return
        said = said_in(text[:LONGEST_TEXT])
        self.values |= said.values
        self.words |= said.words
        low = text[:LONGEST_TEXT].lower()
        self._newest.append(low)
        self._waiting.append(low)
        if len(self._waiting) >= _MOST_WAITING:
            self._join()

    def has(self, line: str) -> bool:
        """Return whether `line` stands in what was known, in any case."""
        low = line.lower()
        return any(low in text for text in self._waiting) or any(low in text for text in self._blocks)

    def knows(self, value: str) -> bool:
        """Return whether the distinctive `value` was known. A path is known by its last part, as a listing has it."""
        return value in self.values or ("/" in value and value.rpartition("/")[2] in self.values)

    def lists(self, items: Sequence[str]) -> bool:
        """Return whether one text had all of `items`: as entries of one list or array, or as paths."""
        low = [item.strip().lower() for item in items]
        if len(low) < _LEAST_ITEM or not all(low):
            return False
        are_paths = all(map(is_path, low))
        texts = [text for text in self._newest if all(item in text for item in low)]
        return any(are_paths or _is_list(low, text[:_LONGEST_LIST]) for text in texts)

    def _join(self) -> None:
        """Put the texts that wait into one block, which is searched at once, and drop the oldest of too many."""
        block = "\n".join(self._waiting)
        self._waiting.clear()
        if self._blocks and len(self._blocks[-1]) < _LEAST_BLOCK:
            last = self._blocks.pop()
            self._characters -= len(last)
            block = f"{last}\n{block}"
        self._blocks.append(block)
        self._characters += len(block)
        while self._characters > _MOST_CHARACTERS and len(self._blocks) > 1:
            self._characters -= len(self._blocks.popleft())


def _is_list(items: Sequence[str], text: str) -> bool:
    """Return whether `items` stand in one stretch of `text` that is an enumeration, and no sentences."""
    places = sorted((text.find(item), item) for item in items)
    if places[0][0] < 0:
        return False
    begin, end = places[0][0], places[-1][0] + len(places[-1][1])
    stretch = text[begin:end]
    for item in items:
        stretch = stretch.replace(item, ",", 1)
    if _SENTENCE_END.search(stretch):
        return False
    return all(len(tokens(entry)) <= _MOST_WORDS_BETWEEN for entry in _SEPARATORS.split(stretch))
