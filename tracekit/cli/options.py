"""Options, arguments and messages that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import click
from typing_extensions import override

from tracekit.model.age import AGE_HINT, seconds_of_age
from tracekit.model.text import printable_lines

__all__ = ["Age", "echo_json", "format_option", "lake_option", "progress_bar", "run_argument", "safe_lines", "tell"]

F = TypeVar("F", bound=Callable[..., Any])

_JSON = json.JSONEncoder(ensure_ascii=True).encode
_END = object()
_MOST_SPACES = 200


class Age(click.ParamType[Any]):
    """A time span: ``30d``, ``12h``, ``90m``."""

    name = "AGE"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        seconds = seconds_of_age(str(value))
        if seconds is None:
            self.fail(f"{value!r} is not an age: give {AGE_HINT}", param, ctx)
        return timedelta(seconds=seconds)


def format_option(function: F) -> F:
    """Add the option ``--format text|json`` to a command."""
    return click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text", help="The format of the output."
    )(function)


def lake_option(function: F) -> F:
    """``--lake LAKE``, for commands that read."""
    return click.option(
        "--lake", metavar="LAKE", help="Read the lake of many machines in this folder, or at this URL, instead."
    )(function)


def run_argument(function: F) -> F:
    """The argument RUN, by default `last`."""
    return click.argument("run", default="last")(function)


def echo_json(data: Any) -> None:
    """Print `data` as JSON, indented, however deep it is."""
    click.echo("".join(_indented(data)))


def _indented(data: Any) -> Iterator[str]:
    """Yield the pieces of `data` as JSON. Indentation is at most `_MOST_SPACES`, however deep the tree."""
    # A value, or None and the end of one, after the text before it and with the line break of where it stands.
    stack: list[tuple[str, Any, str]] = [("", data, "\n")]
    while stack:
        before, value, line = stack.pop()
        if not value or not isinstance(value, (dict, list, tuple)):
            yield f"{before}{'' if value is _END else _JSON(value)}"
            continue
        inner = line if len(line) > _MOST_SPACES else f"{line}  "
        is_object = isinstance(value, dict)
        yield f"{before}{'{' if is_object else '['}"
        stack.append((f"{line}{'}' if is_object else ']'}", _END, ""))
        items: Iterable[tuple[str, Any]] = (("", each) for each in value)
        if isinstance(value, dict):
            items = ((f"{_JSON(name if isinstance(name, str) else _JSON(name))}: ", value[name]) for name in value)
        parts = [(f",{inner}{name}", each, inner) for name, each in items]
        parts[0] = (parts[0][0][1:], *parts[0][1:])
        stack.extend(reversed(parts))


def tell(warnings: Iterable[str]) -> None:
    """Print messages for the user on stderr."""
    for line in warnings:
        click.echo(f"tracekit: {safe_lines(line)}", err=True)


def safe_lines(text: str) -> str:
    """Return `text` with its control characters but line breaks made visible: it may have names of runs."""
    return printable_lines(text)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Yield the function that moves a bar on stderr, or None where stderr is no terminal."""
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
