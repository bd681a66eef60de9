"""What a model knew before it asked for something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tracekit.analysis.likeness import has_order, is_next_in_list, is_put_after, ranges_in, stands_in
from tracekit.analysis.prompted import LONGEST_TEXT
from tracekit.analysis.values import said_in

__all__ = ["Known"]

_LONGEST_TASK = 20_000


@dataclass(slots=True)
class Known:
    """What was known before: values, words, and the text itself, as it is, in lower case, and where it tells an order."""

    values: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    text: list[str] = field(default_factory=list)
    low: list[str] = field(default_factory=list)
    ordered: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """`text` was known too."""
        said = said_in(text[:LONGEST_TEXT])
        self.values |= said.values
        self.words |= said.words
        self.text.append(text)

    def has(self, line: str) -> bool:
        """Whether `line` stands in what was known."""
        return any(line in text for text in self.text)

    def has_name(self, name: str) -> bool:
        """Whether `name`, in lower case, stands anywhere in what was known."""
        return any(name in text for text in self._low())

    def names(self, word: str) -> bool:
        """Whether `word`, or a number, stands by itself in what was known."""
        word = word.lower()
        return any(stands_in(word, text) for text in self._low())

    def puts_after(self, given: str, before: str) -> bool:
        """Whether what was known puts what is own to `given` after what is own to `before`."""
        self._low()
        return any(is_put_after(given, before, text) for text in self.ordered)

    def lists(self, given: str, before: str) -> bool:
        """Whether what was known names what is own to `given` right after what is own to `before`."""
        return any(is_next_in_list(given, before, text[:_LONGEST_TASK]) for text in self._low())

    def _low(self) -> Sequence[str]:
        more = [text.lower() for text in self.text[len(self.low) :]]
        self.low += more
        self.ordered += [text[:_LONGEST_TASK] for text in more if has_order(text[:_LONGEST_TASK])]
        return self.low

    def has_range(self, number: int) -> bool:
        """Whether a range of numbers that was named has `number` in it."""
        return any(low <= number <= high for text in self.text for low, high in ranges_in(text[:LONGEST_TEXT]))

    def unknown(self, values: frozenset[str]) -> frozenset[str]:
        """Those of `values` that were not known. A path is known by its last part, as a listing has it."""
        new = values - self.values
        return frozenset(value for value in new if "/" not in value or value.rpartition("/")[2] not in self.values)
