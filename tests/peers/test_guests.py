"""Frameworks that ask Claude without the SDK, and servers in processes with an environment of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.environments import GUESTS
from tests.support.cli import environment, nodes, tracekit, tracekit_json
from tracekit import semconv
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    error,
    message,
    reply,
    text,
    tool_use,
)

pytestmark = [pytest.mark.peers, pytest.mark.timeout(400)]  # each of its processes loads litellm, which takes seconds

PROGRAM = Path(__file__).with_name("guests.py")


def answer(asked: ReceivedRequest) -> ScriptedResponse:
    said = asked.json()["messages"][-1]["content"]
    words = said if isinstance(said, str) else said[0].get("text", "a result")
    if words == "refused":
        return error(400, "invalid_request_error", "so not")
    if words == "tool":
        return message(tool_use("look_up", {"city": "Oslo"}))
    return reply(asked, message(text(f"re: {words}"), delay_s=0.01))


@pytest.fixture
def python() -> str:
    if not GUESTS.is_built:
        pytest.skip(f"its environment is not built: run .ci/peers {GUESTS.name}")
    return str(GUESTS.python)


@pytest.fixture
def claude() -> Iterator[ScriptedClaude]:
    with ScriptedClaude(answer) as server:
        yield server


def settings(folder: Path, claude: ScriptedClaude) -> dict[str, str]:
    # litellm would ask for prices, which no test may.
    return environment(folder, claude.url, API=claude.url, LITELLM_LOCAL_MODEL_COST_MAP="True", PYTHONWARNINGS="ignore")


def run_and_replay(python: str, ways: list[str], folder: Path, claude: ScriptedClaude) -> tuple[Any, Any]:
    """Return the program's output and its run, which is replayed once the server is gone."""
    env, program = settings(folder, claude), ["--", python, str(PROGRAM), *ways]
    done = tracekit("run", *program, env=env, timeout=200)
    assert done.returncode == 0, done.stderr
    shown = tracekit_json("show", "last", env=env)
    assert shown["run"]["calls"] == len(claude.asked)
    claude.stop()
    again = tracekit("replay", "last", *program, env=env, timeout=200)
    assert (again.returncode, again.stdout) == (0, done.stdout), again.stderr
    assert f"followed, {shown['run']['calls']} calls" in again.stderr
    return json.loads(done.stdout.splitlines()[-1]), shown


def test_litellm_is_recorded_and_replayed(python: str, tmp_path: Path, claude: ScriptedClaude) -> None:
    said, shown = run_and_replay(python, ["litellm"], tmp_path, claude)
    assert said["sync"] == ["re: plain", "re: s", "re: a result", "BadRequestError"]
    assert said["async"] == ["re: async 0", "re: async 1", "re: async 2", "re: async stream"]
    assert shown["unrecorded"] == []
    calls = nodes(shown["root"], "llm")
    assert {call["model"] for call in calls} == {"claude-sonnet-5"}
    assert [call["status"] for call in calls].count("error") == 1
    # Each call that was answered has its tokens, once.
    answered = [call for call in calls if call["status"] == "ok"]
    assert all(call["tokens"]["input"] and call["tokens"]["output"] for call in answered)
    assert shown["run"]["tokens"]["output"] == sum(call["tokens"]["output"] for call in calls)
    assert [tool["attributes"][semconv.TOOL_NAME] for tool in nodes(shown["root"], "tool")] == ["look_up"]
    assert all(len(nodes(call, "attempt")) == 1 for call in calls)


def test_what_litellm_sends_in_another_form_is_counted(python: str, tmp_path: Path, claude: ScriptedClaude) -> None:
    env = settings(tmp_path, claude)
    done = tracekit("run", "--", python, str(PROGRAM), "litellm", "converse", env=env, timeout=200)
    assert done.returncode == 0, done.stderr
    where = claude.url.removeprefix("http://")
    assert f"the record is partial: litellm sent 1 request to {where}" in done.stderr
    assert tracekit_json("show", "last", env=env)["run"]["calls"] == len(claude.asked) - 1


def test_a_server_of_mcp_is_part_of_the_run(python: str, tmp_path: Path, claude: ScriptedClaude) -> None:
    """The MCP SDK gives it an environment of a few variables, in which nothing of ours is."""
    env = settings(tmp_path, claude)
    done = tracekit("run", "--", python, str(PROGRAM), "mcp", env=env, timeout=200)
    assert json.loads(done.stdout.splitlines()[-1]) == {"mcp": ["re: from the server"]}, done.stderr
    assert tracekit_json("show", "last", env=env)["run"]["calls"] == 1
