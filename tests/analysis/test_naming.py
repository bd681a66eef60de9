"""Tests the names of inferred agents: by what differs between them; `lead` only where other agents served its tools."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest

from tests.support.build import Builder, assistant, result, said, tree, use, user
from tracekit.analysis.structure import structure

WHO = ("planner", "historian", "chemist", "economist", "editor")
LOOK = [{"name": "look", "input_schema": {"type": "object"}}]


def names(builder: Builder) -> list[str]:
    """The agents' names, in the order of the tree."""
    return [node.agent or "" for node in structure(builder.recording()).root.walk() if node.kind == "agent"]


def outline(builder: Builder) -> list[str]:
    return [line.strip() for line in tree(structure(builder.recording()).root) if "turn" not in line]


class Flow(Builder):
    """A workflow: calls one after another, each of which asks something else."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count()

    def ask(self, *callers: str, rounds: int = 1, uses: bool = False, **more: Any) -> None:
        """Ask once, or go on for some `rounds`; through functions named outermost first."""
        number = next(self._numbers)
        history = [user(f"Question number {number}")]
        for again in range(rounds):
            id, at = f"c{number}.{again}", 1000 * number + 100 * again
            is_last = again == rounds - 1
            answer = [use(f"u{number}.{again}", "look")] if uses and not is_last else [said(f"Answer {id} to that")]
            self.call(id, at, at + 50, history, answer, callers=callers[::-1], **more)
            brought = [result(f"u{number}.{again}", "seen")] if uses else "Go on."
            history = [*history, assistant(*answer), user(brought)]


def test_equal_calls_with_prompts_of_their_own_are_agents_by_number() -> None:
    flow = Flow()
    for who in WHO:
        flow.ask("main", "ask", system=f"You are the {who}.")
    assert names(flow) == ["agent-1", "agent-2", "agent-3", "agent-4", "agent-5"]


def test_so_are_those_that_work_for_several_turns() -> None:
    flow = Flow()
    for who, rounds in zip(WHO, (1, 2, 2, 2, 1), strict=True):
        flow.ask("main", "ask", system=f"You are the {who}.", rounds=rounds)
    assert names(flow) == ["agent-1", "agent-2", "agent-3", "agent-4", "agent-5"]


def test_agents_of_one_role_share_its_number() -> None:
    flow = Flow()
    for who in ("planner", "worker", "worker", "editor", "worker"):
        flow.ask(system=f"You are the {who}.")
    assert names(flow) == ["agent-1", "agent-2", "agent-2", "agent-3", "agent-2"]


@pytest.mark.parametrize("rounds", [1, 2])
def test_the_functions_that_called_name_them(rounds: int) -> None:
    flow = Flow()
    for function in ("plan", "worker", "worker", "merge"):
        flow.ask("main", function, "ask", "_retried", rounds=rounds, system="You are helpful.")
    assert names(flow) == ["plan", "worker", "worker", "merge"]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        # The function that all of them call through says nothing; where it is called directly, it is all there is.
        ([["main", "ask"], ["main", "worker", "ask"], ["main", "worker", "ask"]], ["ask", "worker", "worker"]),
        ([["main"], ["main", "worker"]], ["main", "worker"]),
        ([["Plan.run", "Model.ask"], ["Work.run", "Model.ask"]], ["Plan.run", "Work.run"]),
        # Called from several places, a function is the same.
        ([["a", "worker", "ask"], ["b", "worker", "ask"], ["main", "plan", "ask"]], ["worker", "worker", "plan"]),
        ([["loop", "generate", "ask"], ["loop", "evaluate", "ask"]] * 2, ["generate", "evaluate"] * 2),
        ([[], ["worker"]], ["agent-1", "worker"]),
    ],
)
def test_the_innermost_function_that_not_all_have_in_common(
    paths: Sequence[Sequence[str]], expected: list[str]
) -> None:
    flow = Flow()
    for path in paths:
        flow.ask(*path)
    assert names(flow) == expected


def test_other_roles_behind_one_function_are_told_apart_by_the_function_before_it() -> None:
    flow = Flow()
    flow.ask("main", "plan", "ask", system="You plan.")
    flow.ask("main", "worker", "as_json", "ask", system="You work.")
    flow.ask("main", "merge", "as_json", "ask", system="You merge.")
    assert names(flow) == ["plan", "worker", "merge"]


def test_other_roles_called_from_one_place_by_one_function_are_numbered() -> None:
    flow = Flow()
    for who, function in (("planner", ""), ("historian", "worker"), ("chemist", "worker"), ("editor", "")):
        flow.ask(*filter(None, ("main", function, "ask")), system=f"You are the {who}.")
    assert names(flow) == ["agent-1", "worker", "worker", "agent-2"]


def test_where_a_library_calls_the_task_names_it() -> None:
    flow = Flow()
    for lane, function in (("m", ""), ("m.t0", "main"), ("m.t0.t1", "worker"), ("m.t0.t2", "worker")):
        flow.lane(lane, function)
    flow.ask(lane="m.t0", system="You plan.")
    for number in (1, 2):
        # The library makes each request in a task of its own.
        flow.lane(f"m.t0.t{number}.t0", "")
        flow.ask(lane=f"m.t0.t{number}.t0", system="You work.")
    assert names(flow) == ["main", "worker", "worker"]


@pytest.mark.parametrize("rounds", [1, 2])
def test_spans_of_the_application_name_them_before_functions(rounds: int) -> None:
    flow = Flow()
    for number, step in enumerate(("plan", "work", "work", "merge")):
        flow.span(f"s{number}", "span", 1000 * number, 1000 * number + 900, name=step)
        flow.ask("main", f"step_{number}", "ask", parent=f"s{number}", rounds=rounds)
    assert names(flow) == ["plan", "work", "work", "merge"]


def test_spans_that_record_the_call_itself_name_nobody() -> None:
    flow = Flow()
    for number, step in enumerate(("plan", "merge")):
        about = {"gen_ai.operation.name": "chat"}
        flow.span(f"s{number}", "span", 1000 * number, 1000 * number + 900, name=f"chat {number}", attributes=about)
        flow.ask("main", step, "ask", parent=f"s{number}")
    assert names(flow) == ["plan", "merge"]


def test_calls_that_nothing_tells_apart_are_equal_calls() -> None:
    flow = Flow()
    for _ in range(3):
        flow.ask("main", "classify", system="Classify.")
    assert outline(flow) == ["run ~", "llm c0.0", "llm c1.0", "llm c2.0"]
    flow.ask("main", "classify", system="Classify.", rounds=2)
    assert names(flow) == ["classify"] * 4


def test_a_single_call_beside_an_agent_with_tools_is_the_programs() -> None:
    flow = Flow()
    flow.ask("main", "solve", rounds=2, uses=True, tools=LOOK)
    flow.ask("main", "solve", system="You judge.")
    assert outline(flow) == ["run ~", "agent solve ~", "llm c0.0", "tool look ~", "llm c0.1", "llm c1.0"]
    flow.ask("main", "grade", system="You grade.")
    assert names(flow) == ["solve", "grade"]


def _solved(lane: str, *, system: str = "You judge.", solved: tuple[str, str] = ("m.t1.t0", "m.t1.j1")) -> Builder:
    """An agent whose requests a library makes in tasks of their own, and a single call in `lane`."""
    b = Builder()
    asked, brought = [user("Solve it.")], user([result("u", "seen")])
    b.call("a", 0, 10, asked, [use("u", "look")], lane=solved[0], tools=LOOK, system="You solve.")
    history = [*asked, assistant(use("u", "look")), brought]
    b.call("b", 20, 30, history, [said("It is solved.")], lane=solved[1], tools=LOOK, system="You solve.")
    b.call("c", 40, 50, [user("Grade: It is solved.")], [said("Good.")], lane=lane, system=system)
    return b


def test_a_single_call_that_a_library_ran_apart_as_it_ran_the_agent_is_an_agent() -> None:
    assert names(_solved("m.t2.t0")) == ["agent-1", "agent-2"]


@pytest.mark.parametrize(
    "builder",
    [
        _solved("m"),
        _solved("m.t1.t3"),
        # Each request has a task of its own, and so has the call.
        _solved("m.t3", solved=("m.t1", "m.t2")),
        _solved("m.t2.t0", system="You solve."),
        _solved("m.t2.t0", system=""),
    ],
    ids=["where the program runs", "in the agent's task", "a task a request", "of one role", "without a role"],
)
def test_other_single_calls_of_a_library_are_the_programs(builder: Builder) -> None:
    assert names(builder) == ["agent-1"]


def test_an_agent_with_tools_that_nobody_served_leads_nobody() -> None:
    flow = Flow()
    flow.ask(rounds=3, uses=True, tools=LOOK)
    assert names(flow) == ["agent-1"]


def _lead(b: Builder, at: int, system: str = "") -> None:
    """An agent whose tool another served, named by nothing but that."""
    asked, ask = use(f"t{at}", "expert", question="Why is the sea salty?"), user(f"Go {at}.")
    b.call(f"l{at}", at, at + 10, [ask], [asked], system=system)
    b.call(f"e{at}", at + 12, at + 20, [user("Why is the sea salty?")], [said("Rivers bring salt.")], system="Expert.")
    brought = user([result(f"t{at}", "Rivers bring salt.")])
    b.call(f"m{at}", at + 30, at + 40, [ask, assistant(asked), brought], [said("So it is.")], system=system)


def test_who_leads_is_lead_whatever_stands_before_it() -> None:
    b = Builder()
    b.call("x", 0, 5, [user("Which is it?")], [said("salt")], system="You route.", callers=["route", "main"])
    _lead(b, 100)
    assert names(b) == ["route", "lead", "expert"]


def test_two_leads_of_other_roles_are_equals() -> None:
    b = Builder()
    for at, system in ((0, "You lead one."), (100, "You lead two.")):
        _lead(b, at, system)
    assert names(b) == ["agent-1", "expert", "agent-2", "expert"]
    b = Builder()
    for at in (0, 100):
        _lead(b, at, "You lead.")
    assert names(b) == ["lead", "expert"] * 2


def test_numbers_go_on_through_the_whole_run() -> None:
    b = Builder()
    for number in range(2):
        tool = b.tool(f"t{number}", "debate", 100 * number, 100 * number + 90)
        for who in (0, 1):
            at = 100 * number + 10 * who
            b.call(
                f"c{number}{who}",
                at,
                at + 5,
                [user(f"Motion {number}")],
                [said("So!")],
                parent=tool,
                system=("Pro.", "Con.")[who],
            )
    assert names(b) == ["debate-1", "debate-2"] * 2
