"""Teams against a scripted Claude: run in every way, and read back from the record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import anthropic

from tests.support.cli import outline
from tests.support.recording import the_run
from tracekit import Orchestrator, Result
from tracekit.analysis.structure import structure
from tracekit.cli.shape import show_json
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, reply, text

How = Literal["async", "sync", "sync client", "sync, async client"]
HOWS: tuple[How, ...] = ("async", "sync", "sync client", "sync, async client")
"""`await` and `run_sync`, each with a client of its own kind and of the other."""

LEAD, WORKER = "claude-opus-5-5", "claude-haiku-5-5"


def client_args(claude: ScriptedClaude, **more: Any) -> dict[str, Any]:
    return {"base_url": claude.url, "api_key": "test", **more}


def perform(build: Callable[[Any], Orchestrator], claude: ScriptedClaude, how: How, prompt: str, **more: Any) -> Result:
    """Let the team that `build` makes for a client work on a task."""
    if how in ("sync", "sync client"):
        with anthropic.Anthropic(**client_args(claude, **more)) as client:
            if how == "sync":
                return build(client).run_sync(prompt)
            return asyncio.run(build(client).run(prompt))

    async def work() -> Result:
        async with anthropic.AsyncAnthropic(**client_args(claude, **more)) as client:
            team = build(client)
            return await team.run(prompt) if how == "async" else team.run_sync(prompt)

    if how == "async":
        return asyncio.run(work())
    # One client and its end on the loop of `run_sync`, as a program has them that never sees that loop.
    return build(None).run_sync(prompt)


class Script:
    """A lead that says `asks` turn by turn, and subagents that repeat their task unless `said` knows better."""

    def __init__(
        self, *asks: ScriptedResponse, said: Callable[[dict[str, Any]], ScriptedResponse] | None = None
    ) -> None:
        self._asks = asks
        self._said = said

    def __call__(self, asked: ReceivedRequest) -> ScriptedResponse:
        body = asked.json()
        if body.get("system", "").startswith("You lead"):
            turn = sum(each["role"] == "assistant" for each in body["messages"])
            return reply(asked, self._asks[turn] if turn < len(self._asks) else message(text("Done.")))
        if self._said is not None:
            return reply(asked, self._said(body))
        return reply(asked, message(text(f"I did {body['messages'][0]['content']}.")))


def results(claude: ScriptedClaude, request: int = -1) -> list[dict[str, Any]]:
    """The tool results that a request brought, in order."""
    content: list[dict[str, Any]] = claude.asked[request].json()["messages"][-1]["content"]
    assert [block["type"] for block in content] == ["tool_result"] * len(content)
    return content


def shown() -> dict[str, Any]:
    """The one run recorded so far, as `tracekit show` prints it."""
    return show_json(structure(the_run()))


def tree(*, attempts: bool = False) -> list[str]:
    """The tree of the one run recorded so far."""
    return outline(shown()["root"], attempts=attempts)
