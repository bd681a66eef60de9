"""`tracekit show`: one run as a tree."""

from __future__ import annotations

import click

from tracekit.cli.load import load_tree_with_findings
from tracekit.cli.options import echo_json, format_option, run_argument
from tracekit.cli.shape import show_json

__all__ = ["command"]


@click.command("show")
@run_argument
@click.option(
    "--attempts", is_flag=True, help="Show every attempt, not only those of calls that were retried or failed."
)
@click.option("--full", is_flag=True, help="Give every span a line, not one line to a subagent that makes one call.")
@click.option("--critical", is_flag=True, help="Show the critical path instead: what decided when the run ended.")
@format_option
def command(run: str, attempts: bool, full: bool, critical: bool, form: str) -> None:
    """Draw a run as a tree with time bars, models, tokens and retries."""
    loaded, findings = load_tree_with_findings(run)
    if form == "json":
        echo_json(show_json(loaded, findings))
        return
    if critical:
        from tracekit.cli.render.path import print_path  # noqa: PLC0415  rich is not needed for JSON

        print_path(loaded, findings, all_attempts=attempts)
        return
    from tracekit.cli.render.tree import print_tree  # noqa: PLC0415  rich is not needed for JSON

    print_tree(loaded, findings, all_attempts=attempts, full=full)
