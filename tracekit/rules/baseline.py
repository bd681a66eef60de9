"""Compare the findings of two runs: new ones, and ones that cost more than in the baseline.

Runs differ in ids and times, so a finding is recognised by its code and the names of the agents and tools that it is
about. It costs more if it saves over a tenth more than its counterpart in the baseline, and over a fiftieth of a second
or a hundredth of a cent: times never repeat exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from tracekit.model.finding import Finding
from tracekit.model.tree import Run
from tracekit.rules.rule import names_of

__all__ = ["Fingerprint", "beyond", "fingerprints"]

Fingerprint: TypeAlias = tuple[str, ...]
"""A finding's code and the names of the agents and tools that it is about, in alphabetical order."""

_MORE = 1.1
_LEAST_MS = 20.0
_LEAST_USD = 0.0001


def fingerprints(run: Run, findings: Sequence[Finding]) -> list[Fingerprint]:
    """Return the fingerprint of each of the `findings` of `run`, by which another run is searched for it."""
    names = names_of(run)
    return [
        (finding.code, *sorted({name for span in finding.spans for name in names.get(span, ())}))
        for finding in findings
    ]


def beyond(run: Run, findings: Sequence[Finding], base: Run, known: Sequence[Finding]) -> list[Finding]:
    """Return the `findings` of `run` that are new or cost more than in the run `base` with its findings `known`."""
    left: dict[Fingerprint, list[Finding]] = {}
    for fingerprint, finding in zip(fingerprints(base, known), known, strict=True):
        left.setdefault(fingerprint, []).append(finding)
    new = []
    for fingerprint, finding in zip(fingerprints(run, findings), findings, strict=True):
        candidates = left.get(fingerprint, [])
        like = max(candidates, key=lambda other: other.saved_ms or 0.0, default=None)
        if like is None or _is_dearer(finding, like):
            new.append(finding)
        if like is not None:
            candidates.remove(like)
    return new


def _is_dearer(finding: Finding, like: Finding) -> bool:
    return _is_more(finding.saved_ms, like.saved_ms, _LEAST_MS) or _is_more(
        finding.saved_usd, like.saved_usd, _LEAST_USD
    )


def _is_more(value: float | None, base: float | None, least: float) -> bool:
    return value is not None and value > (base or 0.0) * _MORE and value > (base or 0.0) + least
