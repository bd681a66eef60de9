"""The model asked one at a time for things that do not depend on each other.

## What it finds

Turns of one agent that follow each other, where nothing that a later one asked for was seen to need what came of an
earlier one. They could have been asked for in one response. Silent where a dependence was seen: a declared order, a value
that flowed from one's output into the other's input or into what the model said when it asked, a path or name that both
touch and one writes, a failure between, or parallel tool use that is switched off. Where content was not recorded nobody
can tell, and nothing is said. `tracekit check --explain` tells the reason for each turn.

That no dependence was seen proves little: a model may choose its next step by what it has just read. So a finding is
*likely* only where all that the later step was given was known before the first, and one of these holds:

- (a) the effects of all of them are known, and none is in another's way: declared with `reads=` and `writes=`, recorded by
  the workspace, set in `[tool.tracekit.tools]`, annotated by an MCP server, or none, since the subagent has no tools;
- (b) the same agent asked for steps of these kinds in one response elsewhere, in this run or in an earlier one;
- (c) a judge said so, with a reason: `tracekit check --judge`.

Of a run with more than 2,000 turns, those of the longest agents are compared. All others are *possible*: they never fail
a check. First among them are those that ask the same tool for one item of a
list after another.

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
from math import fsum

from tracekit.analysis.batches import Batch, Work
from tracekit.analysis.content import leaves
from tracekit.analysis.costs import input_usd
from tracekit.analysis.facts import Facts
from tracekit.analysis.lineage.conversation import Conversation
from tracekit.analysis.lineage.effects import looks
from tracekit.analysis.lineage.profile import Profile
from tracekit.analysis.lineage.verdict import MOST_COMPARED, Reason, Team, Verdict
from tracekit.analysis.timing.overlap import TOLERANCE_NS
from tracekit.analysis.timing.schedule import packed
from tracekit.formatting import format_count
from tracekit.model.change import Change, Saving
from tracekit.model.conversation import blocks_of
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.calibration import confidence_of, hit_rate
from tracekit.rules.questions import question_of
from tracekit.rules.rule import Rule
from tracekit.rules.words import counted, listed, seconds, span_of, subject
from tracekit.rules.words import tokens as of_tokens

__all__ = ["RULE", "Ruling", "rulings"]

_NEVER = 1 << 63
_END_MARKS = ".,;:!? "


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict on the batch `later`: whether it could have been asked for with the group before it."""

    agent: Node
    earlier: Batch
    later: Batch
    verdict: Verdict


@dataclass(slots=True)
class _Group:
    """Turns that could have been one. `end_ns` is when the last of their works ended."""

    team: Team
    conversation: Conversation
    batches: list[Batch] = field(default_factory=list)
    reason: Reason = ""
    evidence: list[str] = field(default_factory=list)
    end_ns: int = 0
    has_failed: bool = False
    rank: int = 0
    names: set[str] = field(default_factory=set)
    rounds: list[Sequence[Profile]] = field(default_factory=list)

    def add(self, batch: Batch, profiles: Sequence[Profile]) -> None:
        """Put one more turn into the group."""
        self.rounds.append(profiles)
        self.batches.append(batch)
        self.names.update(work.name for work in batch.works)
        self.end_ns = max(self.end_ns, *(work.node.end_ns or _NEVER for work in batch.works))
        self.has_failed |= any(work.node.status == "error" for work in batch.works)
        for profile in profiles:
            self.team.add(profile)


def check(facts: Facts) -> Iterator[Finding]:
    """Find each group of turns of an agent that could have been one."""
    left = MOST_COMPARED
    for agent in sorted(facts.agents, key=facts.schedule.duration, reverse=True):
        # Where the run would not be shorter without the whole agent, what was said in it need not be read.
        if not _has_two_steps(facts, agent) or not facts.schedule.carried_ns(agent, facts.schedule.duration(agent)):
            continue
        turns = facts.turns(agent)[:left]
        left -= len(turns)
        for group in _groups(facts, agent, turns, None):
            finding = _finding(facts, agent, group)
            if finding is not None:
                yield finding


