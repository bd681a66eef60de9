"""A finding of a rule about a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tracekit.model.change import Change
from tracekit.model.question import Question, Ruling

__all__ = ["CONFIDENCES", "Confidence", "Finding", "codes_by_span", "is_at_least", "likely_of"]

Confidence: TypeAlias = Literal["certain", "likely", "possible"]
"""The confidence of a finding.

`certain`: the record shows it; `likely`: all evidence agrees; `possible`: worth a look.
"""

CONFIDENCES: tuple[Confidence, ...] = ("certain", "likely", "possible")
"""From the surest to the least sure."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    `evidence` are sentences that say why; `spans` are the ids of the nodes concerned, the decisive first. `saved_ms` is
    the time by which the run would have been shorter, in milliseconds, and `saved_usd` what it would have cost less, in
    US dollars; each is None where it cannot be computed. `change` says what would run at another time, and `saved_ms` is
    computed from it; None where nothing would, and in a finding that was read from the store. `question` is what a judge
    may decide about a possible finding, and `judged` the judge's ruling. Among findings of one confidence those of a
    higher `rank` come first.
    """

    code: str
    rule: str
    confidence: Confidence
    message: str
    evidence: tuple[str, ...]
    spans: tuple[str, ...]
    saved_ms: float | None
    saved_usd: float | None
    remedy: str
    change: Change | None = field(default=None, compare=False)
    rank: int = 0
    question: Question | None = field(default=None, compare=False, repr=False)
    judged: Ruling | None = field(default=None, compare=False)


def is_at_least(confidence: Confidence, least: Confidence) -> bool:
    """Return whether `confidence` is at least as sure as `least`."""
    return CONFIDENCES.index(confidence) <= CONFIDENCES.index(least)


def likely_of(findings: Iterable[Finding]) -> list[Finding]:
    """Return those of `findings` that are likely or certain, as trees and pages show them."""
    return [finding for finding in findings if is_at_least(finding.confidence, "likely")]


def codes_by_span(findings: Iterable[Finding]) -> dict[str, list[str]]:
    """Return the codes of `findings` about each span, each once, by the span's id."""
    codes: dict[str, list[str]] = {}
    for finding in findings:
        for span in finding.spans:
            known = codes.setdefault(span, [])
            if finding.code not in known:
                known.append(finding.code)
    return codes
