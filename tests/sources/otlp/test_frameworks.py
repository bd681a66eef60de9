"""Spans of agent frameworks, as their own instrumentation exported them: what the scripted server says of the same runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.make_spans import SPANS
from tests.sources.transcripts import imported, nodes, runs

SERVED = json.loads((SPANS / "served.json").read_text(encoding="utf-8"))

RECORDED = {
    # Their spans name no agents, and Haystack's no tools.
    "haystack-agents": {"agents": ["main"], "tools": []},
    "llama-index": {"agents": ["main"]},
    # An agent has the name of its span, and no span of the tool that it serves.
    "smolagents-litellm": {
        "agents": ["ToolCallingAgent", "researcher.run"],
        "tools": ["final_answer", "final_answer", "look_up"],
    },
}
"""By program: what its spans record otherwise than the program does it."""


@pytest.mark.parametrize("program", sorted(SERVED))
def test_agents_tools_calls_and_tokens_are_the_servers(program: str, home: Path) -> None:
    served = {**SERVED[program], **RECORDED.get(program, {})}
    assert imported(SPANS / f"{program}.jsonl").warnings == []
    found = runs()
    calls = [call for run in found for call in nodes(run, "llm")]
    assert len(calls) == served["calls"]
    assert sum(run.root.tokens.input for run in found) == served["input"]
    assert sum(run.root.tokens.output for run in found) == served["output"]
    assert sorted(str(agent.agent) for run in found for agent in nodes(run, "agent")) == served["agents"]
    tools = [tool.attributes["gen_ai.tool.name"] for run in found for tool in nodes(run, "tool")]
    assert sorted(tools) == served["tools"]
    for run in found:
        for agent in nodes(run, "agent"):
            assert all(child.kind != "llm" for child in agent.children)
