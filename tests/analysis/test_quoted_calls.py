"""Histories that quote an agent's tool calls as its text, and the results as the user's text."""

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
    """A lead whose second request quotes its tool call as `text`, and the tool's result."""
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


def test_of_several_tools_whose_results_come_as_one_text_the_prompts_tell_who_served_which() -> None:
    b, system = Builder(), "You lead."
    asked = [
        use(f"toolu_00000{number}", f"expert_{number}", task=f"Measure whale number {number}.") for number in (1, 2)
    ]
    b.call("a", 0, 10, [ASK], asked, system=system)
    for number in (2, 1):
        task = [user(f"Your task: Measure whale number {number}.")]
        b.call(
            f"e{number}", 60 - 20 * number, 70 - 20 * number, task, [said(f"Whale {number} is long.")], system="Expert."
        )
    history = [
        *(ASK, assistant(said("Calling tools: toolu_000001, toolu_000002"))),
        user("Observation:\nWhale 1 is long.\nWhale 2 is long."),
    ]
    b.call("b", 80, 90, history, [said("Both are long.")], system=system)
    agents = [f"{kind} expert_{number} ~" for number in (2, 1) for kind in ("tool", "agent")]
    assert [line for line in outline(b) if "expert" in line] == agents


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
