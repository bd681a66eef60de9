"""`tracekit demo`: record a small team of agents. It needs no key and no network, except with `--live`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from tracekit import demo
from tracekit.cli.background import BackgroundProcess
from tracekit.cli.child import exit_code, run_child
from tracekit.cli.load import load_tree_with_findings
from tracekit.cli.recording import ProcessRecording
from tracekit.cli.render.tree import print_tree
from tracekit.cli.view import Viewer, is_terminal, viewer
from tracekit.collect.look import find, list_runs, read_entry
from tracekit.demo import refactoring_script, refactoring_team_script, support_team_script
from tracekit.demo.answers import Respond
from tracekit.demo.claude import ScriptedClaude
from tracekit.demo.shop import TASK, write_shop

__all__ = ["command"]


@dataclass(frozen=True, slots=True)
class _Pipeline:
    """A program of the demo: its run's name, its file, its script, and its task."""

    run: str
    program: str
    respond: Respond
    announcement: str
    arguments: Callable[[ExitStack], list[str]] = lambda _: []


def _shop(stack: ExitStack) -> list[str]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tracekit-shop-")))
    write_shop(folder)
    return [str(folder), TASK]


_PIPELINES = {
    "guide": _Pipeline(
        "refactoring",
        "refactoring.py",
        refactoring_script.respond,
        "a typical agent loop with its flaws: a lead, three analysts, two refactorers and a tester; about ten seconds …",
    ),
    "refactoring": _Pipeline(
        "refactoring-team",
        "refactoring_team.py",
        refactoring_team_script.respond,
        "a team of tracekit.Orchestrator that changes and tests a small shop in a temporary folder; about ten seconds …",
        _shop,
    ),
    "support": _Pipeline(
        "support-team",
        "support_team.py",
        support_team_script.respond,
        "a team of tracekit.Orchestrator that answers two customers; about ten seconds …",
    ),
}

_KEY = "ANTHROPIC_API_KEY"
_MOST_RUNS = 1000


@click.command("demo")
@click.option(
    "--pipeline",
    type=click.Choice(list(_PIPELINES)),
    default="guide",
    help="The guide's loop as it is printed, or one of its two pipelines on tracekit's runtime.",
)
@click.option("--no-view", is_flag=True, help="Print the tree, and do not open the viewer.")
@click.option("--replay", is_flag=True, help="Replay the newest recorded demo, offline and in a moment.")
@click.option("--live", is_flag=True, help=f"Ask the real API, with {_KEY}. It costs money.")
def command(pipeline: str, no_view: bool, replay: bool, live: bool) -> None:
    """Run a small team of agents against a scripted Claude on this machine, and show what it does.

    On a terminal the viewer shows it while it runs; `q` leaves it.
    """
    if live and not os.environ.get(_KEY):
        raise click.UsageError(f"--live asks the real API and needs {_KEY}; without --live no key is needed")
    chosen = _PIPELINES[pipeline]
    recorded = _newest(chosen) if replay else None
    if recorded is not None:
        sys.exit(_replay(chosen, recorded))
    click.echo(f"tracekit: {chosen.announcement}", err=True)
    with ExitStack() as stack:
        if live:
            click.echo(f"tracekit: live: the real API answers, and bills the account of {_KEY}", err=True)
            environment: Mapping[str, str] = os.environ
        else:
            environment = _environment(stack.enter_context(ScriptedClaude(chosen.respond)).url)
        look = None if no_view or not is_terminal() else viewer()
        run = _record(chosen, chosen.arguments(stack), environment, look)
    click.echo()
    print_tree(*load_tree_with_findings(run))
    click.echo(
        f"\ntracekit: recorded run {run[:8]}; `tracekit ls` lists it, `tracekit show last` draws it again, "
        "`tracekit check last` shows what was slow without need",
        err=True,
    )
    if replay:
        sys.exit(_replay(chosen, run))


def _newest(pipeline: _Pipeline) -> str | None:
    """Return the id of the newest recorded run of `pipeline` that ended well and is no replay, or None."""
    runs = list_runs(_MOST_RUNS).runs
    names = (run.id for run in runs if run.name == pipeline.run and run.replay_of is None and run.status == "ok")
    return next(names, None)


def _replay(pipeline: _Pipeline, run: str) -> int:
    """Replay `run` of `pipeline` and draw the replay; return the exit code of `tracekit replay`."""
    root = read_entry(find(run)).recording.process_root
    program = Path(demo.__file__).with_name(pipeline.program)
    command = ["-m", "tracekit", "replay", run, "--", sys.executable, str(program), *(root.argv[1:] if root else ())]
    click.echo(f"tracekit: run {run[:8]} is replayed from its record, without a server or a key …", err=True)
    code = subprocess.run([sys.executable, *command], check=False).returncode  # noqa: S603  the program of the demo
    if code == 0:
        click.echo()
        print_tree(*load_tree_with_findings("last-replay"))
    return code


def _record(pipeline: _Pipeline, arguments: list[str], environment: Mapping[str, str], look: Viewer | None) -> str:
    """Run the program to its end, while `look` shows it; return the id of its run. Exit if it fails."""
    # The program imports the SDK, which this process never does, so its place is all that is needed here.
    program = Path(demo.__file__).with_name(pipeline.program)
    recording = ProcessRecording(pipeline.run, [program.name, *arguments])
    full = [sys.executable, str(program), *arguments]
    try:
        if look is None:
            return_code = run_child(full, recording.variables, environment)
            recording.finish(return_code)
        else:
            with BackgroundProcess(recording, full, environment) as running:
                if running.wait_for_record():
                    look(recording.run.id)
            return_code = running.return_code
    finally:
        recording.close()
    if return_code != 0:
        sys.exit(exit_code(return_code))
    return recording.run.id


def _environment(url: str) -> dict[str, str]:
    """Return the user's environment, with the SDK pointed at the scripted Claude and at nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    return {**kept, "ANTHROPIC_BASE_URL": url, _KEY: "scripted", "NO_PROXY": "*", "no_proxy": "*"}
