"""`tracekit help`: the pages of the manual, which ship with the package as Markdown."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import ClassVar

import click
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown, MarkdownElement, TableElement
from rich.table import Table
from typing_extensions import override

from tracekit.cli.render.console import console

__all__ = ["command"]

_TOPICS = (
    "record",
    "sources",
    "look",
    "check",
    "replay",
    "pytest",
    "team",
    "ask",
    "lake",
    "export",
    "privacy",
    "journal-format",
    "architecture",
    "contributing",
)
"""The pages, in the order in which a new user reads them."""

_WIDEST = 120
_FENCE = "```"
_PICTURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:)([^)#]*)(#[^)]*)?\)")


class _WholeTable(TableElement):
    """A table whose long words continue on the next line. Rich cuts them, and nobody could copy a variable's name."""

    @override
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for part in super().__rich_console__(console, options):
            if isinstance(part, Table):
                for column in part.columns:
                    column.overflow = "fold"
            yield part


class _Page(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {**Markdown.elements, "table_open": _WholeTable}


def _complete(_context: click.Context, _argument: click.Parameter, begun: str) -> list[str]:
    return [topic for topic in _TOPICS if topic.startswith(begun)]


@click.command("help")
@click.argument("topic", required=False, shell_complete=_complete)
@click.pass_context
def command(context: click.Context, topic: str | None) -> None:
    """Show the page of the manual on TOPIC, or list the pages.

    On a terminal the page is formatted and shown in your pager; elsewhere it is printed as Markdown.
    """
    if topic is None:
        _list_pages()
    elif topic in _TOPICS:
        _show(_page(topic).read_text("utf-8"))
    else:
        click.echo(_help_of_command(context, topic))


def _page(topic: str) -> Traversable:
    return files("tracekit") / "guide" / f"{topic}.md"


def _list_pages() -> None:
    """Print each page's name and title."""
    width = max(len(topic) for topic in _TOPICS)
    for topic in _TOPICS:
        title = _page(topic).read_text("utf-8").partition("\n")[0].removeprefix("# ")
        click.echo(f"{topic:<{width}}  {title}")
    click.echo("\n`tracekit help TOPIC` shows a page, `tracekit COMMAND --help` the options of a command.")


def _show(markdown: str) -> None:
    """Show a page: formatted in a pager on a terminal, else as it is."""
    if not sys.stdout.isatty():
        click.echo(markdown, nl=False)
        return
    screen = console()
    screen.width = min(screen.width, _WIDEST)
    click.echo_via_pager(_formatted(markdown, screen))


def _formatted(markdown: str, screen: Console) -> str:
    """Return a page as it is drawn on `screen`."""
    with screen.capture() as captured:
        screen.print(_Page("".join(_for_terminal(markdown)), code_theme="ansi_dark", hyperlinks=False))
    return captured.get()


def _for_terminal(markdown: str) -> Iterator[str]:
    """Yield the lines of a page, with links to files replaced by text that helps in a terminal."""
    in_code = False
    for line in markdown.splitlines(keepends=True):
        in_code ^= line.lstrip().startswith(_FENCE)
        yield line if in_code else _LINK.sub(_without_link, _PICTURE.sub(r"*(Picture in the repository: \1)*", line))


def _without_link(link: re.Match[str]) -> str:
    """Return the text of a link, and after it the command that shows the page, or the file's path."""
    text, target = link[1], link[2]
    topic = target.removesuffix(".md")
    if topic in _TOPICS:
        return f"{text} (`tracekit help {topic}`)"
    return f"{text} (`{target.removeprefix('../../')}`)" if target else text


def _help_of_command(context: click.Context, name: str) -> str:
    """Return the help of the command with this name.

    Raises:
        click.UsageError: There is neither such a page nor such a command.
    """
    group = context.find_root().command
    assert isinstance(group, click.Group)
    found = group.get_command(context, name)
    if found is not None:
        return found.get_help(click.Context(found, info_name=f"tracekit {name}"))
    near = get_close_matches(name, [*_TOPICS, *group.list_commands(context)], n=1)
    nearest = f" Did you mean {near[0]!r}?" if near else ""
    raise click.UsageError(f"There is no page {name!r} in the manual.{nearest} `tracekit help` lists the pages.")
