"""Texts as what can be recognised again elsewhere: distinctive values, and words.

A value is distinctive if two texts hardly come upon it independently: an id, a hash, a path, a number of three digits
or more, a name in camelCase or with an underscore. Numbers are compared by what they mean (``1,284.50`` is ``1284.5``),
paths by their last component too, hashes by their beginnings. Words are compared by their first letters, so that
inflected forms are one. No list says which words are common: that is measured against what was known (see `task`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["Said", "clean", "is_hash", "is_path", "names_in", "paths_in", "said_in", "tokens", "weight"]

_TOKEN = re.compile(r"\w(?:[\w./\\:@#+,-]*\w)?")
_NUMBER = re.compile(r"\d[\d,_]*(?:\.\d+)?")
_PARTS = re.compile(r"[/\\:@#+,]+")
_HEX = re.compile(r"[0-9a-f]{6,}")
_CAMEL = re.compile(r"[a-z][A-Z]")
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
_DOTTED = re.compile(r"[A-Za-z]\.[a-z].*\.\w{1,12}$|[A-Za-z]\.[a-z]\w{0,11}$")
_WIDE_SIGNS = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WIDE = re.compile(f"[{_WIDE_SIGNS}]+")
_WORD = re.compile(rf"[{_WIDE_SIGNS}]|(?:(?![{_WIDE_SIGNS}])\w)+")
_PATH_TOKEN = re.compile(r"[\w.@+~/\\:-]+")
_FILE = re.compile(r"[\w@+-]+(?:\.[\w@+-]+)*\.[A-Za-z]\w{0,9}")
_LEAST_WORD = 4
_STEM = 5
_SHORT = 2000
_SHORT_TOKEN = 100
_LEAST_DOTTED = 4
_YEARS = range(1990, 2040)
_LONGEST_NAME = 80
_LONGEST_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Said:
    """Distinctive values and beginnings of words that a text has."""

    values: frozenset[str] = field(default_factory=frozenset)
    words: frozenset[str] = field(default_factory=frozenset)


def said_in(text: str) -> Said:
    """Return the distinctive values and the words of `text`, in time in proportion to its length."""
    return _said_again(text) if len(text) <= _SHORT else _said(text)


def tokens(text: str) -> list[str]:
    """Return the words of `text` in order, in lower case; each sign where a language parts no words."""
    return _WORD.findall(text.lower())


def weight(words: Collection[str]) -> float:
    """Return how many words `words` are worth: two signs without a space between are half a word."""
    return sum(0.5 if _WIDE.match(word) else 1.0 for word in words)


def is_hash(value: str) -> bool:
    """Whether `value` may be the beginning of a hash."""
    return bool(_HEX.fullmatch(value)) and any(character.isdigit() for character in value)


def is_path(text: str) -> bool:
    """Whether `text` has the form of a path or of a file's name."""
    return " " not in text and 1 < len(text) <= 4 * _LONGEST_NAME and ("/" in text.strip("/") or _is_file(text))


def paths_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the paths and files' names that stand anywhere in `texts`, cleaned: `./Shop/cart.py` is `shop/cart.py`."""
    found: set[str] = set()
    for text in texts:
        for token in set(_PATH_TOKEN.findall(text[:_LONGEST_TEXT])):
            if is_path(token.strip(".:")):
                found.add(clean(token.rstrip(".:")))
    return frozenset(found)


def names_in(texts: Iterable[str]) -> frozenset[str]:
    """Return those of `texts` that are a whole path, id or title by themselves: short, and without a space."""
    named = (text.strip() for text in texts)
    return frozenset(clean(text) for text in named if 1 < len(text) <= _LONGEST_NAME and " " not in text)


def clean(path: str) -> str:
    """Return `path` in the one spelling in which paths and names are compared."""
    return path.strip().strip("'\"`").replace("\\", "/").removeprefix("./").strip("/").lower() or "."


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
    """Return the distinctive values and the words of `token`."""
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
    if len(word) >= _LEAST_WORD:
        words.add(word[:_STEM])


def _is_distinctive(token: str) -> bool:
    has_both = bool(_DIGIT.search(token)) and bool(_LETTER.search(token))
    return has_both or "_" in token.strip("_") or _is_dotted(token) or bool(_CAMEL.search(token))


def _is_dotted(token: str) -> bool:
    """Whether it is a file or module: a dot between letters that end no sentence."""
    return "." in token and len(token) >= _LEAST_DOTTED and bool(_DOTTED.search(token))


def _is_file(text: str) -> bool:
    return len(text) >= _LEAST_DOTTED and bool(_FILE.fullmatch(text))


def _number(token: str) -> str:
    """Return the number in one spelling; empty if it is too common to tell anything."""
    plain = token.replace(",", "").replace("_", "")
    whole, _, fraction = plain.partition(".")
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0")
    digits = (whole + fraction).strip("0")
    if len(digits) < 3 or (not fraction and whole.isdigit() and int(whole) in _YEARS):
        return ""
    return f"{whole or '0'}.{fraction}" if fraction else whole
