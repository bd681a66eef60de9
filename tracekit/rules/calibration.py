"""How often each kind of evidence was right on labelled runs; `tests/bench/calibrate.py` prints the table."""

from __future__ import annotations

from tracekit.analysis.lineage.verdict import Reason
from tracekit.model.finding import Confidence, Finding

__all__ = ["HIT_RATES", "confidence_of", "evidence_of", "hit_rate", "measured_rate"]

HIT_RATES: dict[str, tuple[int, int]] = {
    "certain, one response": (25, 25),
    "likely (a)": (34, 77),
    "likely (b)": (26, 67),
    "possible, one response": (0, 1),
    "possible, rank 0": (32, 155),
    "possible, rank 1": (4, 37),
}
"""Right findings and all findings, by the evidence. Most of the runs were written to mislead."""

_LETTERS: dict[Reason, str] = {"effects": "a", "together": "b"}
_AS = ": right in "


def confidence_of(reason: Reason) -> Confidence:
    """Return how sure it is that steps are independent of which no dependence was seen."""
    return "likely" if reason else "possible"


def hit_rate(reason: Reason, rank: int = 0) -> str:
    """Say how often findings with such evidence were right on labelled runs."""
    return measured_rate(f"likely ({_LETTERS[reason]})" if reason else f"possible, rank {rank}")


def measured_rate(evidence: str) -> str:
    """Say how often findings with this kind of evidence were right on labelled runs."""
    right, whole = HIT_RATES.get(evidence, (0, 0))
    return f"{evidence}{_AS}{right} of {whole} labelled runs, most of them hard cases"


def evidence_of(finding: Finding) -> str:
    """Return the kind of evidence that a finding tells of; empty for a finding that does not rest on dependence."""
    return next((line.partition(_AS)[0] for line in finding.evidence if _AS in line), "")
