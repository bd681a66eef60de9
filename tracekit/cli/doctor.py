"""`tracekit doctor`: show the set-up, and what would keep a run from being recorded well."""

from __future__ import annotations

import click

from tracekit.cli.health import checks
from tracekit.cli.options import echo_json, format_option, safe_lines

__all__ = ["command"]


@click.command("doctor")
@format_option
def command(form: str) -> None:
    """Tell what is set up, which other libraries emit LLM spans, which folders are used and how much they hold."""
    found = checks()
    if form == "json":
        echo_json([check._asdict() for check in found])
        return
    width = max(len(check.name) for check in found)
    for check in found:
        click.echo(f"{'ok  ' if check.ok else 'look'}  {check.name:<{width}}  {safe_lines(check.says)}")
