"""The ends of an agent: each stop reason, its turns, a time limit, a cancellation, an interrupt."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.support.cli import PROGRAMS, environment, nodes, outline, tracekit_json
from tests.support.teams import HOWS, LEAD, WORKER, How, Script, client_args, perform, results, shown, tree
from tests.support.waiting import LONG_S, eventually
from tests.support.warm import warm_python
from tracekit import Orchestrator, Subagent
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    early_end,
    message,
    reply,
    stream,
    text,
    tool_use,
)

ENDS = ("end_turn", "stop_sequence", "max_tokens", "refusal", "model_context_window_exceeded", "a_new_one")

NEVER_S = 600
"""A delay that no test outlives: what waits for it fails by name."""


def lead(client: Any, *subagents: Subagent, **more: Any) -> Orchestrator:
    return Orchestrator("lead", model=LEAD, system="You lead.", client=client, subagents=subagents, **more)


def worker(**more: Any) -> Subagent:
    return Subagent("worker", "It works.", WORKER, "You work.", **more)


ASKS = message(tool_use("worker", {"task": "it"}))


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("reason", ENDS)
def test_each_stop_reason_of_the_lead_ends_the_run(reason: str, streams: bool, recording: Path) -> None:
    with ScriptedClaude(Script(message(text("So far."), stop_reason=reason))) as claude:
        result = perform(lambda client: lead(client, worker(), stream=streams), claude, "async", "Go.")
        assert len(claude.asked) == 1
    assert (result.text, result.stop_reason) == ("So far.", reason)
    assert tree() == ["run", "  agent lead", "    turn", "      llm"]
    (agent,) = nodes(shown()["root"], "agent")
    assert (agent["status"], agent["attributes"]["tracekit.agent.stop_reason"]) == ("ok", reason)


@pytest.mark.parametrize("reason", ENDS)
def test_each_stop_reason_of_a_subagent_is_told(reason: str, recording: Path) -> None:
    script = Script(ASKS, said=lambda body: message(text("So far."), stop_reason=reason))
    with ScriptedClaude(script) as claude:
        result = perform(lambda client: lead(client, worker()), claude, "async", "Go.")
        assert len(claude.asked) == 3
        (told,) = results(claude)
    assert result.text == "Done."
    if reason in ("end_turn", "stop_sequence"):
        assert (told["content"], told.get("is_error")) == ("So far.", None)
    else:
        expected = f"StoppedError: worker stopped because of {reason}, having said: So far."
        assert (told["content"], told["is_error"]) == (expected, True)


@pytest.mark.parametrize("how", HOWS[:3])
@pytest.mark.parametrize("streams", [False, True])
def test_a_pause_goes_on_with_the_same_conversation(how: How, streams: bool, recording: Path) -> None:
    search = {"type": "server_tool_use", "id": "srvtoolu_01", "name": "web_search", "input": {"query": "x"}}
    pauses = message(text("I look."), search, stop_reason="pause_turn")
    with ScriptedClaude(Script(pauses, pauses, message(text("Found.")))) as claude:
        result = perform(lambda client: lead(client, stream=streams), claude, how, "Go.")
        assert len(claude.asked) == 3
        roles = [each["role"] for each in claude.asked[-1].json()["messages"]]
    assert (result.text, roles) == ("Found.", ["user", "assistant", "assistant"])
    assert tree() == ["run", "  agent lead", *["    turn", "      llm"] * 3]


@pytest.mark.parametrize("reason", ["pause_turn", "tool_use"])
def test_max_turns_ends_what_never_would(reason: str, recording: Path) -> None:
    def respond(asked: ReceivedRequest) -> ScriptedResponse:
        if asked.json()["system"] == "You work.":
            return message(text("Done."))
        asks = [tool_use("worker", {"task": str(asked.number)})] if reason == "tool_use" else []
        return message(text(f"Turn {asked.number}."), *asks, stop_reason=reason)

    with ScriptedClaude(respond) as claude:
        result = perform(lambda client: lead(client, worker(), max_turns=3), claude, "async", "Go.")
        # The results of what the last turn asks for would be read by nobody.
        assert len(claude.asked) == (5 if reason == "tool_use" else 3)
    assert result.stop_reason == "max_turns"
    assert result.text.startswith("Turn ")
    assert len([line for line in tree() if line == "    turn"]) == 3


def test_a_tool_use_without_a_tool_ends(home: Path) -> None:
    with ScriptedClaude(Script(message(text("Hm."), stop_reason="tool_use"))) as claude:
        result = perform(lead, claude, "async", "Go.")
        assert (result.stop_reason, len(claude.asked)) == ("tool_use", 1)


def test_a_tool_that_was_asked_for_in_a_cut_answer_is_not_run(home: Path) -> None:
    cut = message(text("I ask"), tool_use("worker", {"task": "it"}), stop_reason="max_tokens")
    with ScriptedClaude(Script(cut)) as claude:
        result = perform(lambda client: lead(client, worker()), claude, "async", "Go.")
        assert (result.stop_reason, len(claude.asked)) == ("max_tokens", 1)


@pytest.mark.parametrize("how", HOWS[:3])
def test_a_stream_that_ends_too_early_is_incomplete(how: How, recording: Path) -> None:
    def respond(asked: ReceivedRequest) -> ScriptedResponse:
        return early_end(stream(message(text("Hello my dear."))), 5)

    with ScriptedClaude(respond) as claude:
        result = perform(lambda client: lead(client, stream=True), claude, how, "Go.")
        assert len(claude.asked) == 1
    assert result.stop_reason == "incomplete"


def test_one_that_hangs_fails_after_its_time(recording: Path) -> None:
    async def hang() -> str:
        """Hang."""
        await asyncio.Event().wait()
        return ""

    def said(body: dict[str, Any]) -> ScriptedResponse:
        return message(tool_use("hang", {}))

    with ScriptedClaude(Script(ASKS, said=said)) as claude:
        result = perform(lambda client: lead(client, worker(tools=[hang], timeout_s=0.3)), claude, "async", "Go.")
        (told,) = results(claude)
        assert len(claude.asked) == 3
    assert result.text == "Done."
    assert (told["content"], told["is_error"]) == ("TimeoutError: worker did not respond within 0.3 s", True)
    root = shown()["root"]
    failures = {node["name"]: node["attributes"].get("error.type") for node in nodes(root, "tool")}
    assert failures == {"execute_tool worker": "TimeoutError", "execute_tool hang": "cancelled"}
    assert all(node["end_ns"] is not None for kind in ("agent", "turn", "tool") for node in nodes(root, kind))


def test_a_sync_tool_that_hangs_holds_nothing_up(home: Path) -> None:
    freed = threading.Event()

    def hang() -> str:
        """Hang."""
        freed.wait()
        return ""

    def said(body: dict[str, Any]) -> ScriptedResponse:
        return message(tool_use("hang", {}))

    with ScriptedClaude(Script(ASKS, said=said)) as claude:
        perform(lambda client: lead(client, worker(tools=[hang], timeout_s=0.2)), claude, "async", "Go.")
        assert results(claude)[0]["content"].startswith("TimeoutError: ")
    freed.set()


def test_the_time_of_the_lead_is_limited_too(home: Path) -> None:
    with (
        ScriptedClaude(lambda asked: message(text("Late."), delay_s=5)) as claude,
        pytest.raises(TimeoutError, match="lead did not respond within"),
    ):
        perform(lambda client: lead(client, timeout_s=0.2), claude, "async", "Go.")


@pytest.mark.parametrize("how", ["task", "run_sync"])
def test_a_cancellation_reaches_all_who_are_at_work(how: str, recording: Path) -> None:
    def said(body: dict[str, Any]) -> ScriptedResponse:
        return message(text("Late."), delay_s=NEVER_S)

    asks = message(*[tool_use("worker", {"task": str(number)}) for number in range(3)])
    with ScriptedClaude(Script(asks, said=said)) as claude:

        def at_work() -> bool:
            return len(claude.asked) == 4

        async def cancelled() -> None:
            async with anthropic.AsyncAnthropic(**client_args(claude)) as client:
                task = asyncio.create_task(lead(client, worker()).run("Go."))
                while not at_work():  # noqa: ASYNC110  the server has no event to wait for
                    await asyncio.sleep(0.01)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        if how == "task":
            asyncio.run(cancelled())
        else:
            interrupt(at_work)
            with pytest.raises(KeyboardInterrupt):
                perform(lambda client: lead(client, worker()), claude, "sync, async client", "Go.")
        assert len(claude.asked) == 4
    root = shown()["root"]
    assert [line.strip() for line in tree()].count("agent worker") == 3
    unfinished = [node for kind in ("agent", "tool", "turn", "llm") for node in nodes(root, kind)]
    assert all(node["end_ns"] is not None for node in unfinished)
    assert {node["attributes"].get("error.type") for node in nodes(root, "agent")} == {"cancelled"}
    assert {node["attributes"].get("error.type") for node in nodes(root, "tool")} == {"cancelled"}


@pytest.fixture(autouse=True)
def _reach(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A client of the runtime's own finds the script that the test starts."""
    original = ScriptedClaude.start

    def start(claude: ScriptedClaude) -> None:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", claude.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        original(claude)

    monkeypatch.setattr(ScriptedClaude, "start", start)


