"""`tracekit rule`: the pages of the rules, and their table."""

from __future__ import annotations

import click

from tracekit.cli.options import echo_json
from tracekit.rules.table import all_rules, markdown, rule_called

__all__ = ["command"]


@click.command("rule")
@click.argument("code", required=False)
@click.option("--list", "lists", is_flag=True, help="Print the table of all rules.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="The format of the output.")
def command(code: str | None, lists: bool, form: str) -> None:
    """Print the page of the rule with this CODE or name, or the table of all rules."""
    if code is None or lists:
        if form == "json":
            echo_json([{"code": rule.code, "rule": rule.name, "summary": rule.summary} for rule in all_rules()])
        else:
            click.echo(markdown())
        return
    rule = rule_called(code)
    if rule is None:
        known = ", ".join(f"{each.code} {each.name}" for each in all_rules())
        raise click.UsageError(f"there is no rule {code!r}; there are {known}")
    if form == "json":
        echo_json({"code": rule.code, "rule": rule.name, "summary": rule.summary, "page": rule.text})
    else:
        click.echo(f"# {rule.code} {rule.name}\n\n{rule.text}")
