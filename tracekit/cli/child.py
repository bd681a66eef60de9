"""Starts a program whose Python processes are recorded, and waits for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

import click

from tracekit import hook

__all__ = ["exit_code", "full_command", "patiently", "run_child", "start_child"]


def full_command(command: Sequence[str]) -> list[str]:
    """`command` as it is started: a script and ``-m module`` are short for this Python.

    Raises:
        click.UsageError: The script does not exist.
    """
    first = command[0]
    if first == "-m":
        return [sys.executable, *command]
    if first.endswith(".py"):
        if not Path(first).is_file():
            raise click.UsageError(
                f"there is no script {first!r} in {Path.cwd()}; give the path of a script, `-m MODULE`, or a command after `--`"
            )
        return [sys.executable, *command]
    return list(command)


def run_child(
    command: Sequence[str], variables: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> int:
    """Run `command` to its end, with our hook and the `variables` that tell it what to do.

    Returns its return code, negative for a signal.

    Raises:
        click.UsageError: The command cannot be started.
    """
    process = start_child(command, variables, environment)
    with patiently(process):
        return process.wait()


def start_child(
    command: Sequence[str],
    variables: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    **pipes: IO[bytes] | int,
) -> subprocess.Popen[bytes]:
    """Start `command` with our hook and the `variables` that tell it what to do; `pipes` are the streams it gets instead of our own.

    Raises:
        click.UsageError: It cannot be started.
    """
    child_environment = dict(os.environ if environment is None else environment)
    child_environment.update(variables)
    path = [str(Path(hook.__file__).parent), *filter(None, [child_environment.get("PYTHONPATH")])]
    child_environment["PYTHONPATH"] = os.pathsep.join(path)
    try:
        return subprocess.Popen(  # noqa: S603  the user's own command
            list(command),
            env=child_environment,
            stdin=pipes.get("stdin"),
            stdout=pipes.get("stdout"),
            stderr=pipes.get("stderr"),
        )
    except OSError as error:
        raise click.UsageError(
            f"{command[0]!r} cannot be started: {error.strerror}; give a script, `-m MODULE`, or a command on the PATH"
        ) from error


@contextmanager
def patiently(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """While `process` is waited for: Ctrl-C reaches it by itself, and is its to answer; SIGTERM is handed on."""

    def hand_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, hand_on)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(return_code: int) -> int:
    """The exit code by which a shell tells of `return_code`: 128 and the signal's number for a signal."""
    return return_code if return_code >= 0 else 128 - return_code
