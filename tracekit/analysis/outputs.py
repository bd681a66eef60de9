"""What came of several works, to be recognised in what another was given.

A *value* is recognised by itself, a hash by its beginning, and so is a whole line, or several words together. A short
answer, such as a name, is recognised where all of it comes back; and an entry of a listing where it is joined to the path
that was listed. What was known before says nothing of where it comes from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice

from tracekit.analysis.known import Known
from tracekit.analysis.likeness import is_wide, stands_in, tokens
from tracekit.analysis.profile import Profile
from tracekit.analysis.prompted import LONGEST_TEXT
from tracekit.analysis.values import is_hash, said_in

__all__ = ["MANY_WORDS", "Outputs"]

MANY_WORDS = 3
"""So many words together nobody comes upon by chance."""
_LEAST_LINE = 16
_LONGEST_FIELD = 60
_MANY_LINES = 1000
_LONGEST_ANSWER = 60
_WORDS_OF_ANSWER = 4
_FEW_ANSWERS = 20
_MANY_ANSWERS = 100
_LONGEST_PATH = 400
_ARTICLES = frozenset(("a", "an", "the", "it", "is"))


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMMONPLACE = _word_set(
    """
    accepted all approved bad blue broken clean closed correct danger done down empty error fail failed fair false fine
    free full good great green half healthy high incorrect large late left low many medium minor mixed negative neutral
    new no none normal not nothing off ok okay old on open passed poor positive ready red rejected right safe same severe
    short sick small some strong true two unknown up very weak well works wrong yellow yes
    """
)
"""What is answered to many questions, and also stands in tasks by chance."""
_ENTRIES = re.compile(r"[^\s,;\"'\[\]()]+")


@dataclass(slots=True)
class Outputs:
    """What came of the works that were added. `values` and `words` have the name of whose they are."""

    values: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    _lines: dict[str, str] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)
    _answers: dict[str, dict[tuple[str, ...], str]] = field(default_factory=dict)
    _listed: dict[str, Profile] = field(default_factory=dict)

    def add(self, member: Profile) -> None:
        """Add what came of `member`."""
        name, output = member.work.name, member.output or ""
        for value in member.said_output.values:
            self.values.setdefault(value, name)
            if is_hash(value):
                self._hashes.setdefault(value[:6], value)
        for word in member.said_output.words:
            self.words.setdefault(word, name)
        for line in _lines(output):
            self._lines.setdefault(line, name)
        answer = _answer(output)
        if answer:
            # Found again by its longest word, or its first character where no spaces part words.
            key = max(answer, key=len)
            self._answers.setdefault(key[0] if is_wide(key[0]) else key, {})[answer] = name
        given = member.given or ""
        if len(given) <= _LONGEST_PATH:
            for line in given.splitlines():
                self._listed[line.strip().rstrip("/").lower()] = member

    def passed_to(self, other: Profile, known: Known) -> str:
        """What of it is in what `other` was given, as a sentence; empty where nothing is that was not `known`."""
        return (
            self._value_in(other, known)
            or self._line_in(other, known)
            or self._answer_in(other, known)
            or self._entry_in(other, known)
            or self._value_in_prompt(other, known)
            or self._words_in(other, known)
        )

    def _value_in(self, other: Profile, known: Known) -> str:
        said, name = other.said_given, other.work.name
        for value in sorted(said.values - known.values, key=lambda value: (-len(value), value)):
            source = value if value in self.values else self._whole_hash(value)
            if source is not None:
                written = _as_written(value, other.given or "")
                return f"{written!r} of what {self.values[source]} said is in what {name} was given"
        return ""

    def _line_in(self, other: Profile, known: Known) -> str:
        name = other.work.name
        for text in filter(None, (other.given, other.prompt)):
            # Where there is very much to look for, whole lines are looked up instead.
            lines = self._lines if len(self._lines) <= _MANY_LINES else self._lines.keys() & set(_lines(text))
            for line in lines:
                if line in text and not known.has(line):
                    return f"{_short(line)!r} of what {self._lines[line]} said is in what {name} was given"
        for line in (other.given or "").splitlines():
            # A short field, such as one word, is passed on whole.
            brief = said_in(line).words if 0 < len(line) <= _LONGEST_FIELD else frozenset()
            if 0 < len(brief) <= MANY_WORDS and brief <= self.words.keys() and not brief & known.words:
                return f"{line!r} of what {self.words[min(brief)]} said is what {name} was given"
        return ""

    def _answer_in(self, other: Profile, known: Known) -> str:
        if not self._answers:
            return ""
        given = (other.given or "")[:LONGEST_TEXT].lower()
        is_few = len(self._answers) <= _FEW_ANSWERS
        for key in self._answers if is_few else self._answers.keys() & set(tokens(given)):
            for answer, source in islice(self._answers[key].items(), _MANY_ANSWERS) if key in given else ():
                if all(stands_in(word, given) for word in answer) and not any(map(known.names, answer)):
                    return f"{' '.join(answer)!r}, all that {source} said, is in what {other.work.name} was given"
        return ""

    def _entry_in(self, other: Profile, known: Known) -> str:
        """A path that is one which was listed, with an entry of the listing."""
        for value in other.said_given.values:
            if "/" not in value:
                continue
            folder, _, entry = value.rpartition("/")
            member = self._listed.get(folder)
            if member is None or not entry or known.has_name(value):
                continue
            entries = _ENTRIES.findall((member.output or "")[:LONGEST_TEXT].lower())
            if any(each.rstrip("/").removeprefix("./") == entry for each in entries):
                return (
                    f"{entry!r}, which {member.work.name} listed in {folder!r}, is in what {other.work.name} was given"
                )
        return ""

    def _value_in_prompt(self, other: Profile, known: Known) -> str:
        """A long value that the program itself put into the prompt."""
        if other.prompt is None or other.prompt == other.given:
            return ""
        said = said_in(other.prompt[:LONGEST_TEXT])
        for value in sorted(said.values - known.values - other.said_given.values):
            is_telling = len(value) >= 6 and any(character.isdigit() for character in value)
            if is_telling and value in self.values:
                return f"{value!r} of what {self.values[value]} said is in {other.work.name}'s prompt"
        return ""

    def _words_in(self, other: Profile, known: Known) -> str:
        shared = sorted(word for word in other.said_given.words - known.words if word in self.words)
        if len(shared) < MANY_WORDS:
            return ""
        words = ", ".join(f"{word}…" for word in shared[:5])
        return f"words of what {self.words[shared[0]]} said come back in {other.work.name}'s input: {words}"

    def _whole_hash(self, value: str) -> str | None:
        if not is_hash(value):
            return None
        whole = self._hashes.get(value[:6])
        return whole if whole is not None and whole.startswith(value) else None


def _answer(output: str) -> tuple[str, ...]:
    """The words of an answer that is no longer than a name; empty where it is longer, or said of many things."""
    if not 0 < len(output) <= _LONGEST_ANSWER or output.count(" ") > _WORDS_OF_ANSWER + 1:
        return ()
    words = tuple(word for word in tokens(output) if word not in _ARTICLES)
    if words and all(map(is_wide, words)):
        whole = "".join(words)
        return (whole,) if 1 < len(whole) <= _WORDS_OF_ANSWER * 2 and whole in output else ()
    is_brief = 0 < len(words) <= _WORDS_OF_ANSWER and all(len(word) > 1 for word in words)
    return words if is_brief and not _COMMONPLACE.issuperset(words) else ()


def _lines(text: str) -> list[str]:
    """The lines of `text` that nobody writes by chance; the whole of it where it is short."""
    lines = [line.strip() for line in text.splitlines()]
    least = _LEAST_LINE if len(lines) > 1 else _LEAST_LINE // 2
    return [line for line in lines if len(line) >= least][:200]


def _as_written(value: str, text: str) -> str:
    at = text.lower().find(value)
    return text[at : at + len(value)] if at >= 0 else value


def _short(text: str) -> str:
    return text if len(text) <= 50 else text[:49] + "…"
