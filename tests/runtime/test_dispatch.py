"""A batch: at once, bounded, in order; what waits for others; what fails is told and ends nothing else."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.support.cli import nodes
from tests.support.teams import HOWS, LEAD, WORKER, How, Script, client_args, perform, results, shown, tree
from tests.support.waiting import LONG_S
from tracekit import Orchestrator, Subagent
from tracekit.demo.claude import ScriptedClaude, ScriptedResponse, error, message, text, tool_use


def worker(name: str = "worker", **more: Any) -> Subagent:
    return Subagent(name, f"The {name}.", WORKER, f"You are {name}.", **more)


def lead(client: Any, *subagents: Subagent, **more: Any) -> Orchestrator:
    return Orchestrator("lead", model=LEAD, system="You lead.", client=client, subagents=subagents, **more)


def ask(name: str, task: str = "it") -> dict[str, Any]:
    return tool_use(name, {"task": task})


@pytest.mark.parametrize("how", HOWS[:3])
def test_a_batch_of_twelve_under_four_never_exceeds_four(how: How, recording: Path) -> None:
    together = threading.Barrier(4)

    def said(body: dict[str, Any]) -> ScriptedResponse:
        together.wait(LONG_S)
        task = body["messages"][0]["content"]
        # The later a task was asked for, the sooner it is done.
        return message(text(f"I did {task}."), delay_s=0.2 - int(task) * 0.01)

    asks = message(*[ask("worker", str(number)) for number in range(12)])
    with ScriptedClaude(Script(asks, said=said)) as claude:
        perform(lambda client: lead(client, worker(), max_concurrency=4), claude, how, "Go.")
        assert claude.most_at_once == 4
        assert len(claude.asked) == 14
        assert [block["content"] for block in results(claude)] == [f"I did {number}." for number in range(12)]
        assert [block["tool_use_id"] for block in results(claude)] == [
            block["id"] for block in claude.asked[-1].json()["messages"][1]["content"]
        ]
    root = shown()["root"]
    assert [node["inferred"] for node in nodes(root, "agent")] == [False] * 13


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_tools_are_bounded_too_and_block_nothing(kind: str, home: Path) -> None:
    at_work, most, lock, is_full = 0, 0, threading.Lock(), threading.Event()

    def count(by: int) -> None:
        nonlocal at_work, most
        with lock:
            at_work += by
            most = max(most, at_work)
            if most == 12:
                is_full.set()

    def nap(number: int) -> str:
        """Sleep, once twelve do."""
        count(1)
        assert is_full.wait(LONG_S)
        time.sleep(0.05)
        count(-1)
        return str(number)

    async def async_nap(number: int) -> str:
        """Sleep, once twelve do."""
        count(1)
        while not is_full.is_set():  # noqa: ASYNC110  the same event as for threads
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        count(-1)
        return str(number)

    tool = nap if kind == "sync" else async_nap
    asks = message(*[tool_use(tool.__name__, {"number": number}) for number in range(24)])
    with ScriptedClaude(Script(asks)) as claude:
        perform(lambda client: lead(client, tools=[tool], max_concurrency=12), claude, "async", "Go.")
        assert [block["content"] for block in results(claude)] == [str(number) for number in range(24)]
    assert most == 12


def test_what_comes_after_others_waits_for_theirs_and_takes_no_place(recording: Path) -> None:
    def said(body: dict[str, Any]) -> ScriptedResponse:
        return message(text("Done."), delay_s=0.1 if "first" in body["system"] else 0)

    # The last to be asked for is the one that all wait for, and there is one place.
    asks = message(ask("third"), ask("second"), ask("first", "a"), ask("first", "b"), ask("free"))
    team = (worker("first"), worker("second", after=["first"]), worker("third", after=("second",)), worker("free"))
    with ScriptedClaude(Script(asks, said=said)) as claude:
        perform(lambda client: lead(client, *team, max_concurrency=1), claude, "async", "Go.")
        order = [each.json()["system"] for each in claude.asked if each.json()["model"] == WORKER]
        assert claude.most_at_once == 1
    assert [order.index(f"You are {name}.") for name in ("first", "second", "third")] == [0, 3, 4]
    found = {node["agent"]: node for node in nodes(shown()["root"], "agent")}
    assert found["third"]["attributes"]["tracekit.declared.after"] == ["second"]
    assert "tracekit.declared.after" not in found["free"]["attributes"]
    assert found["second"]["start_ns"] >= found["first"]["end_ns"]


def test_those_it_comes_after_may_be_in_no_batch(home: Path) -> None:
    asks = message(ask("second"))
    with ScriptedClaude(Script(asks)) as claude:
        perform(lambda client: lead(client, worker("first"), worker("second", after=["first"])), claude, "async", "Go.")
        assert results(claude)[0]["content"] == "I did it."


def test_one_that_fails_sets_those_free_that_wait_for_it(home: Path) -> None:
    def said(body: dict[str, Any]) -> ScriptedResponse:
        return error(400, "invalid_request_error", "no") if "first" in body["system"] else message(text("Done."))

    asks = message(ask("second"), ask("first"))
    with ScriptedClaude(Script(asks, said=said)) as claude:
        perform(lambda client: lead(client, worker("first"), worker("second", after=["first"])), claude, "async", "Go.")
        assert [block.get("is_error", False) for block in results(claude)] == [False, True]
        assert len(claude.asked) == 4


@pytest.mark.parametrize("how", HOWS[:3])
def test_an_api_error_of_a_subagent_is_its_result(how: How, recording: Path) -> None:
    def said(body: dict[str, Any]) -> ScriptedResponse:
        if body["messages"][0]["content"] == "bad":
            return error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "1"})
        return message(text("Fine."))

    asks = message(ask("worker", "bad"), ask("worker", "good"))
    with ScriptedClaude(Script(asks, said=said)) as claude:
        result = perform(lambda client: lead(client, worker()), claude, how, "Go.")
        bad, good = results(claude)
        # Two of the lead, one good, three of the one that the SDK tries twice more.
        assert len(claude.asked) == 6
    assert bad["is_error"] is True
    assert bad["content"].startswith("OverloadedError: ")
    assert (good["content"], good.get("is_error")) == ("Fine.", None)
    assert result.text == "Done."
    root = shown()["root"]
    assert root["status"] == "ok"
    assert [node["status"] for node in nodes(root, "tool")] == ["error", "ok"]
    assert nodes(root, "tool")[0]["attributes"]["error.type"] == "OverloadedError"
    assert [node["status"] for node in nodes(root, "agent")] == ["ok", "error", "ok"]


@pytest.mark.parametrize("how", HOWS[:3])
def test_an_api_error_of_the_lead_reaches_the_caller(how: How, recording: Path) -> None:
    def respond(asked: Any) -> ScriptedResponse:
        return error(400, "invalid_request_error", "too long")

    with ScriptedClaude(respond) as claude:
        with pytest.raises(anthropic.BadRequestError, match="too long"):
            perform(lambda client: lead(client, worker()), claude, how, "Go.")
        assert len(claude.asked) == 1
    assert tree() == ["run", "  agent lead", "    turn", "      llm"]
    root = shown()["root"]
    assert [root["status"], *[node["status"] for node in nodes(root, "agent")]] == ["error", "error"]


@pytest.mark.parametrize("how", HOWS[:3])
def test_a_team_within_a_team(how: How, recording: Path) -> None:
    together = threading.Barrier(4)

    def respond(asked: Any) -> ScriptedResponse:
        body = asked.json()
        first = len(body["messages"]) == 1
        match body["system"]:
            case "You lead.":
                return message(ask("inner", "a"), ask("inner", "b")) if first else message(text("All done."))
            case "You are inner.":
                return message(ask("worker"), ask("worker", "that")) if first else message(text("Inner done."))
        together.wait(LONG_S)
        return message(text("Done."))

    inner = Orchestrator(
        "inner", description="A team.", model=WORKER, system="You are inner.", subagents=[worker()], max_concurrency=2
    )
    with ScriptedClaude(respond) as claude:
        result = perform(lambda client: lead(client, inner), claude, how, "Go.")
        assert result.text == "All done."
        assert len(claude.asked) == 2 + 2 * 2 + 4
        assert claude.most_at_once == 4
        assert [block["content"] for block in results(claude)] == ["Inner done."] * 2
        tools = [tool["name"] for tool in claude.asked[0].json()["tools"]]
    assert tools == ["inner"]
    two_workers = ["        agent inner", "          turn", "            llm"] + [
        "            tool worker",
        "              agent worker",
        "                turn",
        "                  llm",
    ] * 2
    one_inner = ["      tool inner", *two_workers, "          turn", "            llm"]
    assert tree() == [
        "run",
        "  agent lead",
        "    turn",
        "      llm",
        *one_inner,
        *one_inner,
        "    turn",
        "      llm",
    ]


def test_two_runs_of_one_team_at_once_are_two_runs(home: Path) -> None:
    with ScriptedClaude(Script(message(ask("worker")))) as claude:

        async def both() -> list[str]:
            async with anthropic.AsyncAnthropic(**client_args(claude)) as client:
                team = lead(client, worker())
                found = await asyncio.gather(team.run("One."), team.run("Two."))
                return [result.text for result in found]

        assert asyncio.run(both()) == ["Done.", "Done."]
        assert len(claude.asked) == 6


def test_each_has_its_own_model_system_client_and_limits(home: Path) -> None:
    with ScriptedClaude(Script(message(ask("worker"), ask("other")))) as claude:
        other = anthropic.Anthropic(**client_args(claude, default_headers={"x-who": "other"}))
        members = (
            worker(max_tokens=77, options={"metadata": {"user_id": "u"}}),
            Subagent("other", "Another.", "claude-sonnet-5-5", "You are other.", client=other, stream=True),
        )
        perform(
            lambda client: lead(client, *members, options={"cache_control": {"type": "ephemeral"}}),
            claude,
            "async",
            "Go.",
        )
        other.close()
        asked = {each.json()["system"]: each for each in claude.asked}
    first, second = asked["You are worker."], asked["You are other."]
    assert (first.json()["max_tokens"], first.json()["metadata"]) == (77, {"user_id": "u"})
    assert "tools" not in first.json()
    assert (second.headers["x-who"], second.json()["model"], second.streams) == ("other", "claude-sonnet-5-5", True)
    assert "x-who" not in first.headers
    assert "cache_control" not in first.json()
    assert asked["You lead."].json()["cache_control"] == {"type": "ephemeral"}
    assert not first.streams
