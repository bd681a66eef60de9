"""The what-if of the HTML page: the times of spans with the changes that findings propose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracekit.analysis.facts import Facts
from tracekit.analysis.timing.what_if import WhatIf, drawn
from tracekit.model.change import Change, combined
from tracekit.model.finding import Finding, is_at_least
from tracekit.model.tree import Run

__all__ = ["changes_data"]

_MOST_TIMES = 200_000
"""Times of spans in all changes together, so that the page of a large run stays small."""


def changes_data(run: Run, findings: Sequence[Finding], places: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the changed schedules: that of all certain and likely findings first, then those of single findings.

    `moved` has the new begin and end of each span that moves, by its place; `gone` has the spans that disappear.
    """
    changed = [(number, finding) for number, finding in enumerate(findings) if finding.change]
    if not changed:
        return []
    sure = [(number, finding) for number, finding in changed if is_at_least(finding.confidence, "likely")]
    wanted = [([number], _change([finding])) for number, finding in changed]
    if len(sure) > 1:
        wanted.insert(0, ([number for number, _ in sure], _change([finding for _, finding in sure])))
    schedule, found, times = Facts(run).schedule, [], 0
    for numbers, change in wanted:
        shown = _change_data(drawn(schedule, run.root, change), run, places)
        times += len(shown["moved"])
        if times > _MOST_TIMES:
            break
        found.append({"findings": numbers, **shown})
    return found


def _change(findings: Sequence[Finding]) -> Change:
    return combined(finding.change for finding in findings if finding.change is not None)


def _change_data(made: WhatIf, run: Run, places: Mapping[str, int]) -> dict[str, Any]:
    zero_ns = run.root.start_ns
    moved: dict[int, list[int]] = {}
    gone: list[int] = []
    for node in run.root.walk():
        at = made.times.get(node.id)
        if at is None:
            gone.append(places[node.id])
        elif at != (node.start_ns, node.end_ns):
            moved[places[node.id]] = [at.start_ns - zero_ns, at.end_ns - zero_ns]
    return {
        "was": made.was.end_ns - zero_ns,
        "could": made.could.end_ns - zero_ns,
        "saved": made.saved_ns,
        "moved": moved,
        "gone": gone,
    }
