"""Options and arguments that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["echo_json", "format_option", "run_argument"]

F = TypeVar("F", bound=Callable[..., Any])


def format_option(function: F) -> F:
    """``--format text|json``."""
    return click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text", help="How data is printed."
    )(function)


def run_argument(function: F) -> F:
    """The argument RUN, by default `last`."""
    return click.argument("run", default="last")(function)


def echo_json(data: Any) -> None:
    """Print `data` as JSON, indented."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=True))
