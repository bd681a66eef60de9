"""Waits for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["LONG_S", "eventually"]

T = TypeVar("T")

LONG_S = 200.0
"""How long a test waits before it fails: many times what it takes on a machine that has other things to do."""


def eventually(look: Callable[[], T], missing: Callable[[], object] = str, *, within_s: float = LONG_S) -> T:
    """Return the first true value of `look`, which is called at first every few milliseconds, then ten times a second.

    Raises:
        AssertionError: There was none in time; the message is what `missing` returns.
    """
    until, pause_s = time.monotonic() + within_s, 0.005
    while not (found := look()):
        assert time.monotonic() < until, missing() or "it never came to be"
        time.sleep(pause_s)
        pause_s = min(1.5 * pause_s, 0.1)
    return found
