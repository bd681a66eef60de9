"""The context of a request: task, system prompt, tools and earlier messages.

What stands in it says nothing of where a value came from, and a word is *rare* if it does not stand in it: that is
measured in each run, and no list of common words is needed.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from itertools import islice

from tracekit.analysis.content import LONGEST_TEXT, Content, leaves
from tracekit.analysis.lineage.values import features_of, is_path, tokens
from tracekit.model.tree import Node

__all__ = ["Context", "PriorContext"]

_SEPARATORS = re.compile(r"[,;|\n\u3001\uff0c]")
_MOST_WORDS_BETWEEN = 4
"""Words in one entry of a list: more make a sentence of it."""
_LEAST_ITEMS = 2
_MOST_LISTS = 64
"""The newest texts in which lists are looked for."""
_MOST_CHARACTERS = 2_000_000
"""Characters of the newest texts that are kept as they are; of all others the values and words."""


class Context:
    """Texts that were known: their values, their words, and themselves. It grows while an agent works."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.values: set[str] = set()
        self.words: set[str] = set()
        self._texts: deque[str] = deque()
        self._characters = 0
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Note that `text` is known too."""
        text = text[:LONGEST_TEXT]
        said = features_of(text)
        self.values |= said.values
        self.words |= said.words
        self._texts.append(text.lower())
        self._characters += len(text)
        while self._characters > _MOST_CHARACTERS:
            self._characters -= len(self._texts.popleft())

    def has(self, line: str) -> bool:
        """Return whether `line` stands in what was known, in any case."""
        low = line.lower()
        return any(low in text for text in self._texts)

    def knows(self, value: str) -> bool:
        """Return whether the distinctive `value` was known. A path is known by its last part, as a listing has it."""
        return value in self.values or ("/" in value and value.rpartition("/")[2] in self.values)

    def lists(self, items: Sequence[str]) -> bool:
        """Return whether one text had all of `items`: as entries of one list or array, or as paths."""
        low = [item.strip().lower() for item in items]
        if len(low) < _LEAST_ITEMS or not all(low):
            return False
        are_paths = all(map(is_path, low))
        texts = (text for text in islice(reversed(self._texts), _MOST_LISTS) if all(item in text for item in low))
        return any(are_paths or _is_list(low, text) for text in texts)


class PriorContext:
    """Collects the messages that an agent's model received and sent, call by call; each message is read once."""

    def __init__(self, content: Content) -> None:
        self.known = Context()
        self._content = content
        self._read = 0

    def before(self, asked: Node) -> Context:
        """Return the context of the call `asked`: its whole request and the text of its response. Ask in order."""
        messages = self._content.messages(asked)
        if not self._read:
            self.known.add(self._content.asked_text(asked))
        else:
            new = messages.between(min(self._read, max(0, len(messages) - 1)), len(messages))
            self.known.add("\n".join(leaf for message in new for leaf in leaves(message.value)))
        self._read = max(1, len(messages))
        self.known.add(self._content.answer_text(asked))
        return self.known


def _is_list(items: Sequence[str], text: str) -> bool:
    """Return whether `items` stand in one stretch of `text` that is an enumeration, and no sentences."""
    begin = min(text.find(item) for item in items)
    end = max(text.find(item) + len(item) for item in items)
    stretch = text[begin:end]
    for item in items:
        stretch = stretch.replace(item, ",", 1)
    return all(len(tokens(entry)) <= _MOST_WORDS_BETWEEN for entry in _SEPARATORS.split(stretch))
