"""What our own rules say of a run by their default settings: what lists, trees and the store tell of it."""

from __future__ import annotations

from collections.abc import Sequence

from tracekit.model.finding import Finding, is_at_least
from tracekit.model.tree import Run
from tracekit.rules.check import findings_of
from tracekit.rules.table import OWN

__all__ = ["default_findings", "grave"]


def default_findings(run: Run) -> list[Finding]:
    """The findings of `run`. A rule that fails says nothing here: whoever lists runs has no use for its error."""
    return findings_of(run, rules=OWN, faults=[])


def grave(findings: Sequence[Finding]) -> int:
    """How many of `findings` are likely or certain."""
    return sum(is_at_least(finding.confidence, "likely") for finding in findings)
