"""The model asked one at a time for things that do not depend on each other.

## What it finds

Turns of one agent that follow each other, where nothing that a later one asked for needed what came of an earlier one.
They could have been asked for in one answer. What counts as dependence, and how sure its absence is, stands in
`tracekit check --explain`: declared order, a value that flowed from one's output into the other's input, or one path or
name that both touch and one changes. Where content was not recorded nobody can tell, and nothing is said.

## Why it matters

Each turn between is a call of the orchestrator's model with the whole history as its input, and its work waits for it.
Joined, those turns fall away, with their time and their input tokens, and the work runs side by side.

## Example

    turn 1: analysis_agent(path="shop/cart.py")
    turn 2: analysis_agent(path="shop/orders.py")
    turn 3: analysis_agent(path="shop/mail.py")

## What to do

Say so in the system prompt; the finding has a sentence for it. The code must run what one answer asks for together
(see TK102).

## Settings

`min-saving` hides findings that save less. `concurrency` says how many may work at once; the saving is computed for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import fsum

from tracekit.analysis.batches import Batch, Work
from tracekit.analysis.content import leaves
from tracekit.analysis.costs import input_usd
from tracekit.analysis.dependence import Team, Verdict
from tracekit.analysis.facts import Facts
from tracekit.analysis.known import Known
from tracekit.analysis.likeness import tokens
from tracekit.analysis.ordering import is_one_at_a_time, is_ordered
from tracekit.analysis.profile import Profile
from tracekit.analysis.timing.overlap import TOLERANCE_NS
from tracekit.analysis.timing.schedule import packed
from tracekit.analysis.wording import kind_of
from tracekit.model.change import Change, Saving
from tracekit.model.conversation import blocks_of, previous_message_id
from tracekit.model.finding import Finding
from tracekit.model.history import Asked
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import counted, listed, plural, seconds, span_of, subject
from tracekit.rules.words import tokens as of_tokens

__all__ = ["RULE", "Ruling", "rulings"]


_NEVER = 1 << 63
_END_MARKS = ".,;:!? "
_ENTRY = 2
"""Words at the end of an entry of a list that tell it from the others: a name and its ending."""
_MOST_LISTS = 64
"""The newest messages, of which the results are looked at as lists."""
_LONGEST_LIST = 20_000
_NAME = re.compile(r"\w{4,}", re.ASCII)
_PLAIN = re.compile(r"[a-z_/-][\w./-]*", re.ASCII)
"""A value that stands in a request as it is: no number, which may be spelled otherwise."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was concluded of the batch `later`: whether it could have been asked for with the group before it."""

    agent: Node
    earlier: Batch
    later: Batch
    verdict: Verdict


@dataclass(slots=True)
class _Group:
    """Turns that could have been one. `end_ns` is when the last of their works ended."""

    team: Team
    batches: list[Batch] = field(default_factory=list)
    tie: str = "likely"
    evidence: list[str] = field(default_factory=list)
    end_ns: int = 0
    has_failed: bool = False
    first: Sequence[Profile] = ()

    def add(self, batch: Batch, profiles: Sequence[Profile]) -> None:
        """Put one more turn into the group."""
        self.first = self.first or profiles
        self.batches.append(batch)
        self.end_ns = max(self.end_ns, *(work.node.end_ns or _NEVER for work in batch.works))
        self.has_failed |= any(work.node.status == "error" for work in batch.works)
        for profile in profiles:
            self.team.add(profile)

    def was_given(self, value: str) -> bool:
        """Whether works of the first turn were given the distinctive `value`."""
        return any(value in (member.given or "").lower() and value in member.said_given.values for member in self.first)

    def names_given(self) -> set[str]:
        """The names in the distinctive values that works of the first turn were given."""
        return {part for member in self.first for value in member.said_given.values for part in _NAME.findall(value)}


def check(facts: Facts) -> Iterator[Finding]:
    """Findings for each group of turns of an agent that could have been one."""
    for agent in facts.agents:
        # Where the run would not be shorter without the whole agent, what was said in it need not be read.
        if not _has_two_steps(facts, agent) or not facts.schedule.carried_ns(agent, facts.schedule.duration(agent)):
            continue
        for group in _groups(facts, agent, None):
            finding = _finding(facts, agent, group)
            if finding is not None:
                yield finding