def interrupt(when: Any) -> None:
    """Press Ctrl-C as soon as `when` says so."""

    def press() -> None:
        eventually(when)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()


@pytest.mark.parametrize("mode", ["run", "run_sync", "sync"])
def test_ctrl_c_ends_a_program_at_once_and_its_spans(mode: str, tmp_path: Path) -> None:
    def respond(asked: ReceivedRequest) -> ScriptedResponse:
        return reply(asked, ASKS) if len(asked.json()["messages"]) == 1 and "lead" in asked.json()["system"] else late

    late = message(text("Late."), delay_s=NEVER_S)
    with ScriptedClaude(respond) as claude:
        env = environment(tmp_path, claude.url)
        program = subprocess.Popen(
            [warm_python(), str(PROGRAMS / "team.py"), mode], env=env, stderr=subprocess.PIPE, text=True
        )
        eventually(lambda: len(claude.asked) == 2)
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=LONG_S)
        assert len(claude.asked) == 2
    assert "KeyboardInterrupt" in said
    assert program.returncode != 0
    shown = tracekit_json("show", "last", env=env)
    assert outline(shown["root"])[:5] == ["run", "  agent lead", "    turn", "      llm", "      tool worker"]
    agents = nodes(shown["root"], "agent")
    assert [node["attributes"].get("error.type") for node in agents] == ["cancelled", "cancelled"]
