"""The findings of our own rules by their default settings, as lists, trees and the store show them."""

from __future__ import annotations

from collections.abc import Sequence

from tracekit.model.finding import Finding, likely_of
from tracekit.model.tree import Run
from tracekit.rules.check import findings_of
from tracekit.rules.table import OWN

__all__ = ["count_likely", "default_findings"]


def default_findings(run: Run) -> list[Finding]:
    """Return the findings of `run`. A rule that fails is skipped: lists of runs don't show its error."""
    return findings_of(run, rules=OWN, faults=[])


def count_likely(findings: Sequence[Finding]) -> int:
    """Return the number of `findings` that are likely or certain."""
    return len(likely_of(findings))