def rulings(facts: Facts) -> list[Ruling]:
    """Return the verdict on each turn of each agent that follows another; for `tracekit check --explain`."""
    told: list[Ruling] = []
    for agent in facts.agents:
        _groups(facts, agent, facts.turns(agent), told)
    return told


def _has_two_steps(facts: Facts, agent: Node) -> bool:
    """Return whether there are two turns with work: reading what they said takes time."""
    working = (any(child.kind in ("tool", "agent", "span") for child in turn.children) for turn in facts.turns(agent))
    return sum(working) > 1


def _groups(facts: Facts, agent: Node, turns: Sequence[Node], told: list[Ruling] | None) -> list[_Group]:
    """Return the groups of two or more of `turns`, of `agent`. `told` takes every verdict."""
    groups: list[_Group] = []
    group: _Group | None = None
    stepwise: set[str] = set()
    conversation = Conversation(facts.content)
    batches = [facts.batch(turn) for turn in turns]
    for number, batch in enumerate(batches):
        if not batch.works or batch.asked is None:
            _close(group)
            group = None
            continue
        following = batches[number + 1].asked if number + 1 < len(batches) else None
        profiles = [facts.profile(work, following) for work in batch.works]
        if group is not None:
            verdict = _of_steps(_verdict(facts, group, batch, profiles), group, profiles, stepwise)
            if told is not None:
                told.append(Ruling(agent, group.batches[-1], batch, verdict))
            if verdict.is_independent and (len(group.batches) == 1 or verdict.reason == group.reason):
                group.reason = verdict.reason
                group.evidence += verdict.evidence
                group.add(batch, profiles)
                if len(group.batches) == 2:
                    groups.append(group)
                continue
            _close(group)
        known = partial(conversation.before, batch.asked)
        group = _Group(Team(known, partial(facts.together.where, agent)), conversation)
        group.add(batch, profiles)
    _close(group)
    return groups


def _close(group: _Group | None) -> None:
    """Note how strong `group` is, as long as nothing that was said after it is read."""
    if group is not None and len(group.batches) > 1 and not group.reason:
        group.rank = _rank(group)


def _of_steps(verdict: Verdict, group: _Group, profiles: Sequence[Profile], stepwise: set[str]) -> Verdict:
    """Return `verdict`, without its reason where work of this kind was seen to go step by step; note where it does."""
    names = {profile.work.name for profile in profiles}
    again = names & group.names
    if verdict.reason and again & stepwise:
        return Verdict("none", (*verdict.evidence, f"but {min(again & stepwise)} went step by step before"))
    if verdict.tie == "flow":
        stepwise |= again
    return verdict


def _verdict(facts: Facts, group: _Group, batch: Batch, profiles: Sequence[Profile]) -> Verdict:
    """Return the weakest verdict on the works of `batch`."""
    assert batch.asked is not None
    stop = _not_comparable(facts, group, batch)
    if stop:
        return Verdict("unknown", (stop,))
    said = facts.content.answer_text(batch.asked)
    weakest: Verdict | None = None
    evidence: list[str] = []
    for profile in profiles:
        if group.team.has_asked(profile):
            return Verdict("unknown", (f"{profile.work.name} was asked for the same again",))
        verdict = group.team.verdict(profile, said)
        if not verdict.is_independent:
            return verdict
        evidence += verdict.evidence
        if weakest is None or not verdict.reason:
            weakest = verdict
    assert weakest is not None
    return Verdict("none", tuple(dict.fromkeys(evidence)), weakest.reason)


def _not_comparable(facts: Facts, group: _Group, batch: Batch) -> str:
    """Say why `batch` is no step that the model chose by itself, one after the group; empty where it is."""
    assert batch.asked is not None
    if facts.parents[batch.container.id] is not facts.parents[group.batches[0].container.id]:
        return "they stand in different parts of the agent"
    if any(work.node.end_ns is None for work in batch.works):
        return "it is still open"
    if group.end_ns > batch.asked.start_ns + TOLERANCE_NS:
        return "what was asked for before was still at work in the background"
    if group.has_failed:
        return "something that was asked for before failed, which the model had to see"
    if not facts.is_one_clock((group.batches[0].works[0], *batch.works)):
        return "they ran on machines whose clocks may differ"
    if any(_asks_one_at_a_time(facts, asked) for asked in (batch.asked, group.batches[-1].asked)):
        return "the request switched parallel tool use off"
    if _brings_news(facts, batch.asked):
        return "the request brought more than results: something new was said"
    return ""


