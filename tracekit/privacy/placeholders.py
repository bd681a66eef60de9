"""The placeholders that stand for redacted texts: ``[redacted:RULE]``, the same for every match of a rule."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["PLACEHOLDER", "is_redacted", "is_withheld", "placeholder"]

PLACEHOLDER: Final = re.compile(r"\[redacted:[^\[\]]{1,100}\]")
_TOO_SLOW = ", out of time"
_WITHHELD = re.compile(rf"\[redacted:[^\[\]]{{1,100}}{_TOO_SLOW}\]")


def placeholder(rule: str, *, withheld: bool = False) -> str:
    """Return the placeholder of `rule`, a longer one if the rule ran out of time on the text."""
    return f"[redacted:{rule}{_TOO_SLOW if withheld else ''}]"


def is_redacted(text: str) -> bool:
    """Return whether something in `text` was redacted."""
    return PLACEHOLDER.search(text) is not None


def is_withheld(text: str) -> bool:
    """Return whether a text in `text` was withheld as a whole, since a rule took too long on it."""
    return _WITHHELD.search(text) is not None