def rulings(facts: Facts) -> list[Ruling]:
    """What was concluded for each turn of each agent that follows another; for `tracekit check --explain`."""
    told: list[Ruling] = []
    for agent in facts.agents:
        _groups(facts, agent, told)
    return told


def _has_two_steps(facts: Facts, agent: Node) -> bool:
    """Whether there are two turns with work: reading what they said takes time."""
    return (
        sum(
            any(child.kind in ("tool", "agent", "span") for child in child_turn.children)
            for child_turn in facts.turns(agent)
        )
        > 1
    )


def _groups(facts: Facts, agent: Node, told: list[Ruling] | None) -> list[_Group]:
    """The groups of two or more turns of `agent`. `told` takes every ruling; without it a reason that is quickly found is enough."""
    groups: list[_Group] = []
    group: _Group | None = None
    stepwise: set[str] = set()
    turns = facts.turns(agent)
    batches = [facts.batch(turn) for turn in turns]
    for number, batch in enumerate(batches):
        if not batch.works or batch.asked is None:
            group = None
            continue
        following = batches[number + 1] if number + 1 < len(batches) else None
        profiles = _profiles(facts, batch, following)
        if group is not None:
            verdict = _quickly(facts, group, profiles) if told is None else None
            verdict = verdict or _verdict(facts, group, batch, profiles)
            verdict = _of_steps(verdict, group, profiles, stepwise)
            if told is not None:
                told.append(Ruling(agent, group.batches[-1], batch, verdict))
            if verdict.tie in ("likely", "possible") and (len(group.batches) == 1 or verdict.tie == group.tie):
                group.tie = verdict.tie
                group.evidence += verdict.evidence
                group.add(batch, profiles)
                if len(group.batches) == 2:
                    groups.append(group)
                continue
        group = _Group(Team(partial(_known, facts, agent, batch.asked)))
        group.add(batch, profiles)
    return groups


def _of_steps(verdict: Verdict, group: _Group, profiles: Sequence[Profile], stepwise: set[str]) -> Verdict:
    """`verdict`, weaker where work of this kind was seen to go step by step; notes where it does."""
    kinds = {kind_of(profile.work.name) for profile in profiles}
    again = kinds & {kind_of(work.name) for batch in group.batches for work in batch.works}
    if verdict.tie == "likely" and again & stepwise:
        return Verdict("possible", (*verdict.evidence, f"but {min(again & stepwise)} went step by step before"))
    if verdict.tie in ("flow", "unlikely"):
        stepwise |= again
    return verdict


def _profiles(facts: Facts, batch: Batch, following: Batch | None) -> list[Profile]:
    return [facts.profile(work, None if following is None else following.asked) for work in batch.works]


def _known(facts: Facts, agent: Node, asked: Node) -> Known:
    """What the model knew when it asked for the first batch, and what it said then."""
    known = Known()
    told = [asked]
    if previous_message_id(facts.content.request(asked)) is not None:
        # The server holds the messages before.
        told = [call for call in facts.own_calls(agent) if call.start_ns <= asked.start_ns]
    for call in told:
        known.add(facts.content.asked_text(call))
        known.add("\n".join(leaves((facts.content.answer(call) or {}).get("content"))))
    return known


def _quickly(facts: Facts, group: _Group, profiles: Sequence[Profile]) -> Verdict | None:
    """A verdict on plain tools that were given what nobody had named: long loops have thousands of these."""
    asked = group.batches[0].asked
    request = Asked() if asked is None else facts.content.request(asked)
    if asked is None or not request or not all(profile.is_tool for profile in profiles):
        return None
    if previous_message_id(request) is not None:
        return None
    for value in (value for profile in profiles for value in profile.said_given.values):
        if (
            not _PLAIN.fullmatch(value)
            or facts.content.tells(asked, value.rpartition("/")[2])
            or group.was_given(value)
        ):
            continue
        parts = set(_NAME.findall(value)) - group.names_given()
        if not parts or not all(facts.content.tells(asked, part) for part in parts):
            return Verdict("unlikely", ("it was given what was not known before",))
    return None


