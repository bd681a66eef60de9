"""tracekit: see, check and replay multi-agent Claude runs.

Names are loaded when they are first used, so that `import tracekit` costs next to nothing.

PYTEST_DONT_REWRITE: the hook of `tracekit run` imports this package before pytest could rewrite it, of which pytest warns.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracekit import testing as testing
    from tracekit.configure import init, wrap
    from tracekit.errors import (
        AmbiguousRunError,
        DamagedStoreError,
        FilterError,
        HomeError,
        JournalError,
        JudgeError,
        LakeError,
        NewerJournalError,
        NewerStoreError,
        OtlpError,
        OutputError,
        PricesError,
        QueryError,
        ReplayDivergence,
        ReplayError,
        ReplayImpossible,
        RowsError,
        RunNotFoundError,
        SecretsError,
        SettingsError,
        SourceError,
        StoreBusyError,
        StoreError,
        TracekitError,
        UnsupportedSdkError,
    )
    from tracekit.instrument.scopes import Handle, Scope, agent, run, tool, turn
    from tracekit.reading import LoadedRun, RunMessage, load, runs, sql
    from tracekit.replayer import replay
    from tracekit.runtime import Orchestrator, Result, Subagent

__version__ = "0.1.0"

__all__ = [
    "AmbiguousRunError",
    "DamagedStoreError",
    "FilterError",
    "Handle",
    "HomeError",
    "JournalError",
    "JudgeError",
    "LakeError",
    "LoadedRun",
    "NewerJournalError",
    "NewerStoreError",
    "Orchestrator",
    "OtlpError",
    "OutputError",
    "PricesError",
    "QueryError",
    "ReplayDivergence",
    "ReplayError",
    "ReplayImpossible",
    "Result",
    "RowsError",
    "RunMessage",
    "RunNotFoundError",
    "Scope",
    "SecretsError",
    "SettingsError",
    "SourceError",
    "StoreBusyError",
    "StoreError",
    "Subagent",
    "TracekitError",
    "UnsupportedSdkError",
    "__version__",
    "agent",
    "init",
    "load",
    "replay",
    "run",
    "runs",
    "sql",
    "tool",
    "turn",
    "wrap",
]

_HOMES = {
    "configure": ("init", "wrap"),
    "instrument.scopes": ("Handle", "Scope", "agent", "run", "tool", "turn"),
    "reading": ("LoadedRun", "RunMessage", "load", "runs", "sql"),
    "replayer": ("replay",),
    "runtime": ("Orchestrator", "Result", "Subagent"),
}
"""Where the names are that are no errors."""


def __getattr__(name: str) -> Any:
    if name == "testing":
        return import_module("tracekit.testing")
    if name == "load_ipython_extension":
        # `%load_ext tracekit` looks for it.
        return import_module("tracekit.reading.notebook").load_extension
    if name not in __all__:
        raise AttributeError(f"module 'tracekit' has no attribute {name!r}")
    module = next((module for module, names in _HOMES.items() if name in names), "errors")
    return getattr(import_module(f"tracekit.{module}"), name)


def __dir__() -> list[str]:
    return list(__all__)
