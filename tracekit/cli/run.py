"""`tracekit run`: record a program without changing it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tracekit.cli.child import exit_code, full_command, run_child
from tracekit.cli.missed import REMEDY
from tracekit.cli.options import tell
from tracekit.cli.recording import ProcessRecording
from tracekit.configure import DISABLED_VARIABLE
from tracekit.errors import HomeError, TracekitError
from tracekit.formatting import format_count
from tracekit.journal.home import home
from tracekit.model.unrecorded import in_words

__all__ = ["command", "name_of"]


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--name", help="The run's name; by default that of the script, module or command.")
@click.argument("program", metavar="COMMAND…", nargs=-1, type=click.UNPROCESSED, required=True)
def command(name: str | None, program: tuple[str, ...]) -> None:
    """Run a program and record what it asks Claude.

    COMMAND is a script (`x.py`), `-m MODULE`, or any command; its exit code is this command's.
    """
    full = full_command(program)
    try:
        home()
    except HomeError as error:
        click.echo(f"tracekit: nothing is recorded, but your program continues: {error}", err=True)
        sys.exit(exit_code(run_child(full, {DISABLED_VARIABLE: "1"})))
    recording = ProcessRecording(name or name_of(program), program)
    try:
        return_code = run_child(full, recording.variables)
        _join_sessions(recording)
        recording.finish(return_code)
        _tell(recording)
    finally:
        recording.close()
    sys.exit(exit_code(return_code))


def name_of(program: tuple[str, ...]) -> str:
    """The name of a run of `program`: its module, or its file's name without the ending."""
    if program[0] == "-m" and len(program) > 1:
        return program[1]
    return Path(program[0]).stem or program[0]


def _join_sessions(recording: ProcessRecording) -> None:
    """Import the sessions of Claude Code that the program started into its run."""
    started = recording.started_sessions()
    if not started:
        return
    from tracekit.sources.joining import join_sessions  # noqa: PLC0415  only where there are any

    try:
        tell(join_sessions(recording.run, started).warnings)
    except (TracekitError, OSError) as error:
        tell([f"the program's sessions of Claude Code are not in its run: {error}"])


def _tell(recording: ProcessRecording) -> None:
    """Report on stderr what was recorded, or why nothing was."""
    runs, missed = recording.recorded_runs(), in_words(recording.missed())
    if runs:
        listed = ", ".join(run[:8] for run in runs[:5])
        more = f" and {len(runs) - 5} more" if len(runs) > 5 else ""
        click.echo(f"tracekit: recorded {listed}{more}; see it with: tracekit show {runs[0][:8]}", err=True)
        unsent, endpoint = recording.unsent()
        if unsent:
            click.echo(
                f"tracekit: {format_count(unsent, 'span')} not exported to {endpoint}, as the process ended first; "
                f"send the run with: tracekit export {runs[0][:8]} --otlp URL",
                err=True,
            )
        if missed:
            tell([f"the record is partial: {missed}, which is not recorded; {REMEDY}"])
    elif missed:
        tell([f"nothing was recorded: no call went through the anthropic SDK; {missed}; {REMEDY}"])
    elif recording.said_hello():
        click.echo("tracekit: nothing was recorded: the program made no call to Claude", err=True)
    else:
        click.echo(
            "tracekit: nothing was recorded: no Python process of the program loaded tracekit's hook. The hook is passed on in "
            "PYTHONPATH, which `python -I`, `-E` and `-S` and some launchers ignore. What works everywhere: "
            "`import tracekit; tracekit.init()` in the program",
            err=True,
        )
