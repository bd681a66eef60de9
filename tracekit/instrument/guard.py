"""One guard around all that runs inside the user's program: our own faults never reach it."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["RAISE_VARIABLE", "faults", "forget", "guarded", "warn_once"]

P = ParamSpec("P")
T = TypeVar("T")

RAISE_VARIABLE = "TRACEKIT_RAISE"
"""Set to 1 in our own tests: the guard counts a fault and raises it."""

_log = logging.getLogger("tracekit")
_said: set[object] = set()


class _Faults:
    """How many faults of ours the guard has caught in this process."""

    count = 0


faults = _Faults()


def guarded(function: Callable[P, T]) -> Callable[P, T | None]:
    """`function`, whose exceptions are logged once a kind and become a None.

    Only `Exception` is caught: an interrupt or a cancellation that happens to arrive in our code is the user's.
    """

    @functools.wraps(function)
    def safe(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            _caught(function.__qualname__, error)
            if os.environ.get(RAISE_VARIABLE) == "1":
                raise
            return None

    return safe


def _caught(where: str, error: Exception) -> None:
    faults.count += 1
    if _is_new((where, type(error))):
        _log.warning(
            "tracekit: recording failed in %s, your program goes on; the record lacks what was being recorded",
            where,
            exc_info=error,
        )


def warn_once(message: str) -> None:
    """Log `message`, once in this process."""
    if _is_new(message):
        _log.warning("tracekit: %s", message)


def forget() -> None:
    """Log everything once more."""
    _said.clear()


def _is_new(said: object) -> bool:
    # Without a lock, which a finaliser or a fork might find taken; two threads may say the same at the same moment.
    if said in _said:
        return False
    _said.add(said)
    return True
