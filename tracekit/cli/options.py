"""Options and arguments that several commands share, and how they speak."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import click

from tracekit.model.text import printable

__all__ = ["echo_json", "format_option", "progress_bar", "run_argument", "safe_lines", "tell"]

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


def tell(told: Iterable[str]) -> None:
    """Say on stderr what a user should know."""
    for line in told:
        click.echo(f"tracekit: {safe_lines(line)}", err=True)


def safe_lines(text: str) -> str:
    """`text` with nothing in it that a terminal acts on but line breaks: names of runs stand in what we say."""
    return "\n".join(printable(line, most=4000) for line in text.split("\n"))


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr, from when it is told how many of how many are done; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as stack:
        bars: list[Any] = []

        def show(done: int, total: int) -> None:
            if not bars:
                bars.append(stack.enter_context(click.progressbar(length=total, label=label, file=sys.stderr)))
            bars[0].update(done - bars[0].pos)

        yield show
