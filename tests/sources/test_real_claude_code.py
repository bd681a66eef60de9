"""The transcript of a real Claude Code against a scripted server becomes the run that the server saw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.sources.transcripts import imported, nodes, runs, shape, the_run
from tests.support.claude_code import ScriptedSession, claude_code, sdk_python, start
from tests.support.cli import environment, tracekit
from tests.support.foreign import listening
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


def test_a_resumed_session_is_one_run_and_a_fork_has_its_own_calls(home: Path, tmp_path: Path) -> None:
    assert CLI is not None
    with ScriptedSession({LEAD: [[text("One step."), tool_use("Bash", {"command": "ls"}, "toolu_1")]]}) as server:
        more: list[str] = []
        for prompt in ("Study whales", "Go on", "Go elsewhere"):
            process = start(CLI, server, tmp_path / "claude", prompt, LEAD, {}, *more)
            stream, _ = process.communicate(timeout=100)
            assert process.returncode == 0
            more = ["--resume", json.loads(stream.splitlines()[0])["session_id"], *(["--fork-session"] if more else [])]
    done = imported(tmp_path / "claude" / "config" / "projects")
    assert not done.not_understood
    found = {run.name: run for run in runs()}
    assert {name: len(nodes(run, "llm")) for name, run in found.items()} == {"Study whales": 3, "Go elsewhere": 1}
    usages = [(usage["input_tokens"], usage["output_tokens"]) for usage in server.usages]
    calls = [call for run in found.values() for call in nodes(run, "llm")]
    assert sorted((call.tokens.input, call.tokens.output) for call in calls) == sorted(usages)
    assert [run.status for run in found.values()] == ["ok", "ok"]


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


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf", "grpc"])
def test_its_spans_are_the_run_of_its_transcript(protocol: str, home: Path, tmp_path: Path) -> None:
    assert CLI is not None
    with ScriptedSession(SCRIPT) as server, listening() as receiver:
        port = receiver.grpc_port if protocol == "grpc" else receiver.http_port
        variables = {
            "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
            "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        }
        process = start(CLI, server, tmp_path / "claude", "Study whales", LEAD, AGENTS, **variables)
        process.communicate(timeout=100)
    assert process.returncode == 0
    assert receiver.intake.spans > 0
    (by_spans,) = runs()
    spent = [(usage["input_tokens"], usage["output_tokens"]) for usage in server.usages]
    assert sorted((call.tokens.input, call.tokens.output) for call in nodes(by_spans, "llm")) == sorted(spent)
    # Spans and logs tell no names of a user's own agents.
    assert sorted(str(agent.agent) for agent in nodes(by_spans, "agent")) == ["custom", "custom", "custom", "main"]
    assert by_spans.root.retries == 1
    # The cost of each request stands in a log.
    told = sum(call.attributes[semconv.RECORDED_COST_USD] for call in nodes(by_spans, "llm"))
    assert by_spans.root.cost_usd == pytest.approx(told)
    imported(tmp_path / "claude" / "config" / "projects")
    (run,) = runs()
    assert run.id == by_spans.id
    assert sorted((call.tokens.input, call.tokens.output) for call in nodes(run, "llm")) == sorted(spent)
    assert run.root.retries == 1
    assert sorted(str(agent.agent) for agent in nodes(run, "agent")) == ["alpha", "beta", "gamma", "main"]
    for each in (by_spans, run):
        tools = {tool.attributes[semconv.TOOL_CALL_ID]: tool for tool in nodes(each, "tool")}
        assert sorted(tools) == ["toolu_a1", "toolu_a2", "toolu_alpha", "toolu_beta", "toolu_c1", "toolu_gamma"]
        assert [id for id, tool in tools.items() if tool.status == "error"] == ["toolu_a2"]
        for name in AGENTS:
            assert any(child.kind == "agent" for child in tools[f"toolu_{name}"].children)
    assert all(semconv.TIME_TO_FIRST_CHUNK in call.attributes for call in nodes(run, "llm"))


_PROGRAM = """
import asyncio
import tracekit
from claude_agent_sdk import AgentDefinition, ClaudeAgentOptions, query

alpha = AgentDefinition(description="Does task alpha.", prompt="You do task alpha.", tools=["Bash"])
options = ClaudeAgentOptions(
    system_prompt="You lead the study of whales.", model="claude-opus-4-8", setting_sources=[],
    permission_mode="bypassPermissions", agents={"alpha": alpha},
)


async def main():
    with tracekit.agent("outer"):
        async for message in query(prompt="Study whales", options=options):
            pass


asyncio.run(main())
"""


def test_a_session_of_the_agent_sdk_is_part_of_the_run_of_its_program(home: Path, tmp_path: Path) -> None:
    assert CLI is not None
    python = sdk_python(CLI)
    if python is None:
        pytest.skip("the Claude Code to test with is in no environment of claude-agent-sdk")
    (tmp_path / "program.py").write_text(_PROGRAM)
    steps = {LEAD: [[_ask("alpha")]], "task alpha": SCRIPT["task alpha"]}
    own = {"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path / "config"), "IS_SANDBOX": "1"}
    with ScriptedSession(steps) as server:
        env = environment(home, server.url, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1", **own)
        done = tracekit("run", str(tmp_path / "program.py"), env=env, timeout=100, python=str(python))
    assert done.returncode == 0, done.stderr
    assert "not recorded" not in done.stderr
    (run,) = runs()
    assert shape(run.root) == ["outer", ["main", ["Agent", ["alpha", ["Bash", "Bash"]]]]]
    usages = [(usage["input_tokens"], usage["output_tokens"]) for usage in server.usages]
    assert sorted((call.tokens.input, call.tokens.output) for call in nodes(run, "llm")) == sorted(usages)
    imported(tmp_path / "config" / "projects")
    assert [each.root for each in runs()] == [run.root]
