"""Effects that are declared, annotated or set, from the program to the finding: with a real MCP server, too."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import anthropic
import pytest

import tracekit
from tests.support.recording import the_run
from tracekit.analysis.structure import structure
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, reply, text, tool_use
from tracekit.errors import SettingsError
from tracekit.instrument import tool_hints
from tracekit.model.finding import Finding
from tracekit.rules import findings_of
from tracekit.rules.check import Options
from tracekit.rules.settings import check_settings
from tracekit.settings import Settings

PARTS = ("hull", "mast", "sail")
TASK: list[Any] = [{"role": "user", "content": "Look up hull, mast and sail."}]
SLOW_S = 0.15


def one_at_a_time(asked: ReceivedRequest) -> ScriptedResponse:
    """A lead that asks for one part in each response."""
    done = sum(each["role"] == "assistant" for each in asked.json()["messages"])
    uses = [tool_use("look_up", {"part": PARTS[done]})] if done < len(PARTS) else []
    return reply(asked, message(text("Well."), *uses, delay_s=0.05))


def findings(program: Callable[[Any], Awaitable[None]], options: Options | None = None) -> list[Finding]:
    async def run() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude.url, api_key="key") as client:
            await program(client)

    with ScriptedClaude(one_at_a_time) as claude, tracekit.run("program"):
        asyncio.run(run())
    return findings_of(structure(the_run()), options or Options(select=("TK103",)))


async def _called(session: Any, part: str) -> str:
    with tracekit.tool("look_up", input={"part": part}):
        return str((await session.call_tool("look_up", {"part": part})).content[0].text)


def loop(look_up: Callable[..., Any]) -> Callable[[Any], Awaitable[None]]:
    """A program that runs `look_up` for what the model asks for, until it asks for nothing."""

    async def program(client: Any) -> None:
        messages = list(TASK)
        while True:
            answer = await client.messages.create(
                model="claude-sonnet-5-5", max_tokens=99, system="You lead.", messages=messages
            )
            uses = [block for block in answer.content if block.type == "tool_use"]
            if not uses:
                return
            told = []
            for use in uses:
                said = look_up(**use.input)
                said = await said if inspect.isawaitable(said) else said
                told.append({"type": "tool_result", "tool_use_id": use.id, "content": said})
            messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": told}]

    return program


def slowly(part: str) -> str:
    time.sleep(SLOW_S)
    return f"Of {part} there are four."


def undeclared() -> Callable[..., str]:
    @tracekit.tool
    def look_up(part: str) -> str:
        return slowly(part)

    return look_up


def test_a_tool_of_unknown_effects(recording: Path) -> None:
    (one,) = findings(loop(undeclared()))
    assert (one.confidence, one.rank) == ("possible", 1)


def test_a_tool_that_declares_what_it_reads(recording: Path) -> None:
    @tracekit.tool(reads=["store/{part}"])
    def look_up(part: str) -> str:
        return slowly(part)

    (one,) = findings(loop(look_up))
    assert one.confidence == "likely"
    assert "nobody else changes what look_up touches (store/mast; declared)" in one.evidence


def test_a_tool_that_declares_what_all_of_them_write(recording: Path) -> None:
    @tracekit.tool(writes=["store"])
    def look_up(part: str) -> str:
        return slowly(part)

    assert findings(loop(look_up)) == []


@pytest.mark.parametrize(
    ("said", "confidence"), [("reads", "likely"), ("nothing", "likely"), ("writes", "likely"), (None, "possible")]
)
def test_a_tool_of_which_the_settings_speak(said: str | None, confidence: str, recording: Path) -> None:
    tools = {} if said is None else {"look_up": said}
    (one,) = findings(loop(undeclared()), Options(select=("TK103",), tools=tools))
    assert one.confidence == confidence


def test_settings_that_say_what_nobody_knows() -> None:
    where = "[tool.tracekit] in pyproject.toml"
    assert check_settings(Settings({"tools": {"look_up": "reads"}}, where)).options.tools == {"look_up": "reads"}
    with pytest.raises(
        SettingsError, match=r"look_up in \[tool.tracekit.tools\].* is 'red'; it may be reads, writes, nothing"
    ):
        check_settings(Settings({"tools": {"look_up": "red"}}, where))


def test_declared_effects_that_are_one_text() -> None:
    with pytest.raises(TypeError, match="reads is a list of paths or names, not 'store'"):
        tracekit.tool(reads="store")


@pytest.mark.parametrize(("read_only", "confidence"), [(True, "likely"), (False, "possible"), (None, "possible")])
def test_a_tool_of_an_mcp_server(
    read_only: bool | None, confidence: str, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mcp = pytest.importorskip("mcp", reason="the MCP SDK cannot be installed beside OpenTelemetry before 1.28")
    from mcp.server import MCPServer
    from mcp.types import ToolAnnotations

    monkeypatch.setattr(tool_hints, "_hints", {})
    server = MCPServer("store")
    annotations = None if read_only is None else ToolAnnotations(read_only_hint=read_only)

    @server.tool(annotations=annotations)
    async def look_up(part: str) -> str:
        await asyncio.sleep(SLOW_S)
        return f"Of {part} there are four."

    async def program(client: Any) -> None:
        async with mcp.Client(server) as connected:
            await connected.session.list_tools()
            await loop(partial(_called, connected.session))(client)

    (one,) = findings(program)
    assert one.confidence == confidence
    hints = [node.attributes.get("tracekit.tool.annotations") for node in structure(the_run()).root.walk()]
    assert sum(bool(each) for each in hints) == (0 if read_only is None else len(PARTS)), json.dumps(hints)
