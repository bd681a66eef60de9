"""Outputs of several steps, to be recognised in what another was given.

A distinctive *value* is recognised by itself; so are the beginning of a whole line, a whole short answer, and two rare
words together. What was known before says nothing of where it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tracekit.analysis.content import LONGEST_TEXT
from tracekit.analysis.lineage.profile import Profile
from tracekit.analysis.lineage.task import Context
from tracekit.analysis.lineage.values import features_of, tokens, weight

__all__ = ["Sources"]

_RARE_WORDS = 2
"""So many rare words together are no chance."""
_LEAST_LINE = 16
"""Characters of a line that nobody writes by chance."""
_WORDS_OF_LINE = 8
"""Words by which such a line is recognised."""
_WORDS_OF_ANSWER = 4
"""Words of an answer that is no longer than a name."""
_MOST_LINES = 200

_Words = tuple[str, ...]


@dataclass(slots=True)
class Sources:
    """The values, words, lines and short answers in the outputs of the steps added, each with its step's name."""

    _values: dict[str, str] = field(default_factory=dict)
    _words: dict[str, str] = field(default_factory=dict)
    _phrases: dict[int, dict[_Words, tuple[str, str]]] = field(default_factory=dict)
    """Lines and answers, as they were written and whose they are, by how many words and by which words."""

    def add(self, member: Profile) -> None:
        """Add the output of `member`."""
        name, said = member.work.name, member.said_output
        for found, known in ((said.values, self._values), (said.words, self._words)):
            for each in found:
                known.setdefault(each, name)
        for words, line in _phrases(member.output or ""):
            self._phrases.setdefault(len(words), {}).setdefault(words, (line, name))

    def passed_to(self, other: Profile, context: Context) -> str:
        """Describe the first value of a recorded output that appears in the input of `other`, or return ""."""
        found = self.found_in(other.given or "", f"what {other.work.name} was given", context)
        if found or other.prompt is None or other.prompt == other.given:
            return found
        return self.found_in(other.prompt, f"{other.work.name}'s prompt", context)

    def found_in(self, text: str, where: str, context: Context) -> str:
        """Describe the first value of a recorded output that appears in `text`, called `where`, or return ""."""
        said = features_of(text[:LONGEST_TEXT])
        found = (
            self._value_among(said.values, text, context)
            or self._phrase_in(text[:LONGEST_TEXT], context)
            or self._words_among(said.words - context.words)
        )
        return f"{found} in {where}" if found else ""

    def _value_among(self, values: Iterable[str], text: str, context: Context) -> str:
        shared = [value for value in values if value in self._values and not context.knows(value)]
        if not shared:
            return ""
        value = min(shared, key=lambda value: (-len(value), value))
        at = text.lower().find(value)
        return f"{text[at : at + len(value)] if at >= 0 else value!r} of what {self._values[value]} said is"

    def _phrase_in(self, text: str, context: Context) -> str:
        words = tokens(text) if self._phrases else []
        for length, phrases in self._phrases.items():
            runs = zip(*(words[begin:] for begin in range(length)), strict=False)
            for written, source in (phrases[run] for run in runs if run in phrases):
                if not context.has(written):
                    return f"{written!r} of what {source} said is"
        return ""

    def _words_among(self, new: Iterable[str]) -> str:
        shared = sorted(word for word in new if word in self._words)
        if weight(shared) < _RARE_WORDS:
            return ""
        words = ", ".join(f"{word}…" for word in shared[:5])
        return f"words of what {self._words[shared[0]]} said ({words}), which stood nowhere before, are"


def _phrases(output: str) -> Iterator[tuple[_Words, str]]:
    """Return the beginnings of the long lines of `output`, or the whole of it if it is short."""
    lines = [line.strip(" \t.,;:!?\"'`*") for line in output.splitlines()[:_MOST_LINES]]
    for line in lines:
        words = tuple(tokens(line))
        # A sign of a language that parts no words is half a word.
        is_answer = len(lines) == 1 and weight(words) <= _WORDS_OF_ANSWER and len(line) > 1
        if words and (is_answer or len(line) >= _LEAST_LINE):
            yield words[:_WORDS_OF_LINE], line
