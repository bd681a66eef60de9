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
        DamagedStoreError,
        HomeError,
        JournalError,
        NewerJournalError,
        NewerStoreError,
        PricesError,
        QueryError,
        RunNotFoundError,
        SecretsError,
        SettingsError,
        StoreBusyError,
        StoreError,
        TracekitError,
        UnsupportedSdkError,
    )
    from tracekit.runtime import Orchestrator, Result, Subagent

__version__ = "0.1.0"

__all__ = [
    "AmbiguousRunError",
    "DamagedStoreError",
    "Handle",
    "HomeError",
    "JournalError",
    "NewerJournalError",
    "NewerStoreError",
    "Orchestrator",
    "PricesError",
    "QueryError",
    "Result",
    "RunNotFoundError",
    "Scope",
    "SecretsError",
    "SettingsError",
    "StoreBusyError",
    "StoreError",
    "Subagent",
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
_RUNTIME = ("Orchestrator", "Result", "Subagent")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'tracekit' has no attribute {name!r}")
    module = "configure" if name in _CONFIGURE else "runtime" if name in _RUNTIME else "errors"
    return getattr(import_module(f"tracekit.{module}"), name)


def __dir__() -> list[str]:
    return list(__all__)
