"""The system's own clocks, whatever the program has put in place of the module `time`.

freezegun replaces the functions of `time` wherever a module has them, and time-machine what they do. A module `time` of
tracekit's own has functions that freezegun does not find; time-machine keeps the real ones where it says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib.machinery import BuiltinImporter
from typing import Any, Final

__all__ = ["day_of", "steady_ns", "wall_ns"]


def _own_time() -> Any:
    """Make a module `time` that only tracekit has."""
    spec = BuiltinImporter.find_spec("time")
    assert spec is not None
    own: Any = BuiltinImporter.create_module(spec)
    BuiltinImporter.exec_module(own)
    return own


_time: Final = _own_time()

steady_ns: Final[Callable[[], int]] = partial(
    _time.clock_gettime_ns, getattr(_time, "CLOCK_BOOTTIME", _time.CLOCK_MONOTONIC)
)
"""Returns nanoseconds of a clock that nobody sets, that goes on while the machine sleeps, and that processes share."""


def wall_ns() -> int:
    """Return nanoseconds since the epoch, by the system's wall clock."""
    kept = getattr(sys.modules.get("time_machine"), "escape_hatch", None)
    if kept is not None and kept.is_travelling():
        return int(kept.time.time_ns())
    return int(_time.time_ns())


def day_of(at_ns: int) -> str:
    """Return the day of `at_ns`, nanoseconds since the epoch, in UTC: ``2026-02-28``."""
    return str(_time.strftime("%Y-%m-%d", _time.gmtime(at_ns // 1_000_000_000)))
