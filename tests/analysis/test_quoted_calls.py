"""Histories that give an agent's tool calls back as text of its own, and the results as text of the user."""

from __future__ import annotations

import pytest

from tests.support.build import Builder, assistant, said, tree, use, user
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.rules import findings_of

ASK = user("How long is a blue whale?")
LENGTH = "A blue whale is 30 metres long."


def outline(builder: Builder) -> list[str]:
    return [line.strip() for line in tree(structure(builder.recording()).root) if "turn" not in line]


def _lead(text: str, *, observed: bool = True, system: str = "You lead.") -> Builder:
    """A lead whose second request gives its tool call as `text`, and what came of it."""
    b, asked = Builder(), use("toolu_000000", "researcher", task="Measure the blue whale.")
    b.call("a", 0, 10, [ASK], [asked], system="You lead.")
    b.call("r", 20, 30, [user("Your task: Measure the blue whale.")], [said(LENGTH)], system="You research.")
    history = [ASK, assistant(said(text)), *([user(f"Observation:\n{LENGTH}")] if observed else [])]
    b.call("b", 40, 50, history, [said("30 metres.")], system=system)
    return b


@pytest.mark.parametrize(
    "text",
    [
        "Calling tools:\n[{'id': 'toolu_000000', 'function': {'name': 'researcher'}}]",
        "researcher(task='Measure the blue whale.')",
    ],
    ids=["by id", "by name and input"],
)
def test_an_agent_goes_on_where_its_tool_call_stands_as_text(text: str) -> None:
    b = _lead(text)
    agents = ["run ~", "agent lead ~", "llm a", "tool researcher ~", "agent researcher ~", "llm r", "llm b"]
    assert outline(b) == agents
    tool = next(node for node in structure(b.recording()).root.walk() if node.kind == "tool")
    assert tool.attributes[semconv.INFERRED_FROM] == "result"
    assert findings_of(structure(b.recording())) == []


def test_a_tool_of_the_programs_has_run_if_anything_follows_its_call() -> None:
    asked, text = use("toolu_000000", "look_up", topic="whale"), "Calling tools: toolu_000000"
    for more, tools in (([user("Observation:\n30 metres")], 1), ([], 0)):
        b = Builder()
        b.call("a", 0, 10, [ASK], [asked], system="You lead.")
        b.call("b", 20, 30, [ASK, assistant(said(text)), *more], [said("30 metres.")], system="You lead.")
        run = structure(b.recording())
        assert (run.count("agent"), run.count("tool")) == (1, tools)


def test_words_that_give_no_tool_call_continue_nothing() -> None:
    b = _lead("I shall ask a researcher.")
    assert [line for line in outline(b) if line.startswith("agent")] != ["agent lead ~", "agent researcher ~"]


def test_another_agent_that_reads_such_a_history_takes_it_over() -> None:
    b = _lead("Calling tools: toolu_000000", system="You write.")
    run = structure(b.recording())
    assert run.count("agent") == 3
