"""`tracekit grafana`: the dashboards and the alert rules, for a Grafana that exists."""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable

import click

from tracekit.cli.options import echo_json, format_option

__all__ = ["command"]

_ALERTS = "alerts"


def _complete(_context: click.Context, _argument: click.Parameter, begun: str) -> list[str]:
    return [name for name in _known() if name.startswith(begun)]


@click.command("grafana")
@click.argument("name", default="overview", metavar="[NAME]", shell_complete=_complete)
@click.option("--list", "is_list", is_flag=True, help="List the names and descriptions of the dashboards.")
@format_option
def command(name: str, form: str, *, is_list: bool) -> None:
    """Print a dashboard as JSON, or the alert rules as YAML.

    NAME is one of those that --list prints; without it, `overview`. Grafana imports a dashboard under Dashboards >
    New > Import, where you choose the data source; alert rules belong into its provisioning/alerting folder.
    """
    known = _known()
    if is_list:
        titles = {each: _title(each, file) for each, file in known.items()}
        if form == "json":
            echo_json([{"name": each, "title": title} for each, title in titles.items()])
            return
        width = max(len(each) for each in titles)
        for each, title in titles.items():
            click.echo(f"{each:<{width}}  {title}")
        return
    if name not in known:
        raise click.UsageError(f"there is no dashboard {name!r}. Choose one of: {', '.join(known)}.")
    click.echo(known[name].read_text("utf-8"), nl=False)


def _known() -> dict[str, Traversable]:
    """Return the file of each dashboard and of the alert rules, by name."""
    folder = files("tracekit.cli") / "dashboards"
    found = {each.name.removesuffix(".json"): each for each in folder.iterdir() if each.name.endswith(".json")}
    return {**dict(sorted(found.items())), _ALERTS: folder / "alerting" / "tracekit.yaml"}


def _title(name: str, file: Traversable) -> str:
    return "alert rules" if name == _ALERTS else str(json.loads(file.read_text("utf-8"))["title"])
