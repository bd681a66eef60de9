"""Tests of agents: `check` states conditions of a run, `RunSnapshot` compares a run with an earlier one.

tracekit.testing.check(run).parallel("draft_agent", "compliance_agent").cost_below(0.5)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracekit.testing.checks import Check, check
from tracekit.testing.outline import outline

if TYPE_CHECKING:
    from tracekit.testing.snapshots import RunSnapshot

__all__ = ["Check", "RunSnapshot", "check", "outline"]


def __getattr__(name: str) -> Any:
    if name == "RunSnapshot":
        # syrupy is loaded by those who use it.
        from tracekit.testing.snapshots import RunSnapshot  # noqa: PLC0415

        return RunSnapshot
    raise AttributeError(f"module 'tracekit.testing' has no attribute {name!r}")
