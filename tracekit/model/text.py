"""Text from models, tools and programs is data: made fit for a terminal before it is shown.

What is left has the same width in every terminal: one character, one or two cells, with few marks on it. What is taken
away leaves a visible stand-in, unless it only chose between two forms of the character beside it.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum, auto
from functools import lru_cache

__all__ = ["printable", "printable_lines"]

_MOST_MARKS = 4
"""Marks on one letter: more than any language writes, fewer than reach into the rows above and below."""

_MOST_HIDDEN = 3
"""Stand-ins in a row; of a longer run the rest is counted."""

_NAMED = {"\n": "⏎", "\t": "→", "\r": "␍"}

_QUIET = re.compile(
    "[ -~¡-¬®-˿Ͱ-҂Ҋ-֏‐-‧‰-⁞⁰-₿℀-⟿⤀-⯿。-〩〰-〾ぁ-ゖァ-ㄯㄱ-ㅣ㇀-鿿가-힣！-ﾟ🀀-🏺🐀-🛿🟠-🫿]*"  # noqa: RUF001  ranges, not words
)
"""Ranges without marks, joiners and selectors: where `isprintable` holds too, nothing is to be done."""

_JAMO = re.compile("[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]")
_FILLERS = "\u115f\u1160\u3164\uffa0"
_JOINED_SCRIPTS = ((0x0600, 0x109F), (0x1780, 0x18AF), (0xA800, 0xABFF))
"""Arabic, Syriac, the scripts of India and south-east Asia, Mongolian: their letters change shape beside a joiner."""


class _Kind(Enum):
    PLAIN = auto()
    SYMBOL = auto()
    SPACE = auto()
    MARK = auto()
    JOINER = auto()
    SELECTOR = auto()
    SKIN = auto()
    HIDDEN = auto()


def printable(text: str, *, most: int = 2000) -> str:
    r"""`text` on one line, without anything that a terminal acts on instead of showing it.

    Controls become their pictures (``␛``); bidirectional, zero-width and other invisible characters, floods of marks,
    lone surrogates, and private or unassigned code points become ``\u{202e}``. Emoji are shown one by one. What is
    longer than `most` characters is cut with an ellipsis. What this gives, it leaves alone.
    """
    cut = text[:most]
    is_quiet = cut.isprintable() and (cut.isascii() or _QUIET.fullmatch(cut))
    return (cut if is_quiet else _shown(cut)) + ("…" if len(text) > most else "")


def printable_lines(text: str) -> str:
    """Return `text`, each of its lines `printable`, for messages that names of runs and texts of errors stand in."""
    return "\n".join(printable(line, most=4000) for line in text.split("\n"))


def _shown(text: str) -> str:
    if _JAMO.search(text):
        # Syllables in pieces, as some file systems store them: whole ones have a width that all agree on.
        text = unicodedata.normalize("NFC", text)
    shown: list[str] = []
    hidden: list[str] = []
    base, marks = "", 0
    for index, character in enumerate(text):
        kind = _kind(character)
        before = text[index - 1] if index else ""
        after = text[index + 1 : index + 2]
        if kind is _Kind.MARK and base and marks < _MOST_MARKS and not hidden:
            marks += 1
            shown.append(character)
        elif kind in (_Kind.PLAIN, _Kind.SYMBOL, _Kind.SPACE):
            _tell(hidden, shown)
            shown.append(" " if kind is _Kind.SPACE else character)
            base, marks = ("" if character.isspace() else character), 0
        elif not _only_shapes(kind, character, before, after):
            hidden.append(_stand_in(character))
            base = ""
    _tell(hidden, shown)
    return "".join(shown)


def _tell(hidden: list[str], shown: list[str]) -> None:
    """Stand-ins for what is hidden."""
    if hidden:
        shown += (
            hidden if len(hidden) <= _MOST_HIDDEN + 1 else [*hidden[:_MOST_HIDDEN], f"+{len(hidden) - _MOST_HIDDEN}"]
        )
        hidden.clear()


def _stand_in(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return _NAMED.get(character, chr(0x2400 + code))
    return "␡" if code == 0x7F else f"\\u{{{code:x}}}"


def _only_shapes(kind: _Kind, character: str, before: str, after: str) -> bool:
    """Return whether `character` only chooses a form of its neighbours, as emoji and some scripts need."""
    if kind is _Kind.SKIN:
        return _is_symbol(before)
    if not before:
        return False
    if kind is _Kind.SELECTOR:
        if character in "\ufe0e\ufe0f":
            return _is_symbol(before) or before in "0123456789#*‼⁉〰〽"
        return unicodedata.category(before) == "Lo" and character not in "\ufe00\ufe01\ufe02"
    if kind is _Kind.JOINER and after:
        emoji = character == "\u200d" and (_is_symbol(before) or before == "\ufe0f" or _kind(before) is _Kind.SKIN)
        return (emoji and _is_symbol(after)) or (_is_joined(before) and _is_joined(after))
    return False


def _is_symbol(character: str) -> bool:
    return bool(character) and _kind(character) is _Kind.SYMBOL


def _is_joined(character: str) -> bool:
    is_letter = _kind(character) in (_Kind.PLAIN, _Kind.MARK)
    return is_letter and any(first <= ord(character) <= last for first, last in _JOINED_SCRIPTS)


@lru_cache(maxsize=4096)
def _kind(character: str) -> _Kind:
    code = ord(character)
    if character in "\u200c\u200d":
        return _Kind.JOINER
    if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or code in (0x180B, 0x180C, 0x180D, 0x180F):
        return _Kind.SELECTOR
    if 0x1F3FB <= code <= 0x1F3FF:
        return _Kind.SKIN
    if character in _FILLERS or code in (0x034F, 0x17B4, 0x17B5):
        return _Kind.HIDDEN
    if 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FB:
        return _Kind.MARK
    category = unicodedata.category(character)
    if category in ("Mn", "Mc", "Me"):
        return _Kind.MARK
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return _Kind.HIDDEN
    if category == "Zs":
        return _Kind.PLAIN if code in (0x20, 0x3000) else _Kind.SPACE
    return _Kind.SYMBOL if category in ("So", "Sm") else _Kind.PLAIN
