"""Greenlets, as gevent and eventlet use them in place of threads: who runs, and in which span it was started.

A greenlet has context variables of its own, which begin empty. It stands in the span in which it was spawned.
"""

from __future__ import annotations

import contextvars
import functools
import sys
from collections.abc import Callable
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from tracekit.instrument.guard import guarded
from tracekit.instrument.importing import loaded

__all__ = [
    "SPAWNING",
    "begin_greenlet",
    "current_greenlet",
    "green_library",
    "inherit_context",
    "spawn",
    "spawner_of",
    "start_in_group",
]

SPAWNING: Final = ("spawn", "spawn_later", "spawn_raw")
"""The functions of the module `gevent` that start a greenlet. Its class is compiled, so that its methods stay."""

_LIBRARIES: Final = ("gevent", "eventlet")


def current_greenlet() -> Any:
    """Return the greenlet that runs on this thread, or None in the thread's main greenlet or without greenlets."""
    getcurrent = getattr(sys.modules.get("greenlet"), "getcurrent", None)
    if getcurrent is None:
        return None
    current = getcurrent()
    return current if current.parent is not None else None


def spawner_of(greenlet: Any) -> Any:
    """Return the greenlet that spawned `greenlet`, as far as gevent tells."""
    spawning = getattr(greenlet, "spawning_greenlet", None)
    return spawning() if callable(spawning) else None


def inherit_context(greenlet: Any) -> Context | None:
    """Return OpenTelemetry's context of the greenlet that spawned `greenlet`, as it is now; None if it has none."""
    context = getattr(spawner_of(greenlet), "gr_context", None)
    return context.copy().run(otel_context.get_current) if context is not None else None


def green_library() -> str | None:
    """Return the library, gevent or eventlet, that has replaced threads and sockets or runs the caller; None without."""
    monkey = loaded("gevent.monkey")
    if monkey is not None and any(monkey.is_module_patched(name) for name in ("socket", "threading", "time")):
        return "gevent"
    patcher = loaded("eventlet.patcher")
    if patcher is not None and any(patcher.is_monkey_patched(name) for name in ("socket", "thread", "time")):
        return "eventlet"
    kinds = {kind.__module__.partition(".")[0] for kind in type(current_greenlet()).__mro__}
    return next((library for library in _LIBRARIES if library in kinds), None)


# ── what starts greenlets ────────────────────────────────────────────────────────────────────────────────────────────


def spawn(original: Callable[..., Any]) -> Callable[..., Any]:
    """A function that starts a greenlet, which gives the greenlet the caller's context."""

    @functools.wraps(original)
    def spawn(*args: Any, **kwargs: Any) -> Any:
        greenlet = original(*args, **kwargs)
        _give_context(greenlet)
        return greenlet

    return spawn


def start_in_group(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Group.start` of gevent's pools, which gives the greenlet the caller's context."""

    @functools.wraps(original)
    def start(group: Any, greenlet: Any) -> Any:
        _give_context(greenlet)
        return original(group, greenlet)

    return start


def begin_greenlet(original: Callable[..., None]) -> Callable[..., None]:
    """`GreenThread.__init__` of eventlet, which gives the greenlet the caller's context."""

    @functools.wraps(original)
    def begin(greenlet: Any, *args: Any, **kwargs: Any) -> None:
        original(greenlet, *args, **kwargs)
        _give_context(greenlet)

    return begin


@guarded
def _give_context(greenlet: Any) -> None:
    """Let `greenlet`, which has not run yet, begin in the caller's context of OpenTelemetry and in no other variable."""
    if getattr(greenlet, "gr_context", "") is None:
        context = contextvars.Context()
        context.run(otel_context.attach, otel_context.get_current())
        greenlet.gr_context = context
