"""Replay a recorded run again: its command, and its run in the terminal that the viewer leaves meanwhile."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence

from textual.app import App, SuspendNotSupported

from tracekit_viewer.door import Run, printable_lines, read_entry, semconv
from tracekit_viewer.door import find as find_entry

_UNTESTED = (2, 125)
"""Exit codes of `tracekit replay` that say that nothing was replayed."""

__all__ = ["command_of", "replay_again", "replay_command", "replay_of"]


def command_of(run: Run) -> list[str] | None:
    """Return the recorded command of `run`; None where `tracekit run` did not record one."""
    arguments = run.root.attributes.get(semconv.COMMAND_ARGS)
    return [str(each) for each in arguments] if isinstance(arguments, (list, tuple)) and arguments else None


def replay_command(run: Run, command: Sequence[str]) -> str:
    """Return the command line that replays `run` with the program `command`."""
    return f"tracekit replay {run.replay_of or run.id} -- {shlex.join(command)}"


def replay_again(app: App[None], run: Run, command: Sequence[str]) -> str:
    """Replay `run` in the terminal of `app`; return why that could not be done, or "".

    A replay is replayed from its recording.
    """
    full = [sys.executable, "-m", "tracekit", "replay", run.replay_of or run.id, "--", *command]
    try:
        with app.suspend():
            print(f"$ {printable_lines(replay_command(run, command))}", flush=True)  # noqa: T201  the terminal is the program's now
            done = subprocess.run(full, check=False)  # noqa: S603  the user was asked
            input(f"\nIt ended with exit code {done.returncode}. ⏎ goes back to the viewer. ")
    except SuspendNotSupported:
        return "this terminal cannot run another program; run the command in a shell"
    except (OSError, EOFError, KeyboardInterrupt) as error:
        return f"it was not replayed to its end: {type(error).__name__} {error}".strip()
    return f"it could not be replayed (exit code {done.returncode})" if done.returncode in _UNTESTED else ""


def replay_of(run: Run, *, newest: bool) -> Run:
    """Return the newest replay, or with a replay as `run` and not `newest` its recording.

    Raises:
        TracekitError: There is none, or it cannot be read.
    """
    return read_entry(find_entry("last-replay" if newest else run.replay_of or run.id))
