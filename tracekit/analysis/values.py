"""Texts as what can be recognised again elsewhere: distinctive values, and words.

A value is distinctive if two texts hardly come upon it independently: an id, a hash, a path, a number of three digits
or more, a name in camelCase or with an underscore. Numbers are compared by what they mean (``1,284.50`` is ``1284.5``),
paths by their last component too, hashes by their beginnings. Words are compared by their stems, and short or common
ones say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["Said", "is_hash", "is_number", "said_in", "stem"]

_TOKEN = re.compile(r"\w(?:[\w./\\:@#+,-]*\w)?")
_NUMBER = re.compile(r"\d[\d,_]*(?:\.\d+)?")
_PARTS = re.compile(r"[/\\:@#+,]+")
_HEX = re.compile(r"[0-9a-f]{6,}")
_CAMEL = re.compile(r"[a-z][A-Z]")
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
_DOTTED = re.compile(r"[A-Za-z]\.[a-z].*\.\w{1,12}$|[A-Za-z]\.[a-z]\w{0,11}$")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_LEAST_WORD = 4
_STEM = 7
_SHORT = 2000
_SHORT_TOKEN = 100
_YEARS = range(1990, 2040)
_ABBREVIATIONS = frozenset({"e.g", "i.e", "a.m", "p.m", "and/or", "n/a", "w/o", "utf-8", "1st", "2nd", "3rd"})
_SUFFIXES = (
    "ations",
    "ation",
    "ings",
    "ing",
    "ies",
    "ied",
    "ions",
    "ion",
    "ed",
    "es",
    "er",
    "ers",
    "ly",
    "se",
    "e",
    "s",
)


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMMON = _word_set(
    """
    about above after again against also although always among another answer anything around because been
    before being below best better between both cannot careful carefully check close code complete concise could
    data detail detailed done down each either else ensure error errors even every everything exactly false file
    files find first folder following from full further given good have here high important include including
    information into issue issues item items just keep kind known last least less like line lines list look made
    main make many means might missing more most much must name named need needs never next none note nothing
    null okay once only open other our over part path please point possible problem problems project provide
    question quite rather ready reply report result results return right same section several shall should show
    simple since some something source still such sure take task tell than that their them then there these they
    thing this those through time true type under until upon use used user using value very want were what when
    where whether which while whole will with within without word work would write yes your
    """
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a text says: distinctive values and stems of words."""

    values: frozenset[str] = field(default_factory=frozenset)
    words: frozenset[str] = field(default_factory=frozenset)


def said_in(text: str) -> Said:
    """The distinctive values and the words of `text`. Takes time in proportion to its length."""
    return _said_again(text) if len(text) <= _SHORT else _said(text)


@lru_cache(maxsize=2048)
def _said_again(text: str) -> Said:
    return _said(text)


def _said(text: str) -> Said:
    values: set[str] = set()
    words: set[str] = set()
    for token in set(_TOKEN.findall(text)):
        more_values, more_words = _token_again(token) if len(token) <= _SHORT_TOKEN else _token(token)
        values.update(more_values)
        words.update(more_words)
    return Said(frozenset(values), frozenset(words))


@lru_cache(maxsize=8192)
def _token_again(token: str) -> tuple[Collection[str], Collection[str]]:
    return _token(token)


def _token(token: str) -> tuple[Collection[str], Collection[str]]:
    """The distinctive values and the words of `token`."""
    values: set[str] = set()
    words: set[str] = set()
    _take(token, values, words)
    return tuple(values), tuple(words)


def _take(token: str, values: set[str], words: set[str]) -> None:
    wide = None if token.isascii() else _WIDE.findall(token)
    if wide:
        # Languages without spaces: each two characters that stand together.
        words.update(run[at : at + 2] for run in wide for at in range(len(run) - 1))
        return
    low = token.lower()
    if token.isascii() and token.isalpha() and (token == low or not _CAMEL.search(token)):
        _take_word(low, words)
        return
    if low in _ABBREVIATIONS:
        return
    if _NUMBER.fullmatch(token):
        number = _number(token)
        if number:
            values.add(number)
        return
    parts = _PARTS.split(low)
    if len(parts) > 1 or _is_distinctive(token):
        if len(parts) > 1 and all(part.isalpha() for part in parts) and "/" not in token and "\\" not in token:
            # Two words with a comma or a colon between.
            for part in parts:
                _take_word(part, words)
            return
        values.add(low)
        for part in token.split("/") if "/" in token else _PARTS.split(token):
            if part and part != token:
                _take_part(part, values)
        return
    for part in re.split(r"[-._]", low):
        _take_word(part, words)


def _take_part(part: str, values: set[str]) -> None:
    if _NUMBER.fullmatch(part):
        number = _number(part)
        if number:
            values.add(number)
    elif _is_distinctive(part):
        values.add(part.lower())


def _take_word(word: str, words: set[str]) -> None:
    if len(word) >= _LEAST_WORD and word not in _COMMON:
        words.add(stem(word))


def _is_distinctive(token: str) -> bool:
    has_both = bool(_DIGIT.search(token)) and bool(_LETTER.search(token))
    return has_both or "_" in token.strip("_") or _is_dotted(token) or bool(_CAMEL.search(token))


def _is_dotted(token: str) -> bool:
    """A file or module: a dot between letters that end no sentence."""
    return "." in token and bool(_DOTTED.search(token))


def _number(token: str) -> str:
    """The number in one spelling; empty if it is too common to tell anything."""
    plain = token.replace(",", "").replace("_", "")
    whole, _, fraction = plain.partition(".")
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0")
    digits = (whole + fraction).strip("0")
    if len(digits) < 3 or (not fraction and whole.isdigit() and int(whole) in _YEARS):
        return ""
    return f"{whole or '0'}.{fraction}" if fraction else whole


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """The beginning of `word` that its inflected forms share, more or less."""
    word = word.lower()
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _LEAST_WORD:
            word = word.removesuffix(suffix)
            break
    return word[:_STEM]


def is_number(value: str) -> bool:
    """Whether `value` is a plain number."""
    return bool(_NUMBER.fullmatch(value))


def is_hash(value: str) -> bool:
    """Whether `value` may be the beginning of a hash."""
    return bool(_HEX.fullmatch(value)) and any(character.isdigit() for character in value)
