"""Regular expressions that others wrote: checked before they are used, and cut off in time."""

from __future__ import annotations

import re
from time import thread_time
from typing import TYPE_CHECKING

from tracekit.origin import pass_on

if TYPE_CHECKING:
    import regex

__all__ = ["Pattern", "PatternError", "PatternTimeoutError"]

_LONGEST = 10_000
_MOST_COPIES = 10_000
"""Elements of a compiled pattern: what must repeat n times is compiled n times."""
_LEAST_S = 0.001
_BUSY = 16

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?P<least>\d*)(?:,\d*)?\}|.", re.DOTALL)


class PatternError(ValueError):
    """The text is no pattern that can be used. The message says why."""


class PatternTimeoutError(Exception):
    """A pattern took longer than it may."""


class Pattern:
    """A regular expression as the standard library's `re` understands it.

    Raises:
        PatternError: `text` is none, or would be too large.
    """

    def __init__(self, text: object) -> None:
        if not isinstance(text, str):
            raise PatternError(f"it is not a text but {type(text).__name__}")
        if len(text) > _LONGEST:
            raise PatternError(f"it has {len(text):,} characters; it may have {_LONGEST:,}")
        if _copies(text) > _MOST_COPIES:
            raise PatternError(f"its repetitions amount to more than {_MOST_COPIES:,} elements")
        self.text = text
        self._compiled = _compiled(text)
        if self._compiled.search("", timeout=1):
            raise PatternError("it matches an empty text")

    def sub(self, put: str, text: str, seconds: float) -> str:
        """Replace each match in `text` by `put`, in at most `seconds` of this thread's processor time.

        Raises:
            PatternTimeoutError: The time is over.
        """
        began = thread_time()
        seconds = max(_LEAST_S, seconds)
        put = put.replace("\\", r"\\")
        try:
            return self._compiled.sub(put, text, timeout=seconds)
        except TimeoutError as error:
            pass_on(error)
            if thread_time() - began > seconds / 2:
                raise PatternTimeoutError from None
        # `regex` counts the processor time of all threads, and others were at work meanwhile.
        try:
            return self._compiled.sub(put, text, timeout=seconds * _BUSY)
        except TimeoutError:
            raise PatternTimeoutError from None


def _compiled(text: str) -> regex.Pattern[str]:
    import regex  # noqa: PLC0415  a tenth of a second, for those who have patterns

    try:
        return regex.compile(text)
    except (regex.error, RecursionError, OverflowError, MemoryError, ValueError) as error:
        raise PatternError(str(error) or type(error).__name__) from error


def _copies(text: str) -> int:
    """Count the elements of `text` once compiled, generously."""
    totals, last = [0], 0
    for token in _TOKEN.finditer(text):
        if token["least"] is not None:
            more = last * (int(token["least"][:9] or 0) - 1)
            totals[-1] += max(0, more)
            last += max(0, more)
        elif token[0] == "(":
            totals.append(0)
        elif token[0] == ")" and len(totals) > 1:
            last = max(1, totals.pop())
            totals[-1] += last
        else:
            last = 1
            totals[-1] += 1
    return sum(totals)
