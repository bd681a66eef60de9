"""The SDK's own runner awaits one tool after another: the finding names it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import beta_tool

from tests.support.recording import the_run
from tracekit.analysis.structure import structure
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, reply, text, tool_use
from tracekit.rules import findings_of

NAMES = ("read_file", "ask_expert", "search")


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    if "tool_result" in json.dumps(asked.json()["messages"][-1]):
        return reply(asked, message(text("Done.")))
    return reply(asked, message(*(tool_use(name, {"topic": f"part {name}"}) for name in NAMES)))


@beta_tool
def read_file(topic: str) -> str:
    """Read a file."""
    return _slow(topic)


@beta_tool
def ask_expert(topic: str) -> str:
    """Ask an expert."""
    return _slow(topic)


@beta_tool
def search(topic: str) -> str:
    """Search."""
    return _slow(topic)


def _slow(topic: str) -> str:
    time.sleep(0.05)
    return f"{topic} is fine"


def test_three_tools_by_the_runner(recording: Path) -> None:
    with ScriptedClaude(respond) as claude, anthropic.Anthropic(base_url=claude.url, api_key="key") as client:
        task: Any = {"model": "claude-sonnet-5", "max_tokens": 500, "messages": [{"role": "user", "content": "Look."}]}
        runner: Any = client.beta.messages.tool_runner(tools=[read_file, ask_expert, search], **task)
        runner.until_done()
    run = structure(the_run())
    (found,) = findings_of(run)
    assert (found.code, found.confidence) == ("TK102", "certain")
    assert (
        found.message
        == "one answer asked for read_file, ask_expert and search; the SDK's `tool_runner` ran them one by one"
    )
    assert "tracekit.Orchestrator" in found.remedy
    took_ms = [node.duration_ns(0) / 1e6 for node in run.root.walk() if node.kind == "tool"]
    assert found.saved_ms == pytest.approx(sum(took_ms) - max(took_ms), rel=0.05)
