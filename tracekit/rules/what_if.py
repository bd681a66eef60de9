"""The findings of a run, each with the run as it would have been without what was found.

A rule says in milliseconds what a run would have saved; the schedule that it asked for that number is what can be drawn.
So the schedule is asked by the rule itself, and remembers what it was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from tracekit.analysis.facts import Facts
from tracekit.analysis.timing.schedule import Change, Schedule
from tracekit.analysis.timing.what_if import WhatIf, what_if
from tracekit.model.finding import Finding
from tracekit.model.tree import Node, Run
from tracekit.rules.check import findings_of
from tracekit.rules.rule import Rule
from tracekit.rules.table import OWN

__all__ = ["Found", "found_in"]


@dataclass(frozen=True, slots=True)
class Found:
    """A finding; `what_if` works out the schedule behind its `saved_ms`, and is None where it has none."""

    finding: Finding
    # It holds the whole run, which nobody wants to see in a log.
    what_if: Callable[[], WhatIf] | None = field(repr=False, compare=False)


def found_in(run: Run, rules: Sequence[Rule] = OWN) -> list[Found]:
    """What `default_findings` says of `run`, with the schedules behind it."""
    behind: dict[Finding, Callable[[], WhatIf]] = {}
    listening = [replace(rule, check=partial(_listen, rule, behind)) for rule in rules]
    return [Found(finding, behind.get(finding)) for finding in findings_of(run, rules=listening, faults=[])]


class _Remembering(Schedule):
    """A schedule that remembers which savings it was asked for, and what it answered."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(facts.parents, facts.last_ns, facts.least_ns, facts.requested)
        self.asked: list[tuple[Node, Change, int]] = []

    def saved_ns(self, node: Node, change: Change) -> int:
        """As `Schedule.saved_ns`."""
        saved_ns = super().saved_ns(node, change)
        self.asked.append((node, change, saved_ns))
        return saved_ns


def _listen(rule: Rule, behind: dict[Finding, Callable[[], WhatIf]], facts: Facts) -> Iterator[Finding]:
    """What `rule` finds; `behind` takes for each finding the schedule that its saving came from."""
    if not isinstance(facts.schedule, _Remembering):
        facts.schedule = _Remembering(facts)
    schedule = facts.schedule
    assert isinstance(schedule, _Remembering)
    for finding in rule.check(facts):
        for node, change, saved_ns in reversed(schedule.asked):
            if saved_ns > 0 and finding.saved_ms == round(saved_ns / 1e6, 3):
                behind[finding] = partial(what_if, schedule, facts.parents, node, change)
                break
        schedule.asked.clear()
        yield finding
