"""One guard around all that runs inside the user's program: our own faults never reach it."""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["RAISE_VARIABLE", "faults", "forget", "guarded"]

P = ParamSpec("P")
T = TypeVar("T")

RAISE_VARIABLE = "TRACEKIT_RAISE"
"""Set to 1 in our own tests: the guard counts a fault and raises it."""

_log = logging.getLogger("tracekit")
_said: set[tuple[str, type[Exception]]] = set()
_lock = threading.Lock()


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
    with _lock:
        faults.count += 1
        kind = (where, type(error))
        if kind in _said:
            return
        _said.add(kind)
    _log.warning(
        "tracekit: recording failed in %s, your program goes on; the record lacks what was being recorded",
        where,
        exc_info=error,
    )


def forget() -> None:
    """Log each kind of fault once more, as for the tests of this."""
    with _lock:
        _said.clear()
