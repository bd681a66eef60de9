"""Tests tools whose execution was not recorded: they hide no certain finding about others, and save nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.build import MS, Builder, assistant, result, said, use, user
from tests.support.trees import node
from tracekit import semconv
from tracekit.analysis.batches import parents_of
from tracekit.analysis.facts import Facts
from tracekit.analysis.structure import structure
from tracekit.analysis.timing.schedule import Schedule
from tracekit.analysis.timing.what_if import what_if
from tracekit.model.change import Change
from tracekit.model.finding import Finding
from tracekit.model.tree import Run
from tracekit.rules import findings_of
from tracekit.rules.check import Options
from tracekit.rules.default import default_findings
from tracekit.testing import check

QUESTIONS = {"ask_a": "What does the first part hold?", "ask_b": "What does the second part hold?"}
Times = tuple[int, int]


def run_of(
    asked: Sequence[str],
    a: Times,
    b: Times,
    end: int,
    *,
    lanes: Sequence[str] = ("m", "m"),
    blocks: bool = False,
    inputs: dict[str, dict[str, str]] | None = None,
) -> Run:
    """A lead's response, which ends at 1000 ms, and requests tools.

    `ask_a` and `ask_b` are subagents; the results are sent at `end`.
    """
    build = Builder()
    given = {name: (inputs or {}).get(name, {"question": QUESTIONS.get(name, "Go on.")}) for name in asked}
    uses = [use(f"u-{name}", name, **given[name]) for name in asked]
    task = user("Go.")
    build.call("lead1", 0, 1000, [task], uses, system="You lead.")
    for name, (start, stop), lane in zip(("ask_a", "ask_b"), (a, b), lanes, strict=True):
        build.call(name, start, stop, [user(given[name]["question"])], [said(f"{name} holds.")], lane=lane, system=name)
        if blocks:
            build.spans[name].attributes[semconv.SYNC_IN_EVENT_LOOP] = True  # type: ignore[index]
    texts: dict[str, Any] = {name: f"{name} holds." if name in QUESTIONS else "ok" for name in asked}
    results = [result(f"u-{name}", text) for name, text in texts.items()]
    build.call("lead2", end, end + 500, [task, assistant(*uses), user(results)], [said("Done.")], system="You lead.")
    return structure(build.recording())


def found(run: Run) -> list[tuple[str, str, float | None]]:
    return [(each.code, each.confidence, each.saved_ms) for each in findings(run)]


def findings(run: Run) -> list[Finding]:
    return findings_of(run, Options(select=("TK1",)))


SERIAL = [("TK102", "certain", 600.0)]
BLOCKED = [("TK101", "certain", 600.0)]


@pytest.mark.parametrize(
    "asked",
    [
        ("todo", "ask_a", "ask_b"),
        ("ask_a", "bash", "ask_b"),
        ("ask_a", "ask_b", "think"),
        ("todo", "ask_a", "bash", "ask_b", "think"),
    ],
)
def test_a_plain_tool_hides_neither_a_serial_batch_nor_a_blocked_loop(asked: Sequence[str]) -> None:
    run = run_of(asked, (1001, 1601), (1602, 2202), 2210)
    assert found(run) == SERIAL
    tasks = ("m.t0", "m.t1")
    assert found(run_of(asked, (1000, 1600), (1600, 2200), 2210, lanes=tasks, blocks=True)) == BLOCKED


def test_the_finding_says_that_the_tool_is_not_counted() -> None:
    (finding,) = findings(run_of(("todo", "ask_a", "bash", "ask_b"), (1000, 1600), (1600, 2200), 2200))
    assert "the times of todo and bash were not recorded, so the saving leaves them out" in finding.evidence


@pytest.mark.parametrize(
    ("a", "b", "end"),
    [
        ((4000, 4600), (4600, 5200), 5200),  # before them
        ((1000, 1600), (4600, 5200), 5200),  # between them
        ((1000, 1600), (1600, 2200), 5200),  # after them
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_gap_that_the_tool_may_have_filled_is_no_saving(a: Times, b: Times, end: int, place: int) -> None:
    """An unrecorded tool keeps the gap of 3 s in its lane, whatever changes elsewhere."""
    asked = ["ask_a", "ask_b"]
    asked.insert(place, "bash")
    assert found(run_of(asked, a, b, end)) == SERIAL


def test_a_long_gap_at_the_end_may_be_of_a_tool_that_ran_beside_the_others() -> None:
    """Tasks: the tool may have been started first, and the run have waited for nothing else."""
    tasks = ("m.t1", "m.t2")
    assert found(run_of(("bash", "ask_a", "ask_b"), (1000, 1600), (1600, 2200), 5200, lanes=tasks, blocks=True)) == []
    assert found(run_of(("bash", "ask_a", "ask_b"), (1000, 1600), (1600, 2200), 5200, lanes=tasks)) == []


def test_a_tool_that_a_blocked_loop_let_begin_last_ran_after_the_others() -> None:
    tasks = ("m.t0", "m.t1")
    run = run_of(("ask_a", "ask_b", "bash"), (1000, 1600), (1600, 2200), 5200, lanes=tasks, blocks=True)
    assert found(run) == BLOCKED
    # Requested between the two, it may have run beside the second, until the end.
    run = run_of(("ask_a", "bash", "ask_b"), (1000, 1600), (1600, 2200), 2900, lanes=tasks, blocks=True)
    assert found(run) == []


def test_what_the_tool_hands_on_keeps_the_order() -> None:
    """The first subagent reads a file, the tool writes it, and the second subagent reads it again."""
    inputs = {
        "ask_a": {"question": "What is wrong with docs/draft.md?"},
        "write_file": {"path": "docs/draft.md", "content": "All is well."},
        "ask_b": {"question": "Is docs/draft.md short enough?"},
    }
    assert found(run_of(("ask_a", "write_file", "ask_b"), (1000, 1600), (1600, 2200), 2200, inputs=inputs)) == [
        ("TK102", "possible", 600.0)
    ]
    assert found(run_of(("write_file", "ask_a", "ask_b"), (1000, 1600), (1600, 2200), 2200, inputs=inputs)) == SERIAL


def test_tools_that_were_all_unseen_have_nothing_to_save() -> None:
    build = Builder()
    uses = [use(f"u{n}", "bash", command=f"make part{n}") for n in range(3)]
    build.call("lead1", 0, 1000, [user("Go.")], uses)
    results = user([result(f"u{n}", "ok") for n in range(3)])
    build.call("lead2", 9000, 9500, [user("Go."), assistant(*uses), results], [said("Done.")])
    run = structure(build.recording())
    assert found(run) == []
    (turn, _) = [node for node in run.root.walk() if node.kind == "turn"]
    plan = Facts(run).schedule
    assert plan.carried_ns(turn, 5000 * MS) == 5000 * MS


def test_what_is_found_within_a_subagent_counts_beside_an_unseen_tool() -> None:
    """The saving is carried up through the turn in which the tool stands."""
    run = run_of(("ask_a", "ask_b", "think"), (1000, 1600), (1600, 3600), 3600)
    longest = next(node for node in run.root.walk() if node.id == "ask_b")
    assert Facts(run, least_ns=0).schedule.carried_ns(longest, 500 * MS) == 500 * MS


def test_the_run_as_it_could_be_is_drawn_with_the_bounds_that_are_left() -> None:
    run = run_of(("todo", "ask_a", "ask_b"), (1000, 1600), (1600, 2200), 2250)
    (found_one,) = [each for each in default_findings(run) if each.code == "TK102"]
    assert found_one.change is not None
    drawn = what_if(run, [found_one.change])
    todo = next(node for node in run.root.walk() if node.attributes.get(semconv.TOOL_NAME) == "todo")
    assert drawn.times[todo.id] == (1000 * MS, 1650 * MS)
    assert drawn.saved_ns == 600 * MS


def test_an_unseen_tool_proves_neither_work_at_once_nor_one_by_one() -> None:
    run = run_of(("todo", "ask_a", "ask_b"), (1000, 1600), (1600, 2200), 2250)
    with pytest.raises(
        AssertionError, match=r"not known when todo ran, in run [^\n]*\n *todo  at some time from 1\.000 s to 2\.250 s"
    ):
        check(run).parallel("todo", "ask_a")
    with pytest.raises(AssertionError, match=r"not shown to be at work one by one(.|\n)*@tracekit\.tool"):
        check(run).serial("todo", "ask_a")
    check(run).serial("ask_a", "ask_b")


def test_without_a_change_nothing_is_saved_beside_unseen_tools() -> None:
    for seed in range(100):
        chance = random.Random(seed)
        children = [
            node(
                "tool",
                "t",
                start,
                start + chance.choice((0, 5, 400, 900)),
                id=f"t{n}",
                lane=f"m.t{chance.randrange(2)}",
            )
            for n in range(chance.choice((1, 4, 80)))
            for start in (chance.randrange(9000),)
        ]
        bounds = {semconv.INFERRED_BOUNDS: True}
        children += [node("tool", "u", 1000, 9000, id=f"u{n}", attributes=bounds) for n in range(chance.choice((1, 3)))]
        turn = node("turn", "turn", 0, 9000 + chance.choice((0, 500)), *children, id="turn")
        root = node("run", "r", 0, 10_000, turn, id="root")
        plan = Schedule(parents_of(root.walk()), root.end_ns or 0)
        assert plan.duration_with(turn, Change()) == plan.duration(turn)
        times = plan.times_with(turn, Change())
        assert set(times) == {child.id for child in children}
        assert plan.carried_ns(turn, 200 * MS) == 200 * MS
        shorter = {"t0": plan.duration(children[0]) // 2}
        assert 0 <= plan.saving(Change(durations=shorter)).ns <= shorter["t0"] + MS
