"""The program ran agents, or calls, one after another that do not depend on each other.

## What it finds

Agents under one run, agent or span that the program's own code started strictly one after another, where no agent's
input contains an earlier agent's output; and three or more single calls with one prompt, filled in differently each
time. Code passes values on word for word, so a value that was passed on is seen, but a decision that the code based on
it is not. A finding is therefore likely only if the effects of all agents are known and none conflicts: they are
declared, recorded, or empty because the subagent has no tools. All other findings are possible, and a judge may decide
them (`tracekit check --judge`). Waits between the agents are kept in the estimate.

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

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from tracekit.analysis.batches import Batch, Task
from tracekit.analysis.content import leaves
from tracekit.analysis.facts import Facts
from tracekit.analysis.lineage.verdict import MOST_COMPARED, Team
from tracekit.analysis.timing.overlap import TOLERANCE_NS
from tracekit.analysis.timing.schedule import packed
from tracekit.model.finding import Finding
from tracekit.rules.calibration import confidence_of, hit_rate
from tracekit.rules.questions import question_of
from tracekit.rules.rearrange import saved_together
from tracekit.rules.rule import Rule
from tracekit.rules.words import MOST_TIMES, counted, distinguishing_labels, times

__all__ = ["RULE"]

_LEAST_CALLS = 3
"""Two calls that are worded alike are soon found; three are a loop."""


def check(facts: Facts) -> Iterator[Finding]:
    """Findings for each row of agents, or of calls, that could have run together."""
    blocked = {id for held in facts.held for id in held.branches}
    left = MOST_COMPARED
    for crews, least in ((facts.crews, 2), (facts.single_calls, _LEAST_CALLS)):
        for crew in crews:
            for whole in _rows(crew, blocked):
                row = whole[:left]
                # If the run would not be shorter with all of them at the first's begin, nothing of it need be read.
                if len(row) < least or not facts.schedule.carried_ns(
                    crew.container, row[-1].node.start_ns - row[0].node.start_ns
                ):
                    continue
                left -= len(row)
                for _, alike in groupby(row, partial(_template, facts)):
                    for team in _independent(facts, list(alike)):
                        if len(team.rounds) >= least:
                            yield from _finding(facts, crew, team)


def _template(facts: Facts, work: Task) -> tuple[str, ...]:
    """Return the parts that single calls of one line of code share; the same for all agents."""
    if not work.called:
        return ()
    request = facts.content.request(work.calls[0])
    return work.called, str(work.calls[0].model), *leaves([request.get("system"), request.get("tools")])


def _rows(crew: Batch, blocked: set[str]) -> Iterator[list[Task]]:
    """Works that ran one after another, with none beside them, and no failure, turn or call between."""
    works = {work.node.id: work for work in crew.works}
    row: list[Task] = []
    last_ns = 0
    for node in sorted(crew.container.children, key=lambda node: node.start_ns):
        work = works.get(node.id)
        if work is None and node.kind not in ("turn", "llm", "agent"):
            continue
        is_after = node.start_ns >= last_ns - TOLERANCE_NS
        is_done = node.end_ns is not None and node.status == "ok" and node.id not in blocked
        if work is None or not is_after or not is_done:
            yield row if is_after else row[:-1]
            row = []
        if work is not None and is_after and is_done:
            row.append(work)
        last_ns = max(last_ns, 1 << 63 if node.end_ns is None else node.end_ns)
    yield row


def _independent(facts: Facts, row: Sequence[Task]) -> Iterator[Team]:
    """Yield `row` in stretches of which no step was seen to need another."""
    team = Team()
    for work in row:
        profile = facts.profile(work)
        verdict = team.verdict(profile) if team.rounds else None
        if verdict and not (team.takes(verdict) and facts.is_one_clock((team.rounds[0][0].work, work))):
            yield team
            team, verdict = Team(), None
        team.add(profile, verdict=verdict)
    yield team


def _finding(facts: Facts, crew: Batch, team: Team) -> Iterator[Finding]:
    works = [profile.work for profiles in team.rounds for profile in profiles]
    offsets = packed([work.duration_ns for work in works], facts.limit)
    saving = saved_together(facts, crew.container, works, offsets, keep_gaps=True)
    if saving.ns <= 0:
        return
    between = _between(facts, crew, works)
    reason = "" if between else team.reason
    about = distinguishing_labels(facts, works[:MOST_TIMES])
    needs = "though none was given" if reason else "and maybe none needs"
    yield RULE.finding(
        confidence_of(reason),
        f"the program ran {counted(works)} one after another, {needs} anything of what another said",
        evidence=[
            *times(works, facts.run.root.start_ns, about=about),
            *dict.fromkeys(team.evidence),
            *([f"the program ran {between} between them, whose effects are unknown"] if between else []),
            hit_rate(reason),
        ],
        spans=[*(work.node.id for work in works), crew.container.id],
        saving=saving,
        remedy="Run them together: `await asyncio.gather(...)` over the agents, or `ThreadPoolExecutor.map` with a sync "
        "client.",
        question=None if reason else question_of(facts, None, team.rounds),
    )


def _between(facts: Facts, crew: Batch, works: Sequence[Task]) -> str:
    """Name a tool of unknown effects that the program ran between two of `works`; empty where there is none."""
    begin_ns, end_ns = works[0].node.start_ns, works[-1].node.start_ns
    own = {work.node.id for work in works}
    tools = (Task(node, None) for node in crew.container.children if node.kind == "tool" and node.id not in own)
    between = (tool for tool in tools if begin_ns <= tool.node.start_ns < end_ns)
    return next((tool.name for tool in between if not facts.profile(tool).effects.is_known), "")


RULE = Rule("TK106", "serial-agents", check, __doc__)
