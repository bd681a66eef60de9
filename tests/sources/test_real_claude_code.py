"""What a real Claude Code writes against a scripted server becomes the run that the server saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.sources.transcripts import imported, nodes, runs, shape, the_run
from tests.support.claude_code import ScriptedSession, claude_code, start
from tracekit import semconv
from tracekit.demo.claude import Block, text, tool_use
from tracekit.model.tree import Tokens

CLI = claude_code()

pytestmark = [
    pytest.mark.claude_code,
    pytest.mark.skipif(CLI is None, reason="no Claude Code: run .ci/frameworks claude_agent_sdk"),
]

LEAD = "You lead the study of whales."
AGENTS = {
    name: {"description": f"Does task {name}.", "prompt": f"You do task {name}.", "tools": ["Bash"]}
    for name in ("alpha", "beta", "gamma")
}


def _ask(name: str, **more: object) -> Block:
    asked = {"description": name, "prompt": f"Do task {name} now", "subagent_type": name, **more}
    return tool_use("Agent", asked, f"toolu_{name}")


SCRIPT: dict[str, Sequence[Sequence[Block] | int | None]] = {
    LEAD: [[text("I ask three."), _ask("alpha"), _ask("beta"), _ask("gamma", run_in_background=True)]],
    "task alpha": [
        [tool_use("Bash", {"command": "echo one"}, "toolu_a1"), tool_use("Bash", {"command": "exit 3"}, "toolu_a2")],
        [text("Alpha is done.")],
    ],
    "task beta": [529, [text("Beta is done.")]],
    "task gamma": [[tool_use("Bash", {"command": "sleep 1; echo gamma"}, "toolu_c1")], [text("Gamma is done.")]],
}


def test_transcript_and_stream_are_the_run_that_the_server_saw(home: Path, tmp_path: Path) -> None:
    assert CLI is not None
    with ScriptedSession(SCRIPT) as server:
        process = start(CLI, server, tmp_path / "claude", "Study whales", LEAD, AGENTS)
        stream, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    path = tmp_path / "stream.jsonl"
    path.write_bytes(stream)
    of_stream = the_run(path)
    done = imported(tmp_path / "claude" / "config" / "projects")
    (run,) = runs()
    calls = nodes(run, "llm")
    assert not done.not_understood
    assert run.id == of_stream.id
    assert run.status == "ok"
    assert len(calls) == len(server.usages)
    usages = [(usage["input_tokens"], usage["output_tokens"]) for usage in server.usages]
    assert sorted((call.tokens.input, call.tokens.output) for call in calls) == sorted(usages)
    assert run.root.retries == server.failures == 1
    assert run.root.cost_complete
    assert run.root.cost_usd == pytest.approx(run.root.attributes[semconv.RECORDED_COST_USD])
    agents = {node.agent: node for node in nodes(run, "agent")}
    assert sorted(map(str, agents)) == ["alpha", "beta", "gamma", "main"]
    assert not any(agent.inferred for agent in agents.values())
    tools = {tool.attributes[semconv.TOOL_CALL_ID]: tool for tool in nodes(run, "tool")}
    assert sorted(tools) == ["toolu_a1", "toolu_a2", "toolu_alpha", "toolu_beta", "toolu_c1", "toolu_gamma"]
    assert [id for id, tool in sorted(tools.items()) if tool.status == "error"] == ["toolu_a2"]
    for name in AGENTS:
        assert agents[name] in tools[f"toolu_{name}"].children
    assert sorted(map(str, shape(of_stream.root))) == sorted(map(str, shape(run.root)))
    assert of_stream.root.tokens == Tokens(run.root.tokens.input)
    assert not of_stream.root.cost_complete


def test_a_killed_session_is_interrupted_at_its_open_call(home: Path, tmp_path: Path) -> None:
    assert CLI is not None
    with ScriptedSession({LEAD: [[text("One step."), tool_use("Bash", {"command": "ls"}, "toolu_1")], None]}) as server:
        process = start(CLI, server, tmp_path / "claude", "Study whales", LEAD, {})
        assert server.is_stuck.wait(60)
        transcripts = tmp_path / "claude" / "config" / "projects"
        while b"".join(path.read_bytes() for path in transcripts.rglob("*.jsonl")).count(b'"type":"api-request",') < 2:
            server.let_go.wait(0.05)
        process.kill()
        process.communicate()
        server.let_go.set()
    run = the_run(transcripts)
    assert run.status == "interrupted"
    assert [call.status for call in nodes(run, "llm")] == ["ok", "interrupted"]
    assert [tool.status for tool in nodes(run, "tool")] == ["ok"]
