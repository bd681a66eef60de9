"""How often each kind of evidence was right on labelled runs; `tests/bench/calibrate.py` prints the table."""

from __future__ import annotations

from tracekit.analysis.lineage.verdict import Reason
from tracekit.model.finding import Confidence

__all__ = ["HIT_RATES", "confidence_of", "hit_rate"]

HIT_RATES: dict[str, tuple[int, int]] = {}
"""Right findings and all findings, by the evidence."""

_LETTERS: dict[Reason, str] = {"effects": "a", "together": "b"}


def confidence_of(reason: Reason) -> Confidence:
    """Return how sure it is that steps are independent of which no dependence was seen."""
    return "likely" if reason else "possible"


def hit_rate(reason: Reason, rank: int) -> str:
    """Say how often findings with such evidence were right on labelled runs."""
    key = f"likely ({_LETTERS[reason]})" if reason else f"possible, rank {rank}"
    right, whole = HIT_RATES.get(key, (0, 0))
    return f"{key}: right in {right} of {whole} labelled runs"
