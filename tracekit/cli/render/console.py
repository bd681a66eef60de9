"""The console that the commands draw on."""

from __future__ import annotations

import io
import os
import sys

from rich.console import Console
from typing_extensions import override

__all__ = ["PIPE_WIDTH", "console"]

PIPE_WIDTH = 120
"""Columns where the output is no terminal and ``COLUMNS`` says nothing."""


class _Console(Console):
    @override
    def on_broken_pipe(self) -> None:
        # rich would exit with 1, which `check` and `diff` give another meaning.
        raise BrokenPipeError


def console() -> Console:
    """A console on stdout: colours on a terminal only and never with ``NO_COLOR``, no markup, no guessing at words.

    What the output's encoding cannot hold is shown as a question mark.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    width = None
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS"):
        width = PIPE_WIDTH
    return _Console(width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)
