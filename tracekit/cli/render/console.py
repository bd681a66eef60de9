"""The console that the commands draw on."""

from __future__ import annotations

import io
import os
import sys

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from typing_extensions import override

__all__ = ["PIPE_WIDTH", "console", "print_indented"]

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


def print_indented(out: Console, text: Text, indent: int, label: Text | None = None) -> None:
    """Print `text` wrapped and `indent` cells in, with `label` before its first line."""
    for number, line in enumerate(text.wrap(out, max(1, out.width - indent), overflow="fold")):
        before = label if label is not None and not number else Text()
        line.rstrip()
        out.print(before + " " * (indent - cell_len(before.plain)) + line if line.plain else before, soft_wrap=True)
