"""The program ran agents, or calls, one after another that do not depend on each other.

## What it finds

Agents side by side under one run, agent or span, which the program's own code set to work, strictly one after another,
and of which none was given anything that came of one before, as far as the record shows; and three or more single calls
with one prompt, filled in differently each time. Code passes on what it read word for word, so a value that flowed is
seen, but not what the code decided by it. So a finding is likely only where the effects of all agents are known and none is
in another's way: declared, recorded, or none, since the subagent has no tools. All others are possible, and a judge may
decide them (`tracekit check --judge`). Silent where single calls have waits between them, as from a queue or a user.

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
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, pairwise, takewhile

from tracekit.analysis.batches import Batch, Work
from tracekit.analysis.content import leaves
from tracekit.analysis.facts import Facts
from tracekit.analysis.lineage.verdict import MOST_COMPARED, Reason, Team
from tracekit.analysis.timing.overlap import TOLERANCE_NS
from tracekit.analysis.timing.schedule import packed
from tracekit.model.conversation import previous_message_id
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.calibration import confidence_of, hit_rate
from tracekit.rules.questions import question_of
from tracekit.rules.rearrange import saved_together
from tracekit.rules.rule import Rule
from tracekit.rules.words import counted, span_of, times

__all__ = ["RULE"]


_LEAST_CALLS = 3
"""Two calls that are worded alike are soon found; three are a loop."""

_MOST_SHOWN = 8
_LONGEST_ASKED = 60
_LONGEST_SHARED = 30
"""With more in common than that, only what tells two tasks apart is shown of them."""
_LEAST_PAUSE_NS = 100_000_000


def check(facts: Facts) -> Iterator[Finding]:
    """Findings for each row of agents, or of calls, that could have run together."""
    blocked = {id for held in facts.held for id in held.branches}
    left = MOST_COMPARED
    for crews, find in ((facts.crews, _of_agents), (facts.single_calls, _of_calls)):
        for crew in crews:
            for whole in _rows(crew, blocked):
                row = whole[:left]
                left -= len(row)
                if row and _may_save(facts, crew, row):
                    yield from find(facts, crew, row)


def _may_save(facts: Facts, crew: Batch, row: Sequence[Work]) -> bool:
    """Whether the run would be shorter if all of `row` began with the first: else nothing of it need be read."""
    return facts.schedule.carried_ns(crew.container, row[-1].node.start_ns - row[0].node.start_ns) > 0


def _of_agents(facts: Facts, crew: Batch, row: Sequence[Work]) -> Iterator[Finding]:
    """Find agents in a row; bare calls among them stand apart."""
    for _, alike in groupby(row, _is_bare):
        yield from _independent(facts, crew, list(alike))


def _of_calls(facts: Facts, crew: Batch, row: Sequence[Work]) -> Iterator[Finding]:
    """Find single calls in a row that one line of code made."""
    if len(row) < _LEAST_CALLS:
        return
    for _, alike in groupby(row, partial(_template, facts)):
        calls = list(alike)
        if len(calls) >= _LEAST_CALLS and all(_stands_alone(facts, work.calls[0]) for work in calls):
            yield from _independent(facts, crew, calls, least=_LEAST_CALLS)


def _template(facts: Facts, work: Work) -> tuple[str, str | None, str]:
    """What calls of one line of code have in common, whatever they ask."""
    request = facts.content.request(work.calls[0])
    return work.name, work.calls[0].model, "\n".join(leaves([request.get("system"), request.get("tools")]))


def _stands_alone(facts: Facts, call: Node) -> bool:
    """Whether `call` is a whole conversation: it continues none, and its answer asks for nothing, or only has the form of it."""
    request = facts.content.request(call)
    messages = facts.content.messages(call)
    is_first = all(isinstance(message, Mapping) and message.get("role") == "user" for message in messages)
    is_new = previous_message_id(request) is None
    choice = request.get("tool_choice")
    is_form = isinstance(choice, Mapping) and choice.get("type") in ("tool", "any")
    return bool(messages) and is_first and is_new and (is_form or not facts.content.blocks(call))


def _rows(crew: Batch, blocked: set[str]) -> Iterator[list[Work]]:
    """Works that ran one after another, with none beside them and no turn between."""
    own = {work.node.id for work in crew.works}
    others = sorted(
        node.start_ns
        for node in crew.container.children
        if node.kind in ("turn", "llm", "agent") and node.id not in own
    )
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


def _independent(facts: Facts, crew: Batch, row: Sequence[Work], least: int = 2) -> Iterator[Finding]:
    """Find each stretch of `row`, at least so many, of which none was seen to need another."""
    group: list[Work] = []
    team = Team()
    evidence: list[str] = []
    reason: Reason = ""
    for work in [*row, None]:
        if work is not None and group:
            profile = facts.profile(work)
            verdict = team.verdict(profile)
            is_free = verdict.is_independent and (len(group) == 1 or verdict.reason == reason)
            if is_free and not team.has_asked(profile) and facts.is_one_clock((group[0], work)):
                reason = verdict.reason
                group.append(work)
                evidence += verdict.evidence
                team.add(profile)
                continue
        if len(group) >= least:
            yield from _finding(facts, crew, group, evidence, reason)
        if work is not None:
            group, team, evidence, reason = [work], Team(), [], ""
            team.add(facts.profile(work))


def _finding(
    facts: Facts, crew: Batch, works: Sequence[Work], evidence: Sequence[str], reason: Reason
) -> Iterator[Finding]:
    saving = saved_together(facts, crew.container, works, packed([work.duration_ns for work in works], facts.limit))
    is_bare = any(map(_is_bare, works))
    if saving.ns <= 0 or (is_bare and any(_has_paused(before, after) for before, after in pairwise(works))):
        return
    between = _between(facts, crew, works)
    reason = "" if is_bare or between else reason
    why = [
        *([f"the program ran {between} between them, whose effects are unknown"] if between else []),
        *(["they are single calls, which may come one by one, as from a queue or a user"] if is_bare else []),
    ]
    needs = "though none was given" if reason else "and maybe none needs"
    yield RULE.finding(
        confidence_of(reason),
        f"the program ran {counted(works)} one after another, {needs} anything of what another said",
        evidence=[*_asked(facts, works, facts.run.root.start_ns), *dict.fromkeys(evidence), *why, hit_rate(reason, 0)],
        spans=[*(work.node.id for work in works), crew.container.id],
        saving=saving,
        remedy="Run them together: `await asyncio.gather(...)` over the agents, or `ThreadPoolExecutor.map` with a sync "
        "client.",
        question=None if reason else question_of(facts, None, [[facts.profile(work)] for work in works]),
    )


def _asked(facts: Facts, works: Sequence[Work], origin_ns: int) -> list[str]:
    """When each of `works` ran, and what it was asked, from where they part."""
    if any(work.arguments is not None for work in works):
        return times(works, origin_ns)
    told = [(facts.profile(work).given or "").split("\n") for work in works]
    asked = [" ".join(line for line in lines if line not in ("user", "text")) for lines in told]
    # The first and the last in order have in common what all have.
    pairs = zip(min(asked), max(asked), strict=False)
    part = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    begin = asked[0].rfind(" ", 0, part) + 1 if _LONGEST_SHARED < part < len(asked[0]) else 0
    cut = [f"{'…' if begin else ''}{text[begin : begin + _LONGEST_ASKED]}" for text in asked]
    lines = [
        " ".join(filter(None, (work.name, text, span_of(work.node, origin_ns))))
        for work, text in zip(works[:_MOST_SHOWN], cut[:_MOST_SHOWN], strict=True)
    ]
    return lines + ([f"and {len(works) - _MOST_SHOWN} more"] if len(works) > _MOST_SHOWN else [])


def _between(facts: Facts, crew: Batch, works: Sequence[Work]) -> str:
    """Name a tool of unknown effects that the program ran between two of `works`; empty where there is none."""
    begin_ns, end_ns = works[0].node.start_ns, works[-1].node.start_ns
    own = {work.node.id for work in works}
    between = (
        Work(node, None)
        for node in crew.container.children
        if node.kind == "tool" and node.id not in own and begin_ns <= node.start_ns < end_ns
    )
    return next((work.name for work in between if not facts.profile(work).effects.is_known), "")


def _is_bare(work: Work) -> bool:
    """Whether it is a single call, around which the program says nothing of an agent or a tool."""
    is_said = work.node.kind in ("agent", "tool") and not work.node.inferred
    return not is_said and len(work.calls) < 2


def _has_paused(before: Work, after: Work) -> bool:
    """Whether the program did something else between, for more than a moment and a part of what the work took."""
    paused_ns = after.node.start_ns - (before.node.end_ns or after.node.start_ns)
    return paused_ns > max(_LEAST_PAUSE_NS, before.duration_ns // 4)


RULE = Rule("TK106", "serial-agents", check, __doc__)
