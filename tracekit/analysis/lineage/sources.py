"""Outputs of several steps, to be recognised in what another was given.

A distinctive *value* is recognised by itself, a hash by its beginning; so are a whole line, a whole short answer, the
entry of a listing where it is joined to the folder that was listed, and two rare words together. What was known before
says nothing of where it came from.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import islice

from tracekit.analysis.lineage.profile import Profile
from tracekit.analysis.lineage.task import Context
from tracekit.analysis.lineage.values import is_hash, said_in, tokens, weight
from tracekit.analysis.prompted import LONGEST_TEXT

__all__ = ["RARE_WORDS", "Sources"]

RARE_WORDS = 2
"""So many rare words together are no chance."""
_LEAST_LINE = 16
_MANY_LINES = 1000
_LONGEST_ANSWER = 60
_WORDS_OF_ANSWER = 4
_FEW_ANSWERS = 20
_MANY_ANSWERS = 100
_LONGEST_PATH = 400
_LEAST_OF_PROMPT = 6
_ENTRIES = re.compile(r"[^\s,;\"'\[\]()]+")


@dataclass(slots=True)
class Sources:
    """What came of the steps that were added: each value, word, line and answer with the name of its step."""

    _values: dict[str, str] = field(default_factory=dict)
    _words: dict[str, str] = field(default_factory=dict)
    _lines: dict[str, str] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)
    _answers: dict[str, dict[tuple[str, ...], str]] = field(default_factory=dict)
    _listings: dict[str, Profile] = field(default_factory=dict)

    def add(self, member: Profile) -> None:
        """Add what came of `member`."""
        name, output = member.work.name, member.output or ""
        for value in member.said_output.values:
            self._values.setdefault(value, name)
            if is_hash(value):
                self._hashes.setdefault(value[:6], value)
        for word in member.said_output.words:
            self._words.setdefault(word, name)
        for line in _lines(output):
            self._lines.setdefault(line, name)
        answer = _answer(output)
        if answer:
            self._answers.setdefault(max(answer, key=len), {})[answer] = name
        given = member.given or ""
        if len(given) <= _LONGEST_PATH:
            for line in given.splitlines():
                self._listings[line.strip().rstrip("/").lower()] = member

    def passed_to(self, other: Profile, context: Context) -> str:
        """Return a sentence on what of it is in what `other` was given; empty where nothing is that was not known."""
        where = f"what {other.work.name} was given"
        return (
            self._found_in(other.given or "", where, context)
            or self._entry_in(other, context)
            or self._value_in_prompt(other, context)
        )

    def spoken_of(self, said: str, context: Context) -> str:
        """Return the same for what the model `said` just before it asked."""
        return self._found_in(said, "what the model said when it asked", context) if said else ""

    def _found_in(self, text: str, where: str, context: Context) -> str:
        text = text[:LONGEST_TEXT]
        said = said_in(text)
        found = (
            self._value_among(said.values, text, context)
            or self._line_in(text, context)
            or self._answer_in(text, context)
            or self._words_among(said.words - context.words)
        )
        return f"{found} in {where}" if found else ""

    def _value_among(self, values: Iterable[str], text: str, context: Context) -> str:
        for value in sorted(values, key=lambda value: (-len(value), value)):
            source = value if value in self._values else self._whole_hash(value)
            if source is not None and not context.knows(value):
                return f"{_as_written(value, text)!r} of what {self._values[source]} said is"
        return ""

    def _line_in(self, text: str, context: Context) -> str:
        # Where there is very much to look for, whole lines are looked up instead.
        lines = self._lines if len(self._lines) <= _MANY_LINES else self._lines.keys() & set(_lines(text))
        for line in lines:
            if line in text and not context.has(line):
                return f"{_short(line)!r} of what {self._lines[line]} said is"
        return ""

    def _answer_in(self, text: str, context: Context) -> str:
        if not self._answers:
            return ""
        words = tokens(text)
        spaced = f" {' '.join(words)} "
        keys = self._answers if len(self._answers) <= _FEW_ANSWERS else self._answers.keys() & set(words)
        for key in keys:
            for answer, source in islice(self._answers[key].items(), _MANY_ANSWERS) if key in spaced else ():
                whole = " ".join(answer)
                if f" {whole} " in spaced and not context.has("".join(answer) if _is_wide(answer) else whole):
                    return f"{whole!r}, all that {source} said, is"
        return ""

    def _words_among(self, new: Collection[str]) -> str:
        shared = sorted(word for word in new if word in self._words)
        if weight(shared) < RARE_WORDS:
            return ""
        words = ", ".join(f"{word}…" for word in shared[:5])
        return f"words of what {self._words[shared[0]]} said ({words}), which stood nowhere before, are"

    def _entry_in(self, other: Profile, context: Context) -> str:
        """Find a path that is one which was listed, with an entry of the listing."""
        for value in other.said_given.values:
            folder, _, entry = value.rpartition("/")
            member = self._listings.get(folder) if entry else None
            if member is None or context.has(value):
                continue
            entries = _ENTRIES.findall((member.output or "")[:LONGEST_TEXT].lower())
            if any(each.rstrip("/").removeprefix("./") == entry for each in entries):
                return (
                    f"{entry!r}, which {member.work.name} listed in {folder!r}, is in what {other.work.name} was given"
                )
        return ""

    def _value_in_prompt(self, other: Profile, context: Context) -> str:
        """Find a value or a line that the program itself put into the prompt."""
        if other.prompt is None or other.prompt == other.given:
            return ""
        text = other.prompt[:LONGEST_TEXT]
        values = said_in(text).values - other.said_given.values
        telling = [value for value in values if len(value) >= _LEAST_OF_PROMPT and any(map(str.isdigit, value))]
        found = self._value_among(telling, text, context) or self._line_in(text, context)
        return f"{found} in {other.work.name}'s prompt" if found else ""

    def _whole_hash(self, value: str) -> str | None:
        if not is_hash(value):
            return None
        whole = self._hashes.get(value[:6])
        return whole if whole is not None and whole.startswith(value) else None


def _answer(output: str) -> tuple[str, ...]:
    """Return the words of an answer that is no longer than a name; empty where it is longer."""
    if not 0 < len(output) <= _LONGEST_ANSWER:
        return ()
    words = tuple(tokens(output))
    most = 2 * _WORDS_OF_ANSWER if _is_wide(words) else _WORDS_OF_ANSWER
    return words if 0 < len(words) <= most and len("".join(words)) > 1 else ()


def _is_wide(words: tuple[str, ...]) -> bool:
    return all(len(word) == 1 and not word.isascii() for word in words)


def _lines(text: str) -> list[str]:
    """Return the lines of `text` that nobody writes by chance; the whole of it where it is short."""
    lines = [line.strip() for line in text.splitlines()]
    least = _LEAST_LINE if len(lines) > 1 else _LEAST_LINE // 2
    return [line for line in lines if len(line) >= least][:200]


def _as_written(value: str, text: str) -> str:
    at = text.lower().find(value)
    return text[at : at + len(value)] if at >= 0 else value


def _short(text: str) -> str:
    return text if len(text) <= 50 else text[:49] + "…"
