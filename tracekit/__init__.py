"""tracekit: see, check and replay multi-agent Claude runs.

Names are loaded when they are first used, so that `import tracekit` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracekit.configure import Handle, Scope, agent, init, run, tool, turn, wrap
    from tracekit.errors import (
        AmbiguousRunError,
        HomeError,
        JournalError,
        NewerJournalError,
        PricesError,
        RunNotFoundError,
        TracekitError,
        UnsupportedSdkError,
    )

__version__ = "0.1.0"

__all__ = [
    "AmbiguousRunError",
    "Handle",
    "HomeError",
    "JournalError",
    "NewerJournalError",
    "PricesError",
    "RunNotFoundError",
    "Scope",
    "TracekitError",
    "UnsupportedSdkError",
    "__version__",
    "agent",
    "init",
    "run",
    "tool",
    "turn",
    "wrap",
]

_CONFIGURE = ("Handle", "Scope", "agent", "init", "run", "tool", "turn", "wrap")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'tracekit' has no attribute {name!r}")
    return getattr(import_module("tracekit.configure" if name in _CONFIGURE else "tracekit.errors"), name)


def __dir__() -> list[str]:
    return list(__all__)
