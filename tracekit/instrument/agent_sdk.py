"""Sessions of Claude Code that a program starts with claude-agent-sdk: their ids, and the spans that started them.

The requests of a session are made by a program of its own, so they are not seen here. `tracekit run` imports the session's
transcript when the program has ended, and puts it below the span.
"""

from __future__ import annotations

import functools
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

from tracekit.instrument.context import current_span
from tracekit.instrument.guard import guarded
from tracekit.instrument.importing import when_imported
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.recorder import active
from tracekit.model.run import Session
from tracekit.notes import note_session

__all__ = ["hear_of_sessions", "is_joined"]

Replace = Callable[[type | ModuleType, str, Callable[[Any], Any]], object]

_MODULE = "claude_agent_sdk._internal.transport.subprocess_cli"
_SESSION_VARIABLE = "TRACEKIT_SESSION"
_PLACE = "_tracekit_place"
_joining: ContextVar[bool] = ContextVar("tracekit_joining", default=False)


def hear_of_sessions(replace: Replace) -> None:
    """Replace, with `replace`, the methods with which the SDK starts Claude Code and reads its output."""
    when_imported(_MODULE, lambda module: _hook(module, replace))


def is_joined() -> bool:
    """Return whether Claude Code is being started whose session `tracekit run` will import."""
    return _joining.get()


def _hook(module: ModuleType, replace: Replace) -> None:
    transport = getattr(module, "SubprocessCLITransport", None)
    # A release without these is left as it is: its sessions are counted as programs.
    if all(callable(getattr(transport, name, None)) for name in ("connect", "read_messages")):
        assert isinstance(transport, type)
        replace(transport, "connect", _connect)
        replace(transport, "read_messages", _read_messages)


def _connect(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def connect(transport: Any, *args: Any, **kwargs: Any) -> Any:
        token = _joining.set(_take_place(transport) is not None)
        try:
            return await original(transport, *args, **kwargs)
        finally:
            _joining.reset(token)

    return connect


@guarded
def _take_place(transport: Any) -> str | None:
    """Note on `transport` the span around the caller, and return the folder of the run's session; None without one."""
    folder = _folder()
    if folder is not None:
        setattr(transport, _PLACE, current_span())
    return folder


def _folder() -> str | None:
    recorder, variable = active(), os.environ.get(_SESSION_VARIABLE)
    return Session.loads(variable).hello if recorder is not None and recorder.upstream.is_live and variable else None


def _read_messages(original: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    @functools.wraps(original)
    async def read_messages(transport: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        known: set[str] = set()
        async with aclosing(_closable(original(transport, *args, **kwargs))) as messages:
            async for message in messages:
                _note(transport, message, known)
                yield message

    return read_messages


async def _closable(messages: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    """Yield `messages`, and close them where they can be closed."""
    try:
        async for message in messages:
            yield message
    finally:
        close = getattr(messages, "aclose", None)
        if close is not None:
            await close()


@guarded
def _note(transport: Any, message: Any, known: set[str]) -> None:
    """Note the session of `message`, if it is the first of the session."""
    session = message.get("session_id") if isinstance(message, dict) else None
    if not isinstance(session, str) or session in known or _PLACE not in vars(transport):
        return
    known.add(session)
    folder, live = _folder(), getattr(transport, _PLACE)
    if folder is not None:
        note_session(Path(folder), session, _written(live))


def _written(live: LiveSpan | None) -> str:
    """Return the id of the nearest span, from `live` on, that is in the record; "" for none."""
    recorder = active()
    if live is None or recorder is None:
        return ""
    if recorder.is_within_run(live):
        recorder.write_begin(live)
    return live.id if live.written else ""
