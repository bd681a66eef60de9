"""The model asked one at a time for things that do not depend on each other.

## What it finds

Consecutive turns of one agent in which no later request was seen to depend on the result of an earlier one, so that
one response could have requested them all. Nothing is reported where a dependence was seen: a declared order, a value
of one output that appears in a later input or in the model's text before it, a path or name that both use and one
writes, a failure between them, or parallel tool use that is switched off. Without recorded content a dependence cannot
be judged, and nothing is reported. `tracekit check --explain` prints the reason for each turn.

That no dependence was seen proves little: a model may choose its next step by what it has just read. So a finding is
*likely* only if all of a later tool's input was known before the first tool ran, and one of these holds:

- (a) the effects of all of them are known, and none conflict: they are declared with `reads=` and `writes=`, recorded
  by the workspace, set in `[tool.tracekit.tools]`, annotated by an MCP server, or empty because the subagent has no
  tools;
- (b) the same agent requested steps of these kinds in one response elsewhere, in this run or in an earlier one;
- (c) a judge said so, with a reason: `tracekit check --judge`.

All other findings are *possible*: they never fail a check. Those that call the same tool for one item of a known list
after another come first. In a run with more than 2,000 turns, only the turns of the longest agents are compared.

## Why it matters

Each turn between is a call of the orchestrator's model with the whole history as its input, and its work waits for it.
Joined, those turns fall away, with their time and their input tokens, and the work runs side by side.

## Example

    turn 1: analysis_agent(path="shop/cart.py")
    turn 2: analysis_agent(path="shop/orders.py")
    turn 3: analysis_agent(path="shop/mail.py")

## What to do

Say so in the system prompt; the finding has a sentence for it. The code must run what one response asks for together
(see TK102). Declare what each tool and subagent reads and writes, so that the next check is sure.

## Settings

`min-saving` hides findings that save less. `concurrency` says how many may work at once; the saving is computed for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from math import fsum
from typing import NamedTuple

from tracekit.analysis.batches import Batch, Task
from tracekit.analysis.content import leaves
from tracekit.analysis.costs import input_usd
from tracekit.analysis.facts import Facts
from tracekit.analysis.lineage.profile import Profile
from tracekit.analysis.lineage.task import PriorContext
from tracekit.analysis.lineage.verdict import MOST_COMPARED, Team, Verdict
from tracekit.analysis.timing.overlap import TOLERANCE_NS
from tracekit.analysis.timing.schedule import packed
from tracekit.formatting import format_count, format_duration
from tracekit.model.change import Change, Saving
from tracekit.model.conversation import blocks_of
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.calibration import confidence_of, hit_rate
from tracekit.rules.questions import question_of
from tracekit.rules.rule import Rule
from tracekit.rules.words import counted, listed, span_of, subject
from tracekit.rules.words import tokens as of_tokens

__all__ = ["RULE", "BatchVerdict", "verdicts"]

_END_MARKS = ".,;:!? "


class BatchVerdict(NamedTuple):
    """The verdict on the batch `later`: whether it could have been asked for with the group before it."""

    agent: Node
    earlier: Batch
    later: Batch
    verdict: Verdict


@dataclass(slots=True)
class _Group:
    """Turns that could have been one, and the verdicts on what followed the first, with the one that ended it."""

    team: Team
    batches: list[Batch] = field(default_factory=list)
    verdicts: list[BatchVerdict] = field(default_factory=list)


def check(facts: Facts) -> Iterator[Finding]:
    """Find each group of turns of an agent that could have been one."""
    left = MOST_COMPARED
    for agent in sorted(facts.agents, key=facts.schedule.duration, reverse=True):
        turns = facts.turns(agent)[:left]
        steps = sum(bool(facts.batch(turn).works) for turn in turns)
        # Where the run would not be shorter without the whole agent, what was said in it need not be read.
        if steps > 1 and facts.schedule.carried_ns(agent, facts.schedule.duration(agent)):
            left -= len(turns)
            for group in _groups(facts, agent, turns):
                if len(group.batches) > 1:
                    yield from _finding(facts, agent, group)


def verdicts(facts: Facts) -> list[BatchVerdict]:
    """Return the verdict on each turn of each agent that follows another; for `tracekit check --explain`."""
    groups = (group for agent in facts.agents for group in _groups(facts, agent, facts.turns(agent)))
    return [ruling for group in groups for ruling in group.verdicts]


def _groups(facts: Facts, agent: Node, turns: Sequence[Node]) -> Iterator[_Group]:
    """Yield `turns`, of `agent`, in groups that end where an output is needed."""
    group: _Group | None = None
    prior = PriorContext(facts.content)
    batches = [facts.batch(turn) for turn in turns]
    for batch, following in zip_longest(batches, batches[1:]):
        asked = batch.asked if batch.works else None
        profiles = [facts.profile(work, following.asked if following else None) for work in batch.works]
        verdict = None
        if group is not None and asked is not None:
            verdict = _verdict(facts, group, batch, asked, profiles)
            group.verdicts.append(BatchVerdict(agent, group.batches[-1], batch, verdict))
        if group is not None and not (verdict and group.team.takes(verdict)):
            yield group
            group = verdict = None
        if asked is not None:
            group = group or _Group(Team(prior.before(asked), partial(facts.together.where, agent)))
            group.team.add(*profiles, verdict=verdict)
            group.batches.append(batch)
    if group is not None:
        yield group


def _verdict(facts: Facts, group: _Group, batch: Batch, asked: Node, profiles: Sequence[Profile]) -> Verdict:
    """Return the weakest verdict on the works of `batch`."""
    stop = _not_comparable(facts, group, batch, asked)
    if stop:
        return Verdict("unknown", (stop,))
    text = facts.content.answer_text(asked)
    found: list[Verdict] = []
    for profile in profiles:
        found.append(group.team.verdict(profile, text))
        if not found[-1].is_independent:
            return found[-1]
    weakest = min(found, key=lambda verdict: bool(verdict.reason))
    return weakest._replace(evidence=tuple(dict.fromkeys(line for verdict in found for line in verdict.evidence)))


def _not_comparable(facts: Facts, group: _Group, batch: Batch, asked: Node) -> str:
    """Say why `batch` is no step that the model chose by itself, one after the group; empty where it is."""
    before = group.batches[-1]
    if facts.parents[batch.container.id] is not facts.parents[before.container.id]:
        return "they stand in different parts of the agent"
    if any(work.node.end_ns is None for work in batch.works):
        return "it is still open"
    if any(work.node.end_ns is None or work.node.end_ns > asked.start_ns + TOLERANCE_NS for work in before.works):
        return "what was asked for before was still at work in the background"
    if any(work.node.status == "error" for work in before.works):
        return "something that was asked for before failed, which the model had to see"
    if not facts.is_one_clock((before.works[0], *batch.works)):
        return "they ran on machines whose clocks may differ"
    if any(_asks_one_at_a_time(facts, each) for each in (asked, before.asked)):
        return "the request switched parallel tool use off"
    if _brings_news(facts, asked):
        return "the request brought more than results: something new was said"
    return ""


def _asks_one_at_a_time(facts: Facts, asked: Node | None) -> bool:
    choice = None if asked is None else facts.content.request(asked).get("tool_choice")
    return isinstance(choice, Mapping) and choice.get("disable_parallel_tool_use") is True


def _brings_news(facts: Facts, asked: Node) -> bool:
    last = facts.content.messages(asked).last
    content = last.value.get("content") if last is not None and isinstance(last.value, Mapping) else None
    return any(isinstance(block, Mapping) and block.get("type") == "text" for block in blocks_of(content))


def _rank(team: Team) -> int:
    """Return the strength of a possible finding: 1 where one tool got the items of one known list."""
    profiles = [profile for each in team.rounds for profile in each]
    arguments = [profile.arguments for profile in profiles]
    if len({profile.work.name for profile in profiles}) > 1 or not all(isinstance(each, Mapping) for each in arguments):
        return 0
    keys = {key for each in arguments for key in each}
    own = [key for key in keys if len({str(each.get(key)) for each in arguments}) > 1]
    columns = [[leaf for each in arguments for leaf in leaves(each.get(key))] for key in own]
    return int(bool(columns) and all(map(team.known.lists, columns)))


def _saving(facts: Facts, group: _Group) -> Saving:
    """Return the saving if the later tasks begin with the first turn's, without the later turns' calls."""
    first, *later = group.batches
    schedule = facts.schedule
    begin_ns = min(work.node.start_ns for work in first.works)
    durations = {
        batch.container.id: max(0, schedule.end(batch.container) - schedule.end(batch.asked or batch.container))
        for batch in later
    }
    jobs = [schedule.end(first.container) - begin_ns, *durations.values()]
    offsets = packed(jobs, facts.limit)
    begins = {
        batch.container.id: (first.container.id, begin_ns - first.container.start_ns + offset)
        for batch, offset in zip(later, offsets[1:], strict=True)
    }
    return schedule.saving(Change(begins, durations))


def _finding(facts: Facts, agent: Node, group: _Group) -> Iterator[Finding]:
    saving = _saving(facts, group)
    if saving.ns <= 0:
        return
    reason, rank = group.team.reason, 0 if group.team.reason else _rank(group.team)
    works = [work for batch in group.batches for work in batch.works]
    calls = [batch.asked for batch in group.batches[1:] if batch.asked is not None]
    spared_ns = sum(facts.schedule.duration(call) for call in calls)
    used = sum(call.tokens.input for call in calls)
    costs = [cost for call in calls if (cost := input_usd(call)) is not None]
    turns = [
        f"turn {span_of(batch.container, facts.run.root.start_ns)} asked for {_asked_for(batch)}"
        for batch in group.batches
    ]
    none = "though none needs" if reason else "and maybe none needs"
    yield RULE.finding(
        confidence_of(reason),
        f"{agent.agent} asked for {counted(works)} in {format_count(len(group.batches), 'turn')}, one after another, {none} what "
        f"came of another: {format_count(len(calls), 'turn')} ({format_duration(spared_ns)}, {of_tokens(used)} of input) would fall away",
        evidence=[*turns[:6], *dict.fromkeys(group.team.evidence), hit_rate(reason, rank)],
        spans=[*(work.node.id for work in works), *(call.id for call in calls)],
        saving=saving,
        saved_usd=fsum(costs) if len(costs) == len(calls) else None,
        remedy=_remedy(agent, works),
        rank=rank,
        question=None if reason else question_of(facts, agent, group.team.rounds),
    )


def _asked_for(batch: Batch) -> str:
    return listed([" ".join(filter(None, (work.name, subject(work)))) for work in batch.works])


def _remedy(agent: Node, works: Sequence[Task]) -> str:
    names = list(dict.fromkeys(work.name for work in works))
    if len(names) == 1:
        what = f"When several {names[0]} calls do not need each other's results, ask for all of them in one answer"
    else:
        what = f"{listed(names)} do not need each other's results: ask for them together, in one answer"
    subjects = list(dict.fromkeys(about for work in works if (about := subject(work).rstrip(_END_MARKS))))
    # What all were asked alike tells none from another.
    example = f" (here: {listed(subjects, 4)})" if len(subjects) == len(works) else ""
    return f'Say in the system prompt of {agent.agent}: "{what}{example}."'


RULE = Rule("TK103", "split-turns", check, __doc__)
