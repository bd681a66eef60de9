"""The recipe for a command: its module, its place in the list, its line in the manual, and its test."""

from __future__ import annotations

from tests.recipes.scratch import Scratch

__all__ = ["add_command"]

_MODULE = '''"""`tracekit @NAME@`: the number of recorded runs."""

from __future__ import annotations

import click

from tracekit.cli.options import echo_json, format_option, tell
from tracekit.collect.look import list_runs

__all__ = ["command"]


@click.command("@NAME@")
@format_option
def command(form: str) -> None:
    """Print the number of recorded runs."""
    runs, told = list_runs(None)
    tell(told)
    if form == "json":
        echo_json({"runs": len(runs)})
    else:
        click.echo(len(runs))
'''

_TEST = '''"""`tracekit @NAME@`: as text and as JSON."""

from pathlib import Path

from tests.support.cli import environment, tracekit, tracekit_json


def test_it_prints_the_number_of_runs(tmp_path: Path) -> None:
    env = environment(tmp_path)
    assert tracekit("@NAME@", env=env, timeout=300).stdout == "0\\n"
    assert tracekit_json("@NAME@", env=env) == {"runs": 0}
'''


def add_command(scratch: Scratch, name: str) -> list[str]:
    """Add the command `tracekit NAME`, and return the tests that must pass."""
    module = name.replace("-", "_")
    scratch.write(f"tracekit/cli/{module}.py", _MODULE.replace("@NAME@", name))
    scratch.insert_after("tracekit/cli/main.py", "_COMMANDS = (\n", f'    "{name}",\n')
    scratch.replace(
        "tracekit/guide/look.md",
        "\n## Name a run\n",
        f"\n`tracekit {name}` prints the number of runs.\n\n## Name a run\n",
    )
    test = f"tests/cli/test_{module}.py"
    scratch.write(test, _TEST.replace("@NAME@", name))
    return [test, "tests/test_manual.py::test_every_command_is_shown_and_every_option_exists"]
