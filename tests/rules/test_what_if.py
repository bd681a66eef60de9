"""The run as it could be: the very schedule that a finding's saving was computed from."""

from __future__ import annotations

import pytest

from fixtures.rules.hard import analyse
from fixtures.rules.labelled import labelled
from fixtures.rules.story import Ask, Story, Turn
from fixtures.rules.telling import run_of
from tracekit.analysis.batches import parents_of
from tracekit.analysis.timing.overlap import most_at_once
from tracekit.analysis.timing.what_if import WhatIf, what_if
from tracekit.model.finding import Finding
from tracekit.model.tree import Node, Run
from tracekit.rules.default import default_findings

SCHEDULED = {"TK101", "TK102", "TK103", "TK104", "TK105", "TK106", "TK204", "TK302", "TK401"}
STORIES = [story for story in labelled() if story.hits & SCHEDULED]
MS = 1_000_000


def without(run: Run, *findings: Finding) -> WhatIf:
    """`run` as it could be without `findings`."""
    return what_if(run, [each.change for each in findings if each.change is not None])


def drawn(story: Story, code: str) -> tuple[Run, WhatIf]:
    """The first finding with `code` of `story`, drawn."""
    run = run_of(story)
    return run, without(run, next(found for found in default_findings(run) if found.code == code))


def the(name: str) -> Story:
    return next(story for story in labelled() if story.name == name)


def named(run: Run, name: str) -> list[Node]:
    return [node for node in run.root.walk() if node.kind == "agent" and node.agent == name]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_what_is_drawn_saves_what_was_said(story: Story) -> None:
    run = run_of(story)
    findings = [each for each in default_findings(run) if each.saved_ms is not None]
    assert {each.code for each in findings} <= SCHEDULED
    for finding in findings:
        assert finding.change
        made = without(run, finding)
        assert made.saved_ns / MS == pytest.approx(finding.saved_ms, abs=0.001)
        assert made.was.start_ns == made.could.start_ns == run.root.start_ns
        assert_whole(run, made)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_all_that_is_found_saves_no_less_than_each_and_no_more_than_the_sum(story: Story) -> None:
    run = run_of(story)
    findings = [each for each in default_findings(run) if each.saved_ms is not None]
    savings = [each.saved_ms or 0.0 for each in findings]
    saved_ms = without(run, *findings).saved_ns / MS
    assert max(savings, default=0) - 0.001 <= saved_ms <= sum(savings) + 0.001


def assert_whole(run: Run, made: WhatIf) -> None:
    """Every span stays within its parent, and the last work keeps its distance from the run's end."""
    parents = parents_of(run.root.walk())
    for node in run.root.walk():
        at = made.times.get(node.id)
        if at is None:
            continue
        assert at.start_ns <= at.end_ns
        parent = parents.get(node.id)
        if parent is None:
            continue
        assert parent.id in made.times, "what stays is below what stays"
        above = made.times[parent.id]
        end_ns, parent_end_ns = node.end_ns or run.last_ns, parent.end_ns or run.last_ns
        if parent.start_ns <= node.start_ns and end_ns <= parent_end_ns:
            assert above.start_ns <= at.start_ns, node.name
            assert at.end_ns <= above.end_ns, node.name
    last = max((node for node in run.root.walk() if node.kind == "llm"), key=lambda node: node.end_ns or 0)
    last_ns = last.end_ns or 0
    last_could_ns = max(
        made.times[node.id].end_ns for node in run.root.walk() if node.kind == "llm" and node.id in made.times
    )
    if last_ns <= made.was.end_ns and last.id in made.times:
        assert made.was.end_ns - last_ns == made.could.end_ns - last_could_ns


@pytest.mark.parametrize(
    ("name", "code"),
    [("a blocked loop", "TK101"), ("one answer, one by one", "TK102"), ("three analyses in three turns", "TK103")],
)
def test_agents_that_ran_one_by_one_run_together(name: str, code: str) -> None:
    run, made = drawn(the(name), code)
    agents = [node for node in run.root.walk() if node.kind == "agent" and node.agent != "lead"]
    assert most_at_once([made.times[node.id] for node in agents]) == len(agents) == 3


def test_a_call_that_was_held_up_is_as_long_as_it_was() -> None:
    """Only the waiting for the others goes; what the model itself took stays."""
    run, made = drawn(the("a blocked loop"), "TK101")
    for agent in run.root.walk():
        if agent.kind == "agent" and agent.agent != "lead":
            (call,) = [node for node in agent.walk() if node.kind == "llm"]
            at = made.times[call.id]
            assert call.end_ns is not None
            assert at.end_ns - at.start_ns == call.end_ns - call.start_ns


def test_turns_that_are_spared_have_no_call() -> None:
    run, made = drawn(the("three analyses in three turns"), "TK103")
    (lead,) = named(run, "lead")
    calls = [node for turn in lead.children for node in turn.children if node.kind == "llm"]
    gone = [number for number, call in enumerate(calls) if call.id not in made.times]
    assert gone == [1, 2], "the first turn asks for all, the last answers"


def test_a_straggler_takes_what_the_second_took() -> None:
    run, made = drawn(the("one of four decides"), "TK105")
    took = sorted(made.times[node.id].end_ns - made.times[node.id].start_ns for node in named(run, "audit_agent"))
    assert took[-1] == pytest.approx(took[-2], rel=0.01)


def test_beside_many_turns_what_comes_later_moves_up() -> None:
    """The saving of a node with many children is bounded, not laid out; the picture agrees."""
    batch = Turn(tuple(analyse(f"shop/{number}.py") for number in range(3)), how="serial")
    later = tuple(Turn((Ask("log", {"line": f"line {number}"}, "ok", 100, agent=False),)) for number in range(80))
    run = run_of(Story("many turns", "Look at the shop, then keep a log.", (batch, *later)))
    found = next(each for each in default_findings(run) if each.code == "TK102")
    made = without(run, found)
    assert made.saved_ns / MS == pytest.approx(found.saved_ms, abs=0.001)
    assert_whole(run, made)


def test_a_saving_that_a_longer_branch_takes_back_is_not_drawn() -> None:
    """Beside a branch of ten seconds, what is saved at the root is less than in the turn itself."""
    pair = (Turn(tuple(analyse(f"shop/{number}.py") for number in range(3)), how="serial"), Turn())
    asks = (
        Ask("lead_of_three", {"goal": "shop"}, "Done.", 1, team=pair),
        Ask("crawl_agent", {"site": "https://example.org"}, "All of it.", 7000),
    )
    run = run_of(Story("beside", "Both.", (Turn(asks),)))
    found = next(each for each in default_findings(run) if each.code == "TK102")
    made = without(run, found)
    in_the_turn_ns = 4000 * MS
    assert 0 < made.saved_ns < in_the_turn_ns
    assert made.saved_ns / MS == pytest.approx(found.saved_ms, abs=0.001)
    at = made.times[made.node.id]
    assert (made.node.end_ns or 0) - made.node.start_ns - (at.end_ns - at.start_ns) == in_the_turn_ns
    assert_whole(run, made)
