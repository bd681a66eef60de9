"""A guard around all code that runs inside the user's program, so that tracekit's own faults never reach it.

What the program raises goes on, wherever it lands: a signal handler's exception may appear in tracekit's code.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tracekit.origin import finish, programs_exception

__all__ = ["RAISE_VARIABLE", "faults", "finishing", "forget", "guarded", "warn_once"]

P = ParamSpec("P")
T = TypeVar("T")

RAISE_VARIABLE = "TRACEKIT_RAISE"
"""Set to 1 in our own tests: the guard counts a fault and raises it."""

_log = logging.getLogger("tracekit")
_reported: set[object] = set()


class _Faults:
    """The number of tracekit's own faults that the guard has caught in this process."""

    count = 0


faults = _Faults()


def guarded(function: Callable[P, T]) -> Callable[P, T | None]:
    """`function`, whose own exceptions are logged once a kind and become a None; the program's go on."""

    @functools.wraps(function)
    def safe(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            programs = programs_exception(error, sys._getframe())  # noqa: SLF001  the documented way to this frame
            if programs is error:
                raise
            if programs is not None:
                raise programs  # noqa: B904  it keeps what caused it
            _caught(function.__qualname__, error)
            if os.environ.get(RAISE_VARIABLE) == "1":
                raise
            return None

    return safe


def finishing(function: Callable[P, T]) -> Callable[P, T | None]:
    """`guarded`, for a function that ends something: it is called again when the program's exception cuts it short.

    That exception is raised when the function is done. Called again, the function does what is left to do.
    """
    safe = guarded(function)

    @functools.wraps(function)
    def finished(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return safe(*args, **kwargs)
        except BaseException as cut:  # noqa: BLE001  `finish` raises it
            finish(functools.partial(safe, *args, **kwargs), cut)

    return finished


def _caught(where: str, error: Exception) -> None:
    faults.count += 1
    if _is_new((where, type(error))):
        _log.warning(
            "tracekit: recording failed in %s, but your program continues; the record lacks the event that was being recorded",
            where,
            exc_info=error,
        )


def warn_once(message: str) -> None:
    """Log `message`, once in this process."""
    if _is_new(message):
        _log.warning("tracekit: %s", message)


def forget() -> None:
    """Log everything once more."""
    _reported.clear()


def _is_new(key: object) -> bool:
    # Without a lock, which a finaliser or a fork might find taken; two threads may say the same at the same moment.
    if key in _reported:
        return False
    _reported.add(key)
    return True
