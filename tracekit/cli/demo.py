"""`tracekit demo`: the guide's refactoring team, recorded before one's eyes. No key, no network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from tracekit.cli.child import exit_code, run_child
from tracekit.cli.load import load_run
from tracekit.cli.recording import ProcessRecording
from tracekit.cli.render.tree import print_tree
from tracekit.demo import refactoring_script
from tracekit.demo.claude import ScriptedClaude

__all__ = ["command"]


@click.command("demo")
def command() -> None:
    """Run a small team of agents against a scripted Claude on this machine, and show what it did."""
    # The program imports the SDK, which this process never does, so its place is all that is needed here.
    program = Path(refactoring_script.__file__).with_name("refactoring.py")
    click.echo("tracekit: a lead, three analysts, two refactorers and a tester; about ten seconds …", err=True)
    with ScriptedClaude(refactoring_script.respond) as claude:
        recording = ProcessRecording("refactoring", [program.name])
        try:
            return_code = run_child([sys.executable, str(program)], recording.session, _environment(claude.url))
            recording.finish(return_code)
        finally:
            recording.close()
    if return_code != 0:
        sys.exit(exit_code(return_code))
    click.echo()
    print_tree(load_run(recording.run.id))
    click.echo(
        f"\ntracekit: recorded run {recording.run.id[:8]}; `tracekit ls` lists it, `tracekit show last` draws it again",
        err=True,
    )


def _environment(url: str) -> dict[str, str]:
    """The user's environment, with the SDK pointed at the scripted Claude and at nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    return {**kept, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "scripted", "NO_PROXY": "*", "no_proxy": "*"}
