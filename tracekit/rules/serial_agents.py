"""The program ran agents one after another that do not depend on each other.

## What it finds

Agents side by side under one run, agent or span, which the program's own code set to work, strictly one after another,
and of which none was given anything that came of one before. Likely: code passes on what it read word for word, so a
value that flowed would be seen. Possible where they lead teams of their own, since they may be tasks in a queue, and
where they do different work.

## Why it matters

As in TK102, the time is the sum of the agents' times instead of the longest.

## Example

    with tracekit.run("review"):
        for path in paths:
            reports.append(await analyse(path))     # @tracekit.agent

## What to do

    reports = await asyncio.gather(*(analyse(path) for path in paths))

## Settings

`min-saving` hides findings that save less. `concurrency` says how many may work at once; the saving is computed for it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from tracekit.analysis.batches import Batch, Work
from tracekit.analysis.dependence import Team
from tracekit.analysis.facts import Facts
from tracekit.analysis.overlap import TOLERANCE_NS
from tracekit.analysis.schedule import packed
from tracekit.model.finding import Finding
from tracekit.rules.blocked_event_loop import held_up
from tracekit.rules.rearrange import saved_together
from tracekit.rules.rule import Rule
from tracekit.rules.words import counted, times

__all__ = ["RULE"]


def check(facts: Facts) -> Iterator[Finding]:
    """Findings for each row of agents that could have run together."""
    blocked = {id for held in held_up(facts) for id in held.branches}
    for crew in facts.crews:
        for row in _rows(crew, blocked):
            yield from _independent(facts, crew, row)


def _rows(crew: Batch, blocked: set[str]) -> Iterator[list[Work]]:
    """Agents that ran one after another, with no other agent beside them and no turn between."""
    others = sorted(node.start_ns for node in crew.container.children if node.kind in ("turn", "llm"))
    row: list[Work] = []
    last_ns = 0
    for work in sorted(crew.works, key=lambda work: work.node.start_ns):
        begin_ns, end_ns = work.node.start_ns, work.node.end_ns
        is_after = begin_ns >= last_ns - TOLERANCE_NS
        parted = bisect_left(others, last_ns) < bisect_right(others, begin_ns) if row else False
        if row and (not is_after or parted):
            if len(row) > 1:
                yield row
            row = []
        if is_after and end_ns is not None and work.node.status == "ok" and work.node.id not in blocked:
            row.append(work)
        elif not is_after and row:
            row.pop()
        last_ns = max(last_ns, end_ns if end_ns is not None else 1 << 63)
    if len(row) > 1:
        yield row


def _independent(facts: Facts, crew: Batch, row: Sequence[Work]) -> Iterator[Finding]:
    """A finding for each stretch of `row` whose agents need nothing of each other."""
    group: list[Work] = []
    team = Team()
    evidence: list[str] = []
    tie = "likely"
    for work in [*row, None]:
        if work is not None and group:
            profile = facts.profile(work)
            verdict = team.verdict(profile)
            is_free = verdict.tie in ("likely", "possible") and (len(group) == 1 or verdict.tie == tie)
            if is_free and not team.has_asked(profile) and facts.is_one_clock((group[0], work)):
                tie = verdict.tie
                group.append(work)
                evidence += verdict.evidence
                team.add(profile)
                continue
        if len(group) > 1:
            yield from _finding(facts, crew, group, evidence, is_likely=tie == "likely")
        if work is not None:
            group, team, evidence = [work], Team(), []
            team.add(facts.profile(work))


def _finding(
    facts: Facts, crew: Batch, works: Sequence[Work], evidence: Sequence[str], *, is_likely: bool
) -> Iterator[Finding]:
    offsets = packed([work.duration_ns for work in works], facts.limit)
    saved_ns = saved_together(facts, crew.container, works, offsets)
    if saved_ns <= 0:
        return
    origin_ns = facts.run.root.start_ns
    # Agents with teams of their own may be tasks that are meant to be done one after another.
    leads = any(node.kind == "agent" and node is not work.node for work in works for node in work.node.walk())
    yield RULE.finding(
        "likely" if is_likely and not leads else "possible",
        f"the program ran {counted(works)} one after another, though none was given anything of what another said",
        evidence=[*times(works, origin_ns), *dict.fromkeys(evidence)],
        spans=[*(work.node.id for work in works), crew.container.id],
        saved_ns=saved_ns,
        remedy="Run them together: `await asyncio.gather(...)` over the agents, or `ThreadPoolExecutor.map` with a sync "
        "client.",
    )


RULE = Rule("TK106", "serial-agents", check, __doc__)
