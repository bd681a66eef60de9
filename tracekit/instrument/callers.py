"""Names of the program's functions that make calls or start tasks; they distinguish agents without a name.

Code of the standard library, of installed packages and of tracekit is not the program's. A task's stack ends where its
event loop runs it: below stands the code that runs the loop, which called nothing of the task's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

__all__ = ["function_of", "functions_around", "program_frame"]

_MOST_FRAMES = 150
"""Frames that are looked at: a program that calls itself a thousand times deep is named by the last of them."""
_ASYNCIO_EVENTS = str(Path("asyncio", "events.py"))
_OF_OTHERS = tuple(f"{folder}{os.sep}" for folder in (Path(os.__file__).parent, Path(__file__).parents[1]))
"""Where the standard library and tracekit are."""
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))

_is_programs: dict[str, bool] = {}
"""For each file that was met, whether it is the program's."""


def functions_around(until: int = 0, most: int = 8) -> list[str]:
    """Return the names of the program's functions on this task's or thread's stack, innermost first.

    A function that calls itself stands there once.

    Args:
        until: The `id` of the frame at which to stop; 0 for none.
        most: How many names are enough.
    """
    found: list[str] = []
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the documented way to this frame
    for _ in range(_MOST_FRAMES):
        if frame is None or id(frame) == until or len(found) == most:
            break
        code = frame.f_code
        if _is_of_program(code):
            name = _name_of(code)
            if name and found[-1:] != [name]:
                found.append(name)
        elif code.co_name == "_run" and _runs_tasks(code):
            break
        frame = frame.f_back
    return found


def program_frame() -> int:
    """Return the `id` of the innermost frame of the program's code on this stack; 0 if there is none."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  see above
    while frame is not None and not _is_of_program(frame.f_code):
        frame = frame.f_back
    return 0 if frame is None else id(frame)


def function_of(started: Any) -> str:
    """Return the name of the program's function that `started` runs: a coroutine, or what can be called; else empty."""
    while isinstance(started, partial):
        started = started.func
    code = getattr(started, "cr_code", None) or getattr(started, "gi_code", None)
    if code is None:
        function: Callable[..., Any] = getattr(started, "__wrapped__", started)
        code = getattr(function, "__code__", None) or getattr(getattr(function, "__func__", None), "__code__", None)
    return _name_of(code) if isinstance(code, CodeType) else ""


def _name_of(code: CodeType) -> str:
    """The name of a function of the program; empty for another's code, a module and a function without a name."""
    if not _is_of_program(code):
        return ""
    name = code.co_qualname.rpartition("<locals>.")[2]
    return "" if "<" in name else name


def _is_of_program(code: CodeType) -> bool:
    file = code.co_filename
    known = _is_programs.get(file)
    if known is None:
        is_others = file.startswith(("<frozen ", *_OF_OTHERS)) or any(each in file for each in _INSTALLED)
        known = _is_programs[file] = not is_others
    return known


def _runs_tasks(code: CodeType) -> bool:
    """Return whether `code` is the step of asyncio's loop from which it runs a task."""
    return code.co_name == "_run" and code.co_filename.endswith(_ASYNCIO_EVENTS)
