"""The program ran agents, or calls, one after another that do not depend on each other.

## What it finds

Agents side by side under one run, agent or span, which the program's own code set to work, strictly one after another,
and of which none was given anything that came of one before; and three or more single calls with one prompt, filled in
differently each time, or rounds of a few such calls, each round on a thing of its own. Likely: code passes on what it
read word for word, so a value that flowed would be seen. Possible where they are bare calls, which no agent and no tool of
the program's stands around, or lead teams of their own, since they may be tasks in a queue; where they do different work,
or nothing says that it only looks at something;
where the prompt speaks of rounds or of a state, or differs in numbers only, which the program may have worked out from what
came back; and where the program waited between them, or ran a tool that changes something. Of bare calls with waits between nothing is said.

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
from tracekit.analysis.dependence import Team
from tracekit.analysis.facts import Facts
from tracekit.analysis.likeness import tokens
from tracekit.analysis.timing.overlap import TOLERANCE_NS
from tracekit.analysis.timing.schedule import packed
from tracekit.model.conversation import previous_message_id
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rearrange import saved_together
from tracekit.rules.rule import Rule
from tracekit.rules.words import counted, span_of, times

__all__ = ["RULE"]


_LEAST_CALLS = 3
"""Two calls that are worded alike are soon found; three are a loop."""

_MOST_IN_ROUND = 4
_MOST_SHOWN = 8
_LONGEST_ASKED = 60
_LONGEST_SHARED = 30
"""With more in common than that, only what tells two tasks apart is shown of them."""
_LEAST_PAUSE_NS = 100_000_000


def check(facts: Facts) -> Iterator[Finding]:
    """Findings for each row of agents, or of calls, that could have run together."""
    blocked = {id for held in facts.held for id in held.branches}
    for crew in facts.crews:
        for row in _rows(crew, blocked):
            if _may_save(facts, crew, row):
                for _, alike in groupby(row, _is_bare):
                    yield from _independent(facts, crew, list(alike))
    for crew in facts.single_calls:
        for row in _rows(crew, blocked):
            if len(row) >= _LEAST_CALLS and _may_save(facts, crew, row):
                yield from _of_calls(facts, crew, row)


def _may_save(facts: Facts, crew: Batch, row: Sequence[Work]) -> bool:
    """Whether the run would be shorter if all of `row` began with the first: else nothing of it need be read."""
    return facts.schedule.carried_ns(crew.container, row[-1].node.start_ns - row[0].node.start_ns) > 0


def _of_calls(facts: Facts, crew: Batch, row: Sequence[Work]) -> Iterator[Finding]:
    """Findings for single calls in a row: for rounds of them, else for those of one template."""
    alone = {work.node.id for work in row if _stands_alone(facts, work.calls[0])}
    may_be_rounds = len(alone) == len(row) >= 2 * _LEAST_CALLS
    rounds = _rounds(row, [_beginning(facts, work) for work in row]) if may_be_rounds else []
    if rounds:
        yield from _of_rounds(facts, crew, rounds)
        return
    for _, alike in groupby(row, partial(_template, facts)):
        calls = list(alike)
        if len(calls) >= _LEAST_CALLS and all(work.node.id in alone for work in calls):
            yield from _independent(facts, crew, calls, least=_LEAST_CALLS)


def _template(facts: Facts, work: Work) -> tuple[str, str | None, str]:
    """What calls of one line of code have in common, whatever they ask."""
    request = facts.content.request(work.calls[0])
    return work.name, work.calls[0].model, "\n".join(leaves([request.get("system"), request.get("tools")]))


def _beginning(facts: Facts, work: Work) -> tuple[object, ...]:
    """The same, with the words with which they begin."""
    return (*_template(facts, work), *tokens(facts.profile(work).given or "")[:2])


def _rounds(row: Sequence[Work], keys: Sequence[object]) -> list[list[Work]]:
    """The longest part of `row` in which a few different calls are made in turn, three times or more: a list a round."""
    best: tuple[int, int, int] = (0, 0, 2)
    for period in range(2, _MOST_IN_ROUND + 1):
        begin = 0
        for at in range(period, len(row) + 1):
            if at < len(row) and keys[at] == keys[at - period]:
                continue
            rounds = (at - begin) // period
            is_mixed = len(set(keys[begin : begin + period])) == period
            if rounds >= _LEAST_CALLS and is_mixed and rounds * period > best[1] - best[0]:
                best = (begin, begin + rounds * period, period)
            begin = at - period + 1
    return [list(row[at : at + best[2]]) for at in range(best[0], best[1], best[2])]


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
    """A finding for each stretch of `row`, at least so many, whose works need nothing of each other."""
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
        if len(group) >= least:
            yield from _finding(facts, crew, group, evidence, is_likely=tie == "likely")
        if work is not None:
            group, team, evidence = [work], Team(), []
            team.add(facts.profile(work))


def _of_rounds(facts: Facts, crew: Batch, rounds: Sequence[Sequence[Work]]) -> Iterator[Finding]:
    """A finding for rounds of calls, of which each works on a thing of its own, if it is given nothing of another."""
    whole, firsts = Team(), Team()
    evidence: list[str] = []
    for number, works in enumerate(rounds):
        profiles = [facts.profile(work) for work in works]
        if number:
            verdict = firsts.verdict(profiles[0])
            is_free = verdict.tie == "likely" and not firsts.has_asked(profiles[0])
            if not is_free or not all(whole.verdict(profile).is_independent for profile in profiles):
                return
            evidence += verdict.evidence
        firsts.add(profiles[0])
        for profile in profiles:
            whole.add(profile)
    lengths = [works[-1].node.start_ns + works[-1].duration_ns - works[0].node.start_ns for works in rounds]
    offsets = [
        offset + work.node.start_ns - works[0].node.start_ns
        for works, offset in zip(rounds, packed(lengths, facts.limit), strict=True)
        for work in works
    ]
    yield from _finding(
        facts, crew, [work for works in rounds for work in works], evidence, is_likely=True, offsets=offsets
    )


def _finding(
    facts: Facts,
    crew: Batch,
    works: Sequence[Work],
    evidence: Sequence[str],
    *,
    is_likely: bool,
    offsets: Sequence[int] | None = None,
) -> Iterator[Finding]:
    """A finding for `works`. `offsets` are when each could begin after the first; by default all at once."""
    together = packed([work.duration_ns for work in works], facts.limit)
    saving = saved_together(facts, crew.container, works, together if offsets is None else offsets)
    if saving.ns <= 0:
        return
    origin_ns = facts.run.root.start_ns
    # Agents with teams of their own may be tasks that are meant to be done one after another.
    leads = any(node.kind == "agent" and node is not work.agent for work in works for node in work.node.walk())
    paused = any(_has_paused(before, after) for before, after in pairwise(works))
    bare = any(map(_is_bare, works))
    if paused and bare:
        return
    changed = _changed_between(facts, crew, works)
    why = [
        *([f"the program ran {changed} between them, and what one finds may depend on it"] if changed else []),
        *(["the program waited between them, maybe for something else"] if paused else []),
        *(["they are single calls, which may come one by one, as from a queue or a user"] if bare else []),
    ]
    none = "none" if offsets is None else "no round of them"
    is_sure = is_likely and not (leads or paused or bare or changed)
    needs = f"though {none} was given" if is_sure else f"and maybe {none} needs"
    yield RULE.finding(
        "likely" if is_sure else "possible",
        f"the program ran {counted(works)} one after another, {needs} anything of what another said",
        evidence=[*_asked(facts, works, origin_ns), *dict.fromkeys(evidence), *why],
        spans=[*(work.node.id for work in works), crew.container.id],
        saving=saving,
        remedy="Run them together: `await asyncio.gather(...)` over the agents, or `ThreadPoolExecutor.map` with a sync "
        "client.",
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


def _changed_between(facts: Facts, crew: Batch, works: Sequence[Work]) -> str:
    """A tool that the program ran between two of `works` and that changes something; empty where there is none."""
    begin_ns, end_ns = works[0].node.start_ns, works[-1].node.start_ns
    own = {work.node.id for work in works}
    between = (
        Work(node, None)
        for node in crew.container.children
        if node.kind == "tool" and node.id not in own and begin_ns <= node.start_ns < end_ns
    )
    return next((work.name for work in between if facts.profile(work).changes), "")


def _is_bare(work: Work) -> bool:
    """Whether it is a single call, around which the program says nothing of an agent or a tool."""
    is_said = work.node.kind in ("agent", "tool") and not work.node.inferred
    return not is_said and len(work.calls) < 2


def _has_paused(before: Work, after: Work) -> bool:
    """Whether the program did something else between, for more than a moment and a part of what the work took."""
    paused_ns = after.node.start_ns - (before.node.end_ns or after.node.start_ns)
    return paused_ns > max(_LEAST_PAUSE_NS, before.duration_ns // 4)


RULE = Rule("TK106", "serial-agents", check, __doc__)
