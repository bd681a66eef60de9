"""Explain in words which steps depend on which, and why."""

from __future__ import annotations

from tracekit.analysis.batches import Batch
from tracekit.analysis.facts import Facts
from tracekit.rules.split_turns import verdicts
from tracekit.rules.words import counted

__all__ = ["explain"]

_SAYS = {
    "declared": "needed, as declared",
    "flow": "needed",
    "conflict": "must keep their order",
    "unknown": "not known",
    "none": "not seen to be needed",
}


def explain(facts: Facts) -> list[str]:
    """Return a line for each turn of an agent that follows another: whether it depends on that, and why."""
    return [
        f"{found.agent.agent}: {_asked(found.later)} after {_asked(found.earlier)}: {_SAYS[found.verdict.tie]}: "
        f"{'; '.join(found.verdict.evidence)}"
        for found in verdicts(facts)
    ]


def _asked(batch: Batch) -> str:
    return counted(batch.works)
