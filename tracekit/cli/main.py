"""`tracekit`: finds the command, and turns errors into one clear line and an exit code."""

from __future__ import annotations

import os
import sys
from importlib import import_module

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
    "grafana",
    "ls",
    "prune",
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
        command = import_module(f"tracekit.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tracekit")
def cli() -> None:
    """See, check and replay multi-agent Claude runs.

    RUN is an id, the beginning of one, a name (its newest run), `last`, a trace id, or a file.
    """


def main() -> None:
    """Run the command line; exit with 2 for what cannot be used or read."""
    try:
        cli(prog_name="tracekit")
    except TracekitError as error:
        from tracekit.cli.options import safe_lines  # noqa: PLC0415  only where something went wrong

        click.echo(f"tracekit: {safe_lines(str(error))}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
