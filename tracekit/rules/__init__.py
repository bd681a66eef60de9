"""Rules: what was slow or expensive for no reason, with evidence. One file a rule; `table` lists them all."""

from __future__ import annotations

from tracekit.rules.check import Options, findings_of

__all__ = ["Options", "findings_of"]
