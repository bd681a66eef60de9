"""`tracekit view`: start the viewer, found by its entry point: it imports tracekit, never the reverse."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import entry_points

import click

from tracekit.collect.look import find

__all__ = ["command", "viewer"]

_GROUP = "tracekit.view"
_SERVED = "TEXTUAL_DRIVER"
"""The variable by which Textual's web server says that a browser takes the place of the terminal."""

Viewer = Callable[[str | None], int]
"""Looks at a run, or at the list of all; returns the exit code."""


@click.command("view")
@click.argument("run", required=False)
def command(run: str | None) -> None:
    """Look at runs in the terminal, live ones too: the list, or RUN's tree and timeline."""
    if not is_terminal():
        raise click.UsageError(
            "the viewer needs a terminal, but stdin or stdout is not a terminal; `tracekit show RUN` and `tracekit ls` print"
        )
    look = viewer()
    if run is not None:
        # What means nothing is said before the screen is taken over.
        find(run)
    sys.exit(look(run))


def is_terminal() -> bool:
    """Return whether a user sees the screen and can press keys, in a terminal or a browser."""
    return bool(os.environ.get(_SERVED)) or (sys.stdin.isatty() and sys.stdout.isatty())


def viewer() -> Viewer:
    """The viewer that is installed.

    Raises:
        click.UsageError: There is none, or it cannot be loaded.
    """
    found = entry_points(group=_GROUP)
    if not found:
        raise click.UsageError(
            f"no viewer is installed (no package provides the entry point {_GROUP!r}); "
            "`pip install --force-reinstall tracekit-agents` installs it"
        )
    entry = next(iter(found))
    try:
        look: Viewer = entry.load()
    except ImportError as error:
        raise click.UsageError(
            f"the viewer {entry.value!r} cannot be loaded: {error}; `pip install --upgrade tracekit-agents` installs its dependencies"
        ) from error
    return look
