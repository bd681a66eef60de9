"""One tool that starts every subagent, and the field of its input that names the agent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.build import Builder, assistant, result, said, use, user
from tracekit.analysis.structure import structure


def tool(name: str = "task", description: str = "", **fields: object) -> dict[str, Any]:
    return {"name": name, "description": description, "input_schema": {"type": "object", "properties": fields}}


def agents(
    *dispatches: tuple[dict[str, Any], str], definition: dict[str, Any] | None = None, system: str = "", **more: Any
) -> list[str]:
    """The names of subagents that a lead starts by one tool, each with its input and its own system prompt."""
    b, definition = Builder(), definition or tool()
    blocks = [use(f"t{number}", definition["name"], **given) for number, (given, _) in enumerate(dispatches)]
    ask = user("Write about kettles.")
    b.call("lead1", 0, 10, [ask], blocks, system=system, tools=[definition])
    for number, (given, prompt) in enumerate(dispatches):
        asked = [user(f"Your task: {given.get('task', number)}")]
        b.call(
            f"s{number}", 20, 30, asked, [said(f"Answer number {number}.")], system=prompt, lane=f"m.t{number}", **more
        )
    brought = user([result(f"t{number}", f"Answer number {number}.") for number in range(len(dispatches))])
    b.call("lead2", 50, 60, [ask, assistant(*blocks), brought], [said("Done.")], system=system, tools=[definition])
    return [node.agent or "" for node in structure(b.recording()).root.walk() if node.kind == "agent"][1:]


R, C = "You search the web.", "You find faults."
LISTED = {"enum": ["researcher", "critic"]}


@pytest.mark.parametrize(
    "schema",
    [
        LISTED,
        {"anyOf": [{"const": "researcher"}, {"const": "critic"}, {"type": "null"}]},
        {"$ref": "#/$defs/Who"},
    ],
)
@pytest.mark.parametrize("field", ["subagent_type", "specialist"])
def test_a_field_whose_values_the_schema_lists_and_that_selects_the_prompt(field: str, schema: dict[str, Any]) -> None:
    definition = tool(task={"type": "string"})
    definition["input_schema"]["properties"][field] = schema
    definition["input_schema"]["$defs"] = {"Who": LISTED}
    given = [({"task": "Look.", field: "researcher"}, R), ({"task": "Read.", field: "critic"}, C)]
    assert agents(*given, definition=definition) == ["researcher", "critic"]


def test_values_that_come_again_and_select_the_prompt() -> None:
    given = [({"task": f"Step {number}", "team": who}, f"You are in team {who}.") for number, who in enumerate("ABAB")]
    assert agents(*given) == ["A", "B", "A", "B"]


def test_a_date_in_the_prompt_makes_no_other_agent() -> None:
    given = [
        ({"task": f"Step {day}", "whom": who}, f"Today is 2026-11-{day}. {R if who == 'web' else C}")
        for day, who in ((11, "web"), (12, "review"), (13, "web"))
    ]
    assert agents(*given) == ["web", "review", "web"]


@pytest.mark.parametrize(
    ("description", "system"),
    [
        ("Agents: researcher (searches), critic (finds faults).", ""),
        ("", "Members of your team:\n- researcher\n- critic"),
    ],
    ids=["in the tool's description", "in the system prompt"],
)
def test_a_value_that_the_asker_was_shown(description: str, system: str) -> None:
    asked: dict[str, Any] = {"definition": tool("delegate_task_to_member", description), "system": system}
    assert agents(({"task": "Look.", "member_id": "researcher"}, R), **asked) == ["researcher"]
    given = [({"task": "Look.", "unit": "researcher"}, R), ({"task": "Read.", "unit": "critic"}, C)]
    assert agents(*given, **asked) == ["researcher", "critic"]


def test_a_teammate_whose_name_the_model_made_up_reads_it_in_its_prompt() -> None:
    given = [
        ({"name": name, "role": "coder", "task": f"Write part {name}."}, f"You are '{name}', role: coder.")
        for name in ("alice", "bob")
    ]
    assert agents(*given, definition=tool("spawn_teammate")) == ["alice", "bob"]


@pytest.mark.parametrize(
    ("dispatches", "schema"),
    [
        # How something is done, not who does it.
        ([({"depth": "quick"}, R), ({"depth": "thorough"}, R)], {"depth": {"enum": ["quick", "thorough"]}}),
        ([({"depth": "quick"}, R)], {"depth": {"enum": ["quick", "thorough"]}}),
        # What is looked at, even where the prompt says so.
        ([({"path": p}, f"You read {p}.") for p in ("shop/cart.py", "shop/mail.py", "shop/cart.py")], {}),
        ([({"topic": t}, f"You know {t}.") for t in ("whales", "sharks")], {}),
        ([({"question": q}, R) for q in ("Is it safe", "Is it safe", "Is it fast")], {}),
        # A name by its field alone.
        ([({"name": n}, R) for n in ("Paris", "Rome")], {}),
        ([({"name": "Paris"}, "You know the weather.")], {}),
        # What chooses is no text.
        ([({"subagent_type": 1}, R), ({"subagent_type": {"a": 1}}, C)], {"subagent_type": {"enum": [1, {"a": 1}]}}),
    ],
)
def test_without_evidence_they_bear_the_name_of_the_tool(
    dispatches: list[tuple[dict[str, Any], str]], schema: dict[str, Any]
) -> None:
    assert agents(*dispatches, definition=tool("expert", **schema)) == ["expert"] * len(dispatches)


def test_one_without_the_field_bears_the_name_of_the_tool() -> None:
    given = [({"task": "Look.", "subagent_type": "researcher"}, R), ({"task": "Read."}, C)]
    assert agents(*given, definition=tool(subagent_type=LISTED)) == ["researcher", "task"]


def test_a_recorded_tool_names_its_agent_by_its_input() -> None:
    b = Builder()
    definition = tool(task={"type": "string"}, subagent_type=LISTED)
    lead = b.agent("lead", 0, 100)
    blocks = [use(f"t{n}", "task", task=f"Do {n}", subagent_type=who) for n, who in enumerate(("critic", "researcher"))]
    b.call("a", 0, 10, [user("Go.")], blocks, parent=lead, tools=[definition])
    for number, prompt in enumerate((C, R)):
        given = blocks[number]["input"]
        ran = b.tool(f"x{number}", "task", 20, 40, lead, arguments=given, call_id=f"t{number}")
        b.call(f"s{number}", 21, 39, [user("As you were told.")], [said("Yes.")], parent=ran, system=prompt)
    found = [node.agent for node in structure(b.recording()).root.walk() if node.kind == "agent"]
    assert found == ["lead", "critic", "researcher"]


def _handed_on(definition: dict[str, Any], *chosen: dict[str, Any]) -> list[str]:
    """The names of agents that share one history.

    Each of them but the last hands the history on by a tool.
    """
    b, history = Builder(), [user("I was billed twice for my kettle.")]
    for number, prompt in enumerate(("You triage.", "You bill.", "You refund.")):
        answer = [use(f"t{number}", definition["name"], **chosen[number])] if number < 2 else [said("It is settled.")]
        model = f"claude-{number}"
        b.call(
            f"c{number}",
            100 * number,
            100 * number + 10,
            history,
            answer,
            system=prompt,
            tools=[definition],
            model=model,
        )
        history = [*history, assistant(*answer), user([result(f"t{number}", f"Transferred, {number}.")])]
    return [node.agent or "" for node in structure(b.recording()).root.walk() if node.kind == "agent"]


def test_a_handoff_names_the_agent_that_goes_on() -> None:
    listed = tool("handoff", to_agent={"enum": ["triage", "billing", "refunds"]})
    assert _handed_on(listed, {"to_agent": "billing"}, {"to_agent": "refunds"}) == ["agent-1", "billing", "refunds"]
    shown = tool("handoff", "Hand over to billing or refunds.")
    assert _handed_on(shown, {"whom": "billing"}, {"whom": "refunds"}) == ["agent-1", "billing", "refunds"]
    assert _handed_on(tool("transfer"), {"why": "money"}, {"why": "more"}) == ["agent-1", "agent-2", "agent-3"]
