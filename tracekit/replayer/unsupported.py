"""Event loops and greenlets with which a program can be recorded but not replayed."""

from __future__ import annotations

import asyncio
import sys

from tracekit.instrument.greenlets import green_library
from tracekit.replayer.loops import Loops

__all__ = ["unsupported", "unsupported_loop"]


def unsupported(library: str) -> str:
    """Say that a program on greenlets of `library` cannot be replayed."""
    return (
        f"a program that runs on {library} can be recorded but not replayed: its greenlets take turns in an order that "
        f"cannot be replayed; run it without {library} for a replay"
    )


def unsupported_loop(loops: Loops) -> str:
    """Say why the caller cannot be replayed where it runs; "" if it can.

    `loops` are those on the replay's clock.
    """
    library = green_library()
    if library is not None:
        return unsupported(library)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
        if trio is None or not trio.lowlevel.in_trio_run():
            return ""
        what = "Trio"
    else:
        if loops.knows(loop):
            return ""
        what = type(loop).__module__.partition(".")[0]
    return (
        f"a program that runs on {what} can be recorded but not replayed: its clock cannot be replaced; "
        "run it on asyncio's own event loop for a replay"
    )
