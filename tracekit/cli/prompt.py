"""The prompt of `tracekit sql`: completion, history, and statements over several lines, until a semicolon."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer
from typing_extensions import override

from tracekit.journal.home import home
from tracekit.store.ask import Readable, keywords
from tracekit.store.views import VIEWS, listing

__all__ = ["Words", "prompt"]

_END = ("exit", "quit", ".exit", ".quit", "\\q")
_TABLES = (".tables", "\\d")
_HELP = "type a SELECT and a semicolon; .tables lists views and columns, Tab completes, Ctrl-D ends"


def prompt(store: Readable, answer: Callable[[str], None]) -> None:
    """Read queries and pass each to `answer`, until the user ends the prompt."""
    history = home() / "sql-history"
    history.touch(mode=0o600)
    session: PromptSession[str] = PromptSession(
        "sql> ",
        multiline=True,
        prompt_continuation="...> ",
        history=FileHistory(history),
        completer=Words(keywords(store)),
        complete_while_typing=False,
        lexer=PygmentsLexer(SqlLexer),
        key_bindings=_keys(),
    )
    click.echo(f"tracekit: {_HELP}", err=True)
    while True:
        try:
            text = session.prompt().strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text.rstrip(";").strip().lower() in _END:
            return
        if text in _TABLES:
            click.echo("\n".join(listing()).rstrip())
        elif text.rstrip("; \n"):
            answer(text)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        """A statement is whole at its semicolon; a command of the prompt's own is one word."""
        text = event.current_buffer.text.strip()
        if text.endswith(";") or text in (*_END, *_TABLES) or not text:
            event.current_buffer.validate_and_handle()
        else:
            event.current_buffer.newline()

    return keys


class Words(Completer):
    """Completes views, their columns and SQL's words; after ``view.``, that view's columns."""

    def __init__(self, sql: Iterable[str]) -> None:
        self._columns = {view.name: [column.name for column in view.columns] for view in VIEWS}
        names = {column.name: view.name for view in reversed(VIEWS) for column in view.columns}
        self._words = [(view.name, "view") for view in VIEWS]
        self._words += [(name, f"in {view}") for name, view in sorted(names.items())]
        self._words += [(word, "") for word in sql]

    @override
    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        word = document.get_word_before_cursor(WORD=True).rpartition("(")[2].rpartition(",")[2]
        view, dot, begun = word.rpartition(".")
        found = [(name, "") for name in self._columns.get(view.lower(), [])] if dot else self._words
        for name, meta in found:
            if name.lower().startswith(begun.lower()):
                yield Completion(name, -len(begun), display_meta=meta)
