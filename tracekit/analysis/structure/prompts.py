"""The first texts of possible subagents. Texts that many share are read and searched once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from tracekit.analysis.structure.calls import LlmCall, text_in
from tracekit.model.history import Message

__all__ = ["Prompts"]

_MOST_FOUND = 100_000
_MOST_CHARACTERS = 4_000_000


class Prompts:
    """The system prompts and messages of the first calls of possible subagents.

    Args:
        firsts: The first call of each work, in the order of the works; None where it has none.
    """

    def __init__(self, firsts: Sequence[LlmCall | None]) -> None:
        self._firsts = firsts
        self._found: dict[tuple[str, bytes], bool] = {}
        self._texts: dict[bytes, str] = {}
        self._characters = 0

    def has(self, first: LlmCall, text: str) -> bool:
        """Return whether the prompt of the subagent whose `first` call is given has `text`."""
        if text in first.system:
            return True
        new: list[Message] = []
        found = False
        for message in first.messages.back():
            known = self._found.get((text, message.key))
            if known is not None:
                found = known
                break
            new.append(message)
        if len(self._found) > _MOST_FOUND:
            self._found.clear()
        for message in reversed(new):
            found = found or text in self._text(message)
            self._found[text, message.key] = found
        return found

    def having(self, text: str, low: int) -> Iterator[int]:
        """Yield the numbers, from `low` on, of the subagents whose prompt has `text`."""
        joined, begins, holders = self._all
        at = joined.find(text)
        while at >= 0:
            number = bisect_right(begins, at) - 1
            yield from holders[number][bisect_left(holders[number], low) :]
            at = joined.find(text, begins[number + 1])

    @cached_property
    def _all(self) -> tuple[str, list[int], list[list[int]]]:
        """The different texts joined for a fast search, the begin of each and the end, and the subagents of each."""
        holders: dict[str | bytes, list[int]] = {}
        texts: list[str] = []
        for number, first in enumerate(self._firsts):
            if first is None:
                continue
            if first.system not in holders:
                texts.append(f"{first.system}\0")
            holders.setdefault(first.system, []).append(number)
            for message in first.messages.back():
                if message.key not in holders:
                    texts.append(f"{text_in(message)}\0")
                holders.setdefault(message.key, []).append(number)
        return "".join(texts), [0, *accumulate(map(len, texts))], list(holders.values())

    def _text(self, message: Message) -> str:
        text = self._texts.get(message.key)
        if text is None:
            text = text_in(message)
            self._characters += len(text)
            if self._characters > _MOST_CHARACTERS:
                self._texts.clear()
                self._characters = len(text)
            self._texts[message.key] = text
        return text