def _asks_one_at_a_time(facts: Facts, asked: Node | None) -> bool:
    choice = None if asked is None else facts.content.request(asked).get("tool_choice")
    return isinstance(choice, Mapping) and choice.get("disable_parallel_tool_use") is True


def _brings_news(facts: Facts, asked: Node) -> bool:
    last = facts.content.messages(asked).last
    content = last.value.get("content") if last is not None and isinstance(last.value, Mapping) else None
    return any(isinstance(block, Mapping) and block.get("type") == "text" for block in blocks_of(content))


def _rank(group: _Group) -> int:
    """Return how strong a possible finding is: 2 for items of one known list, 1 for tools that look at something."""
    profiles = [profile for each in group.rounds for profile in each]
    arguments = [profile.arguments for profile in profiles]
    if len({profile.work.name for profile in profiles}) == 1 and all(isinstance(a, Mapping) for a in arguments):
        keys = {key for each in arguments for key in each}
        own = [key for key in keys if len({str(each.get(key)) for each in arguments}) > 1]
        columns = [[leaf for each in arguments for leaf in leaves(each.get(key))] for key in own]
        if columns and all(group.conversation.lists(column) for column in columns):
            return 2
    return int(all(looks(profile.work.name) for profile in profiles))


# ── what it saves ────────────────────────────────────────────────────────────────────────────────────────────────────


def _saving(facts: Facts, group: _Group) -> Saving:
    """All works begin with the first turn's; the calls of the later turns fall away."""
    first, *later = group.batches
    schedule = facts.schedule
    begin_ns = min(work.node.start_ns for work in first.works)
    durations = {batch.container.id: _without_call(facts, batch) for batch in later}
    jobs = [schedule.end(first.container) - begin_ns, *durations.values()]
    offsets = packed(jobs, facts.limit)
    begins = {
        batch.container.id: (first.container.id, begin_ns - first.container.start_ns + offset)
        for batch, offset in zip(later, offsets[1:], strict=True)
    }
    return schedule.saving(Change(begins, durations))


def _without_call(facts: Facts, batch: Batch) -> int:
    """Nanoseconds that a turn takes from the end of its call on."""
    assert batch.asked is not None
    return max(0, facts.schedule.end(batch.container) - facts.schedule.end(batch.asked))


def _finding(facts: Facts, agent: Node, group: _Group) -> Finding | None:
    saving = _saving(facts, group)
    if saving.ns <= 0:
        return None
    works = [work for batch in group.batches for work in batch.works]
    calls = [batch.asked for batch in group.batches[1:] if batch.asked is not None]
    spared_ns = sum(facts.schedule.duration(call) for call in calls)
    used = sum(call.tokens.input for call in calls)
    costs = [cost for call in calls if (cost := input_usd(call)) is not None]
    origin_ns = facts.run.root.start_ns
    none = "though none needs" if group.reason else "and maybe none needs"
    return RULE.finding(
        confidence_of(group.reason),
        f"{agent.agent} asked for {counted(works)} in {format_count(len(group.batches), 'turn')}, one after another, {none} what "
        f"came of another: {format_count(len(calls), 'turn')} ({seconds(spared_ns)}, {of_tokens(used)} of input) would fall away",
        evidence=[
            *(
                f"turn {span_of(batch.container, origin_ns)} asked for {_asked_for(batch)}"
                for batch in group.batches[:6]
            ),
            *dict.fromkeys(group.evidence),
            hit_rate(group.reason, group.rank),
        ],
        spans=[*(work.node.id for work in works), *(call.id for call in calls)],
        saving=saving,
        saved_usd=fsum(costs) if len(costs) == len(calls) else None,
        remedy=_remedy(agent, works),
        rank=group.rank,
        question=None if group.reason else question_of(facts, agent, group.rounds),
    )


def _asked_for(batch: Batch) -> str:
    return listed([" ".join(filter(None, (work.name, subject(work)))) for work in batch.works])


def _remedy(agent: Node, works: Sequence[Work]) -> str:
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
