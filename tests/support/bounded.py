"""Reads each recording of a folder by several commands, in processes with 512 MB and a CPU minute each.

It prints the exit code and the errors of each, as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from pathlib import Path

import click

from tracekit.cli.main import cli, main

MOST_BYTES = 512 * 1024 * 1024
MOST_CPU_S = 60
COMMANDS = (
    ("show", "{}"),
    ("check", "{}"),
    ("export", "{}", "-o", "/dev/null", "--normal", "--allow-secrets"),
    ("replay", "{}", "--", "true"),
)


def run(arguments: list[str]) -> dict[str, object]:
    """Run the command line with `arguments` in a child of this process."""
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(said.fileno(), 2)
            sys.argv = ["tracekit", *arguments]
            code = 99
            try:
                main()
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 98
            except BaseException as error:  # noqa: BLE001  the test tells of it
                os.write(2, f"Traceback: {error!r}".encode())
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "told": said.read().decode("utf-8", "replace")}


def read_all(folder: Path) -> dict[str, dict[str, object]]:
    """Return the result of each command, by the names of the recording and the command."""
    for name in ("show", "check", "export", "replay"):
        cli.get_command(click.Context(cli), name)  # loaded once, for all children
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    return {
        path.stem: {command[0]: run([part.format(path) for part in command]) for command in COMMANDS}
        for path in sorted(folder.glob("*.jsonl"))
    }


if __name__ == "__main__":
    print(json.dumps(read_all(Path(sys.argv[1]))))