def _verdict(facts: Facts, group: _Group, batch: Batch, profiles: Sequence[Profile]) -> Verdict:
    """The weakest verdict on the works of `batch`."""
    assert batch.asked is not None
    stop = _not_comparable(facts, group, batch, profiles)
    if stop:
        return Verdict("unlikely", (stop,))
    said = facts.content.answer_text(batch.asked)
    weakest: Verdict | None = None
    evidence: list[str] = []
    for profile in profiles:
        if group.team.has_asked(profile):
            return Verdict("unlikely", (f"{profile.work.name} was asked for the same again",))
        verdict = group.team.verdict(profile, said)
        if not verdict.is_independent or verdict.tie == "unlikely":
            return verdict
        evidence += verdict.evidence
        if weakest is None or verdict.tie == "possible":
            weakest = verdict
    assert weakest is not None
    return Verdict(weakest.tie, tuple(dict.fromkeys(evidence)))


def _not_comparable(facts: Facts, group: _Group, batch: Batch, profiles: Sequence[Profile]) -> str:
    """Why `batch` is no step that the model chose by itself, one after the group; empty where it is."""
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
    if _says_order(facts, batch.asked, profiles):
        return "it is said that they go one at a time, or in an order"
    if _brings_news(facts, batch.asked):
        return "the request brought more than results: something new was said"
    return ""


def _says_order(facts: Facts, asked: Node, profiles: Sequence[Profile]) -> bool:
    request = facts.content.request(asked)
    messages = facts.content.messages(asked)
    first = messages[0] if messages else None
    task = leaves(first.get("content")) if isinstance(first, Mapping) else ()
    if any(is_ordered(text) for text in task):
        return True
    choice = request.get("tool_choice")
    if isinstance(choice, Mapping) and choice.get("disable_parallel_tool_use") is True:
        return True
    offered = [profile.described for profile in profiles]
    return any(is_one_at_a_time(text) for text in (*leaves(request.get("system")), *offered) if text)


def _brings_news(facts: Facts, asked: Node) -> bool:
    messages = facts.content.messages(asked)
    last = messages[-1] if messages else None
    content = last.get("content") if isinstance(last, Mapping) else None
    return any(isinstance(block, Mapping) and block.get("type") == "text" for block in blocks_of(content))


def _is_pick(facts: Facts, group: _Group) -> bool:
    """Whether the works took some of a list that a tool had returned, and left most of it.

    Which ones it takes next, a model may decide by what it has read; who takes them all had no need to.
    """
    asked = group.batches[0].asked
    if asked is None:
        return False
    given = [tokens(profile.given or "") for batch in group.batches for profile in _profiles(facts, batch, None)]
    messages = facts.content.messages(asked)
    told = tokens("\n".join(leaves(messages[:1])))
    for result in _results(messages[-_MOST_LISTS:]):
        entries = {tokens(entry)[-_ENTRY:] for entry in re.split(r"[\n,]", result)} - {()}
        taken = {entry for entry in entries if any(_holds(words, entry) for words in given)}
        if len(taken) > 1 and 2 * len(taken) < len(entries) and not all(_holds(told, entry) for entry in taken):
            return True
    return False


def _holds(words: Sequence[str], part: Sequence[str]) -> bool:
    """Whether `part` stands in `words`, in one piece."""
    return any(tuple(words[at : at + len(part)]) == part for at in range(len(words) - len(part) + 1))


def _results(messages: Iterable[object]) -> Iterator[str]:
    for message in messages:
        for block in blocks_of(message.get("content")) if isinstance(message, Mapping) else ():
            if isinstance(block, Mapping) and block.get("type") == "tool_result":
                yield "\n".join(leaves(block.get("content")))[:_LONGEST_LIST]


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
    picked = ["they took a few of a list, which may have been chosen by what the first of them said"]
    is_pick = _is_pick(facts, group)
    is_likely = group.tie == "likely" and not is_pick
    none = "though none needs" if is_likely else "and maybe none needs"
    return RULE.finding(
        "likely" if is_likely else "possible",
        f"{agent.agent} asked for {counted(works)} in {plural(len(group.batches), 'turn')}, one after another, {none} what "
        f"came of another: {plural(len(calls), 'turn')} ({seconds(spared_ns)}, {of_tokens(used)} of input) would fall away",
        evidence=[
            *(
                f"turn {span_of(batch.container, origin_ns)} asked for {_asked_for(batch)}"
                for batch in group.batches[:6]
            ),
            *dict.fromkeys(group.evidence),
            *(picked if is_pick else ()),
        ],
        spans=[*(work.node.id for work in works), *(call.id for call in calls)],
        saving=saving,
        saved_usd=fsum(costs) if len(costs) == len(calls) else None,
        remedy=_remedy(agent, works),
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
