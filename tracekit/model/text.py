"""Text from models, tools and programs is data: made fit for a terminal before it is shown."""

from __future__ import annotations

import unicodedata

__all__ = ["printable"]

_NAMED = {"\n": "⏎", "\t": "→", "\r": "␍"}


def printable(text: str, *, most: int = 2000) -> str:
    """`text` on one line, without anything that a terminal acts on instead of showing it.

    Control characters (C0, C1), bidirectional and zero-width ones, lone surrogates and private or unassigned code
    points become visible stand-ins; what is longer than `most` characters is cut with an ellipsis.
    """
    cut = text[:most]
    shown = cut if cut.isascii() and cut.isprintable() else "".join(map(_shown, cut))
    return shown + ("…" if len(text) > most else "")


def _shown(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"<{ord(character):02x}>"
    return character
