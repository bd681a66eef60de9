"""`tracekit`: find the command, and turn errors into one clear line and an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Any, NoReturn

import click
from typing_extensions import override

from tracekit import __version__
from tracekit.errors import TracekitError

__all__ = ["cli", "main"]

_COMMANDS = (
    "check",
    "collect",
    "demo",
    "diff",
    "doctor",
    "export",
    "git-setup",
    "grafana",
    "help",
    "import",
    "ls",
    "prune",
    "pull",
    "replay",
    "rule",
    "run",
    "show",
    "sql",
    "view",
)


class _Commands(click.Group):
    """Loads a command's module when the command is used."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        # A module cannot have the name of a statement.
        module = f"{cmd_name}ing" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        command = import_module(f"tracekit.cli.{module}").command
        assert isinstance(command, click.Command)
        return command

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
        except BrokenPipeError:
            # click would exit with 1, which `check` and `diff` give another meaning.
            raise _ReaderGoneError from None
        return result


class _ReaderGoneError(Exception):
    """The program that reads our output has closed the pipe, as `head` does."""


_BY_SIGPIPE = 141
"""The exit code of programs that a closed pipe ends."""


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tracekit")
def cli() -> None:
    """See, check and replay multi-agent Claude runs.

    RUN is an id, the beginning of one, a name (its newest run), `last`, a trace id, or a file. `last` and names mean no
    replay; `last-replay` is the newest of those.
    """


def main() -> None:
    """Run the command line; exit with 2 for wrong usage and for files that cannot be read or written."""
    if sys.stdout is None:  # the shell closed it, by `>&-`
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  for as long as the process lives
    try:
        cli(prog_name="tracekit")
    except _ReaderGoneError:
        _drop_output()
        sys.exit(_BY_SIGPIPE)
    except TracekitError as error:
        _fail(str(error))
    except OSError as error:
        _drop_output()
        what = f"{error.filename!s} cannot be used" if error.filename else "the output cannot be written"
        _fail(f"{what}: {error.strerror or error}")
    except MemoryError:
        _fail("there is not enough memory for this command; raise the memory limit if one is set (`ulimit -v`)")


def _fail(text: str) -> NoReturn:
    from tracekit.cli.options import safe_lines  # noqa: PLC0415  only where something went wrong

    click.echo(f"tracekit: {safe_lines(text)}", err=True)
    sys.exit(2)


def _drop_output() -> None:
    """Discard the rest of the output: Python would complain once more when it flushes at exit."""
    with suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
