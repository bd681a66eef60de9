"""Start a program whose Python processes are recorded, and wait for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from tracekit import hook
from tracekit.journal.process import HASH_SEED_VARIABLE

__all__ = ["exit_code", "full_command", "hash_variable", "patiently", "run_child", "start_child"]


_HANDED_ON = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2))
_OF_TERMINALS = frozenset((signal.SIGINT, signal.SIGQUIT, signal.SIGHUP))
_WAKING = signal.SIGHUP
"""The signal that ends the wait for signals once the program is over."""
_GRACE_S = 0.1
"""Seconds that the program has to end by itself: a signal to the whole group reaches the program, too."""


def full_command(command: Sequence[str]) -> list[str]:
    """Return `command` as it is started: a script and ``-m module`` are short for this Python.

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


def hash_variable(seed: int | None) -> dict[str, str]:
    """Return the variable that gives a Python process the hash `seed`; nothing if the user has set the variable."""
    is_own = bool(os.environ.get(HASH_SEED_VARIABLE))
    return {} if seed is None or is_own else {HASH_SEED_VARIABLE: str(seed)}


def run_child(
    command: Sequence[str], variables: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> int:
    """Run `command` to its end, with our hook and the `variables` that configure it.

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
    """Start `command` with our hook and the `variables` that configure it; `pipes` replace our own streams.

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
    """Pass the signals that this process gets on to `process` while it runs.

    Those of a terminal, such as Ctrl-C, reach `process` by themselves: the terminal sends them to the whole group.
    """
    is_over = threading.Event()
    # Blocked here and in the thread, which waits for them: so nothing else is interrupted.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDED_ON)
    thread = threading.Thread(target=_hand_on, args=(process, is_over), name="tracekit-signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        if thread.ident is not None and thread.is_alive():
            signal.pthread_kill(thread.ident, _WAKING)
        thread.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _hand_on(process: subprocess.Popen[bytes], is_over: threading.Event) -> None:
    while True:
        number, is_from_terminal = _next_signal()
        if is_over.is_set():
            return
        if not is_from_terminal and not is_over.wait(_GRACE_S):
            process.send_signal(number)


def _next_signal() -> tuple[int, bool]:
    """Wait for a signal; return its number, and whether a terminal has sent it to the whole group."""
    if sys.platform == "darwin":
        number = int(signal.sigwait(_HANDED_ON))
        return number, number in _OF_TERMINALS and sys.stdin.isatty() and os.tcgetpgrp(0) == os.getpgrp()
    info = signal.sigwaitinfo(_HANDED_ON)
    # What a process sends has a code of 0 or less, what the kernel sends for a terminal has more.
    return info.si_signo, info.si_code > 0


def exit_code(return_code: int) -> int:
    """Return the exit code by which a shell shows `return_code`: 128 plus the number for a signal."""
    return return_code if return_code >= 0 else 128 - return_code
