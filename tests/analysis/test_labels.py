"""Recorded agents and tools whose spans are called by the functions that ran: what they are named by instead."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.build import Builder, assistant, result, said, tree, use, user
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.model.tree import Node

KIND = "openinference.span.kind"
ASK = user("Explain the shop.")


def nodes(builder: Builder, kind: str) -> list[Node]:
    return [node for node in structure(builder.recording()).root.walk() if node.kind == kind]


def outline(builder: Builder) -> list[str]:
    return [line for line in tree(structure(builder.recording()).root) if "turn" not in line]


@pytest.mark.parametrize(
    ("label", "attributes", "expected"),
    [
        ("Researcher._execute_core", {"graph.node.id": "Researcher"}, "Researcher"),
        ("Senior Analyst._execute_core", {}, "Senior Analyst"),
        ("ToolCallingAgent.run", {}, "ToolCallingAgent"),
        ("agents.Lead.run", {}, "agents.Lead"),
        ("Lead.run", {"agent.name": "scout"}, "scout"),
        ("run", {"graph.node.id": "0f3a9c11d2e4b567", "graph.node.name": "scout"}, "scout"),
        # An id that nobody gave as a name is none.
        ("Lead.run", {"graph.node.id": "7b0b0a52-5f7a-4b53-a4de-1f5e1c0a2f11"}, "Lead"),
        # A name may have a dot.
        ("team.critic", {}, "team.critic"),
        ("researcher.run", {}, "researcher.run"),
        ("Lead.run", {"agent.name": "Lead.run"}, "Lead.run"),
    ],
)
def test_an_agent_is_named_by_attributes_then_by_whose_method_ran(
    label: str, attributes: dict[str, str], expected: str
) -> None:
    b = Builder()
    b.span("a", "span", 0, 100, name=label, attributes={KIND: "AGENT", **attributes})
    b.call("c", 10, 20, [ASK], [said("It sells kettles.")], parent="a")
    assert [node.agent for node in nodes(b, "agent")] == [expected]


@pytest.mark.parametrize("kind", ["agent", "tool"])
def test_a_name_that_comes_at_the_spans_end_takes_the_place_of_the_spans_own(kind: str) -> None:
    # The span's own name was noted when it began.
    ours, theirs = (semconv.AGENT_NAME, "agent.name") if kind == "agent" else (semconv.TOOL_NAME, "tool.name")
    noted = {KIND: kind.upper(), semconv.ADOPTED_FROM: KIND, ours: "look_up.run", theirs: "look_up"}
    b = Builder()
    b.span("x", "agent" if kind == "agent" else "tool", 0, 100, name="look_up.run", attributes=noted)
    b.call("c", 10, 20, [ASK], [said("It sells kettles.")], parent="x")
    assert nodes(b, kind)[0].attributes[ours] == "look_up"


def test_a_name_that_an_attribute_gave_from_the_begin_stays() -> None:
    b = Builder()
    given = {"gen_ai.operation.name": "invoke_agent", semconv.AGENT_NAME: "scout", "graph.node.id": "step-1"}
    b.span("a", "span", 0, 100, name="invoke_agent scout", attributes=given)
    b.call("c", 10, 20, [ASK], [said("It sells kettles.")], parent="a")
    assert [node.agent for node in nodes(b, "agent")] == ["scout"]


def _managed(*, tool_span: bool = False, name: str = "researcher.run") -> Builder:
    """A lead with another agent as a tool, each step in its own span, as frameworks record it."""
    b, question, answer = Builder(), "How long is a blue whale?", "A blue whale is 30 metres long."
    asked = use("t1", "researcher", task=question)
    b.span("lead", "span", 0, 1000, name="LeadAgent.run", attributes={KIND: "AGENT"})
    b.span("step", "span", 1, 900, "lead", name="Step 1", attributes={KIND: "CHAIN"})
    b.call("a", 2, 100, [ASK], [asked], parent="step", system="You lead.")
    above = "step"
    if tool_span:
        above = b.span(
            "tool", "span", 101, 899, "step", name="Tool", attributes={KIND: "TOOL", "tool.name": "researcher"}
        )
    b.span("agent", "span", 110, 890, above, name=name, attributes={KIND: "AGENT"})
    b.call("r", 120, 880, [user(f"Your task: {question}")], [said(answer)], parent="agent", system="You research.")
    b.span("step2", "span", 901, 990, "lead", name="Step 2", attributes={KIND: "CHAIN"})
    brought = [ASK, assistant(asked), user([result("t1", answer)])]
    b.call("b", 910, 980, brought, [said("30 metres.")], parent="step2", system="You lead.")
    return b


@pytest.mark.parametrize("tool_span", [False, True])
def test_an_agent_whose_method_ran_as_a_tool_is_named_as_the_tool(tool_span: bool) -> None:
    mark = "" if tool_span else " ~"
    assert outline(_managed(tool_span=tool_span)) == [
        "run ~",
        "  agent LeadAgent",
        "      span step",
        "        llm a",
        f"        tool researcher{mark}",
        "          agent researcher",
        "              llm r",
        "      span step2",
        "        llm b",
    ]


def test_an_agent_of_another_name_keeps_it_under_the_tool() -> None:
    assert [node.agent for node in nodes(_managed(name="scout.run"), "agent")] == ["LeadAgent", "scout.run"]


def _handoff(told: dict[str, Any], *, brought: str = '{"assistant": "billing"}', uses: int = 1) -> Builder:
    """A tool whose span is called otherwise than the model called the tool."""
    b = Builder()
    blocks = [use(f"t{number}", f"transfer_{number}") for number in range(uses)]
    b.agent("triage", 0, 1000)
    b.call("a", 10, 20, [ASK], blocks, parent="triage")
    b.span("x", "span", 30, 40, "triage", name="handoff", attributes={KIND: "TOOL", **told})
    results = [result(block["id"], brought) for block in blocks]
    b.call("b", 50, 60, [ASK, assistant(*blocks), user(results)], [said("Done.")], parent="triage")
    return b


def test_the_result_tells_which_tool_call_a_span_called_by_its_function_records() -> None:
    (tool,) = nodes(_handoff({"output.value": "billing"}), "tool")
    assert (tool.id, tool.attributes[semconv.TOOL_NAME]) == ("x", "transfer_0")
    assert tool.attributes[semconv.TOOL_CALL_ID] == "t0"


@pytest.mark.parametrize(
    ("told", "more"),
    [
        # A tool with a name of its own is another, which ran meanwhile.
        ({"tool.name": "vector_search", "output.value": "billing"}, {}),
        ({"output.value": "sales"}, {}),
        ({"output.value": "b"}, {}),
        ({}, {}),
        ({"output.value": "billing"}, {"uses": 2}),
    ],
)
def test_what_the_result_does_not_tell_stays_a_tool_of_its_own(told: dict[str, str], more: dict[str, Any]) -> None:
    tools = nodes(_handoff(told, **more), "tool")
    assert [tool.attributes[semconv.TOOL_NAME] for tool in tools if tool.id == "x"] == [
        told.get("tool.name", "handoff")
    ]
    assert len(tools) == 1 + more.get("uses", 1)


def test_the_call_id_decides_whatever_the_span_is_called() -> None:
    (tool,) = nodes(_handoff({"tool_call.id": "t0"}), "tool")
    assert tool.attributes[semconv.TOOL_NAME] == "transfer_0"
