"""Texts as what can be recognised again elsewhere: distinctive values, and words.

A value is distinctive if two texts hardly come upon it independently: an id, a hash, a path, a number of three digits
or more, a name in camelCase or with an underscore. Numbers are compared by what they mean (``1,284.50`` is ``1284.5``),
paths by their components too, hashes by their beginnings. Words are compared by their first letters, so that inflected
forms are one. No list says which words are common: that is measured against what was known (see `task`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

__all__ = ["TextFeatures", "clean", "features_of", "is_path", "names_in", "paths_in", "tokens", "weight"]

_TOKEN = re.compile(r"\w(?:[\w./\\:@#+,-]{0,200}\w)?")
_NUMBER = re.compile(r"\d[\d,_]*(?:\.\d+)?")
_PARTS = re.compile(r"[/\\:@#+,]+")
_HASH = re.compile(r"(?=.*\d)[0-9a-f]{7,}")
_TELLING = re.compile(r".*(?:[a-z][A-Z]|[^_]_+[^_]|[^/]/[^/]|\d.*[^\W\d_]|[^\W\d_].*\d)")
"""Camel case, an underscore or a slash within, or digits and letters."""
_WIDE_SIGNS = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WIDE = re.compile(f"[{_WIDE_SIGNS}]+")
_WORD = re.compile(rf"[{_WIDE_SIGNS}]|(?:(?![{_WIDE_SIGNS}])\w)+")
_PATH_TOKEN = re.compile(r"[\w.@+~/\\:-]+")
_FILE = re.compile(r"(?=.{4})[\w@+-]+(?:\.[\w@+-]+)*\.[a-z]\w{0,9}")
_LEAST_WORD = 4
_STEM = 5
_LEAST_DIGITS = 3
_YEARS = range(1990, 2040)
_LONGEST_NAME = 80
_LONGEST_TEXT = 100_000


class TextFeatures(NamedTuple):
    """Distinctive values and beginnings of words that a text has."""

    values: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()


@lru_cache(maxsize=64)
def features_of(text: str) -> TextFeatures:
    """Return the distinctive values and the words of `text`, in time in proportion to its length."""
    values, words = zip(TextFeatures(), *map(_of_token, set(_TOKEN.findall(text))), strict=True)
    return TextFeatures(frozenset().union(*values), frozenset().union(*words))


def tokens(text: str) -> list[str]:
    """Return the words of `text` in order, in lower case; each sign where a language parts no words."""
    return _WORD.findall(text.lower())


def weight(words: Collection[str]) -> float:
    """Return how many words `words` are worth: two signs without a space between are half a word."""
    return sum(0.5 if _WIDE.match(word) else 1.0 for word in words)


def is_path(text: str) -> bool:
    """Return whether `text` has the form of a path or of a file name."""
    return (
        " " not in text
        and 1 < len(text) <= 4 * _LONGEST_NAME
        and ("/" in text.strip("/") or bool(_FILE.fullmatch(text)))
    )


def paths_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the paths and files' names that stand anywhere in `texts`, cleaned: `./Shop/cart.py` is `shop/cart.py`."""
    found = {token.strip(".:").lower() for text in texts for token in _PATH_TOKEN.findall(text[:_LONGEST_TEXT])}
    return frozenset(clean(token) for token in found if is_path(token))


def names_in(texts: Iterable[str]) -> frozenset[str]:
    """Return those of `texts` that are a whole path, id or title by themselves: short, and without a space."""
    named = (text.strip() for text in texts)
    return frozenset(clean(text) for text in named if 1 < len(text) <= _LONGEST_NAME and " " not in text)


def clean(path: str) -> str:
    """Return `path` in the one spelling in which paths and names are compared."""
    return path.strip().strip("'\"`").replace("\\", "/").removeprefix("./").strip("/").lower() or "."


@lru_cache(maxsize=8192)
def _of_token(token: str) -> TextFeatures:
    """Return the distinctive values of `token`, in lower case, or its words if there are none."""
    wide = () if token.isascii() else _WIDE.findall(token)
    if wide:
        # Languages without spaces: each two characters that stand together.
        return TextFeatures(words=frozenset(run[at : at + 2] for run in wide for at in range(len(run) - 1)))
    is_one = token.isalnum() or _NUMBER.fullmatch(token)
    parts = {token} if is_one else {token, *token.split("/"), *_PARTS.split(token)}
    values = frozenset(value for part in parts for value in _values(part))
    words = () if values else (word for word in re.split(r"[\W_]+", token.lower()) if len(word) >= _LEAST_WORD)
    return TextFeatures(values, frozenset(word[:_STEM] for word in words))


def _values(part: str) -> Collection[str]:
    if _NUMBER.fullmatch(part):
        return _number(part)
    if _HASH.fullmatch(part):
        return part, part[:7]
    return (part.lower(),) if _TELLING.match(part) or _FILE.fullmatch(part) else ()


def _number(token: str) -> Collection[str]:
    """Return the number in one spelling; nothing if it is too common to tell anything."""
    whole, _, fraction = re.sub("[,_]", "", token).lstrip("0").partition(".")
    fraction = fraction.rstrip("0")
    if len((whole + fraction).strip("0")) < _LEAST_DIGITS or (not fraction and int(whole) in _YEARS):
        return ()
    return (f"{whole}.{fraction}" if fraction else whole,)
