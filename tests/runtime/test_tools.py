"""Tools: accepted kinds, results and failures, and inputs that fit and do not fit."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import datetime as dt
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import beta_async_tool, beta_tool
from anthropic.lib.tools import ToolError
from pydantic import BaseModel, Field

import tracekit
from tests.support.cli import nodes
from tests.support.teams import LEAD, WORKER, Script, perform, results, shown, tree
from tracekit import Orchestrator, Subagent
from tracekit.demo.claude import ScriptedClaude, ScriptedResponse, message, text, tool_use


def lead(client: Any, tools: Any = (), *subagents: Subagent, **more: Any) -> Orchestrator:
    return Orchestrator("lead", model=LEAD, system="You lead.", client=client, tools=tools, subagents=subagents, **more)


def use(tool: Any, *inputs: dict[str, Any], name: str = "") -> list[dict[str, Any]]:
    """The results of a tool that the lead asks for with each of `inputs` at once."""
    name = name or getattr(tool, "name", "") or tool.__name__
    asks = message(*[tool_use(name, each, id=f"toolu_{number}") for number, each in enumerate(inputs or [{}])])
    with ScriptedClaude(Script(asks)) as claude:
        perform(lambda client: lead(client, [tool]), claude, "async", "Go.")
        assert len(claude.asked) == 2
        return results(claude)


def returning(value: Any) -> Callable[[], Any]:
    def tool() -> Any:
        """Return it."""
        return value

    return tool


@dataclasses.dataclass
class Point:
    x: int
    when: dt.date = dt.date(2026, 11, 22)


class Itself:
    def __str__(self) -> str:
        return "itself"


circle: list[Any] = []
circle.append(circle)


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("as it is", "as it is"),
        (None, "null"),
        ({"a": [1, 2.5, True]}, '{"a":[1,2.5,true]}'),
        ([], "[]"),
        ((1, "é"), '[1,"é"]'),
        (Point(1), '{"x":1,"when":"2026-11-22"}'),
        ([{"type": "bug", "text": "no block"}], '[{"type":"bug","text":"no block"}]'),
        ([{"type": "text", "text": "a block"}], [{"type": "text", "text": "a block"}]),
        (iter([1, 2]), "[1,2]"),
        (Itself(), '"itself"'),
        ({"what": Itself()}, '{"what":"itself"}'),
        (b"\xff\x00", '"_wA="'),
        (float("nan"), "NaN"),
        (circle, "[[...]]"),
        ("\udcff.txt", "\\udcff.txt"),
        ({"name": "\udcff"}, "{'name': '\\udcff'}"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_tool_returns_becomes_content(value: Any, content: Any, recording: Path) -> None:
    (result,) = use(returning(value))
    assert (result["content"], result.get("is_error")) == (content, None)
    (tool,) = nodes(shown()["root"], "tool")
    assert tool["attributes"]["gen_ai.tool.call.result"] == content
    assert tool["attributes"]["gen_ai.tool.call.id"] == "toolu_0"
    assert tool["status"] == "ok"


@pytest.mark.parametrize(
    ("error", "content"),
    [
        (ValueError("no such file"), "ValueError: no such file"),
        (KeyError("k"), "KeyError: 'k'"),
        (StopIteration("x"), "RuntimeError: "),
        (SystemExit(3), "SystemExit: 3"),
        (asyncio.CancelledError("inside"), "CancelledError: inside"),
        (ToolError([{"type": "text", "text": "told"}]), [{"type": "text", "text": "told"}]),
        (OSError(2, "No such file", "\udcff"), "FileNotFoundError: "),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_tool_that_raises_is_an_error_of_the_tool_alone(
    error: BaseException, content: Any, kind: str, recording: Path
) -> None:
    def fail() -> str:
        """Fail."""
        raise error

    async def async_fail() -> str:
        """Fail."""
        raise error

    (result,) = use(fail if kind == "sync" else async_fail)
    assert result["is_error"] is True
    if isinstance(content, str):
        assert result["content"].startswith(content)
    else:
        assert result["content"] == content
    root = shown()["root"]
    assert [node["status"] for node in nodes(root, "tool")] == ["error"]
    assert root["status"] == "ok"


def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Args:
        a: The first.
        b: The second.
    """
    return a + b


async def async_add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    await asyncio.sleep(0)
    return a + b


# The SDK's types want texts back, which its functions do not.
sdk_add = beta_tool(add)  # type: ignore[type-var]
sdk_async_add = beta_async_tool(async_add)  # type: ignore[type-var]


@pytest.mark.parametrize("tool", [add, async_add, sdk_add, sdk_async_add], ids=["def", "async def", "sdk", "async sdk"])
def test_functions_and_the_sdks_tools_are_called_with_checked_input(tool: Any, recording: Path) -> None:
    good, bad = use(tool, {"a": "4"}, {"b": "x"})
    assert good["content"] == "5"
    assert bad["is_error"] is True
    assert bad["content"].startswith("ValueError: Invalid arguments for function")
    assert "$.a: Missing required argument; $.b: " in bad["content"]
    assert "https://" not in bad["content"]


def test_the_api_is_told_of_tools_by_the_sdks_own_schema(home: Path) -> None:
    with ScriptedClaude(Script()) as claude:
        perform(lambda client: lead(client, [add]), claude, "async", "Go.")
        (told,) = claude.asked[0].json()["tools"]
    assert told == sdk_add.to_dict()
    assert told["input_schema"]["properties"]["a"]["description"] == "The first."


def test_a_decorated_function_is_a_tool(recording: Path) -> None:
    (result,) = use(tracekit.tool(add), {"a": 4})
    assert result["content"] == "5"


def test_a_sync_function_that_returns_an_awaitable_is_awaited(home: Path) -> None:
    def later(a: int) -> Any:
        """Add later."""
        return async_add(a)

    (result,) = use(later, {"a": 4})
    assert result["content"] == "5"


def test_a_sync_tool_sees_the_callers_context(home: Path) -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")

    def ask_who() -> str:
        """The caller."""
        return who.get()

    who.set("me")
    (result,) = use(ask_who)
    assert result["content"] == "me"


@pytest.mark.parametrize("given", ["read_file", 7, object(), functools.partial(add, 1)])
def test_what_is_no_tool_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="a tool is a function, one of the SDK's tools or a dict"):
        lead(None, [given])


SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3, "anything": {"else": [1]}}
MCP = {"type": "mcp_toolset", "mcp_server_name": "docs", "default_config": {"enabled": True}}
SERVERS = [{"type": "url", "url": "https://example.com/mcp", "name": "docs"}]


def test_server_tools_and_mcp_definitions_pass_untouched(home: Path) -> None:
    options = {"betas": ["mcp-client-2025-11-20"], "mcp_servers": SERVERS}
    for streams in (False, True):
        with ScriptedClaude(Script(message(text("Found."), stop_reason="compaction"))) as claude:
            team = functools.partial(lead, tools=[SEARCH, MCP], options=options, stream=streams)
            perform(team, claude, "async", "Go.")
            first, second = claude.asked
        assert first.json()["tools"] == [SEARCH, MCP]
        assert first.json()["mcp_servers"] == SERVERS
        assert first.headers["anthropic-beta"] == "mcp-client-2025-11-20"
        assert [each["role"] for each in second.json()["messages"]] == ["user", "assistant"]


def test_a_tool_that_does_not_exist(recording: Path) -> None:
    asks = message(tool_use("nope", {"a": 1}), tool_use("web_search", {}), tool_use("add", {"a": 1}))
    with ScriptedClaude(Script(asks)) as claude:
        perform(lambda client: lead(client, [add, SEARCH]), claude, "async", "Go.")
        nope, search, added = results(claude)
    assert (nope["is_error"], nope["content"]) == (True, "UnknownToolError: there is no tool 'nope'; there is: add")
    assert search["is_error"] is True
    assert added["content"] == "2"
    assert tree()[4:7] == ["      tool nope", "      tool web_search", "      tool add"]


# ── inputs of subagents ──────────────────────────────────────────────────────────────────────────────────────────────


class Review(BaseModel):
    path: str
    lines: list[int] = Field(default_factory=list)


SCHEMA = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
    "required": ["path"],
    "additionalProperties": False,
}


def reviewer(given: Any) -> Subagent:
    return Subagent("reviewer", "Reviews.", WORKER, "You review.", given)


def echo(body: dict[str, Any]) -> ScriptedResponse:
    return message(text(str(body["messages"][0]["content"])))


@pytest.mark.parametrize(("given", "sent"), [(SCHEMA, "a.py"), (Review, '{"path": "a.py", "lines": []}')])
def test_a_subagent_begins_with_its_input(given: Any, sent: str, home: Path) -> None:
    with ScriptedClaude(Script(message(tool_use("reviewer", {"path": "a.py"})), said=echo)) as claude:
        perform(lambda client: lead(client, (), reviewer(given)), claude, "async", "Go.")
        assert results(claude)[0]["content"] == sent
        (told,) = claude.asked[0].json()["tools"]
    assert told["input_schema"] == (Review.model_json_schema() if given is Review else SCHEMA)


@pytest.mark.parametrize("given", [SCHEMA, Review])
def test_an_input_that_does_not_fit_may_be_corrected_once(given: Any, recording: Path) -> None:
    def bad(number: int) -> dict[str, Any]:
        return tool_use("reviewer", {"lines": ["x", number]})

    good = tool_use("reviewer", {"path": "a.py"})
    script = Script(message(bad(1), bad(2)), message(bad(3)), message(good), message(bad(4)), said=echo)
    with ScriptedClaude(script) as claude:
        result = perform(lambda client: lead(client, (), reviewer(given)), claude, "async", "Go.")
        asked = [number for number, each in enumerate(claude.asked) if each.json()["model"] == LEAD]
        told = [[block["content"] for block in results(claude, number)] for number in asked[1:]]
        # The lead's five, and the one subagent whose input fits.
        assert len(claude.asked) == 6
    assert result.text == "Done."
    once = "reviewer was not asked: correct the input and ask once more."
    for content in [*told[0], *told[3]]:
        assert content.startswith("InvalidInputError: ")
        assert content.endswith(once)
    assert "path" in told[0][0]
    assert "$.lines" in told[0][0]
    assert told[1][0].endswith("reviewer was not asked: this stands; go on without it.")
    assert "InvalidInputError" not in told[2][0]
    root = shown()["root"]
    assert [node["status"] for node in nodes(root, "tool")] == ["error", "error", "error", "ok", "error"]
    assert len(nodes(root, "agent")) == 2


def test_long_errors_are_cut() -> None:
    from tracekit.runtime.inputs import Input, InvalidInputError

    schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    with pytest.raises(InvalidInputError) as caught:
        Input(schema).check({f"key{number}": "x" * 5000 for number in range(9)})
    assert "and 4 more" in str(caught.value)
    assert len(str(caught.value)) < 2000


# ── what is refused when a team is put together ──────────────────────────────────────────────────────────────────────


def agent(name: str, **more: Any) -> Subagent:
    return Subagent(name, "It works.", WORKER, "You work.", **more)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: lead(None, (), agent("a"), agent("a"), agent("b"), agent("b")), "more than one .* called 'a', 'b'"),
        (lambda: lead(None, [add], agent("add")), "'lead' has more than one tool or subagent called 'add'"),
        (lambda: agent("a", tools=[add, sdk_add]), "'a' has more than one tool or subagent called 'add'"),
        (lambda: lead(None, [SEARCH], agent("web_search")), "called 'web_search'"),
        (lambda: lead(None, (), agent("read_file"), workspace="."), "called 'read_file'"),
        (
            lambda: lead(None, (), lead(None, (), agent("write_file")), workspace="."),
            "'lead' has more than one tool or subagent called 'write_file'",
        ),
        (lambda: lead(None, (), agent("my agent")), "'my agent' is not a name for a subagent"),
        (lambda: lead(None, (), agent("a", after=["b"])), "'a' comes after b; 'lead' has a"),
        (lambda: lead(None, (), agent("a", after=["a"])), "wait for one another: a after a"),
        (lambda: lead(None, (), agent("a", after=["b"]), agent("b", after=["a"])), "wait for one another"),
        (lambda: lead(None, max_concurrency=0), "max_concurrency of 'lead' is at least 1, not 0"),
        (lambda: agent("a", max_turns=0), "max_turns of 'a' is at least 1, not 0"),
        (lambda: agent("a", options={"model": "m", "messages": []}), "cannot set messages, model"),
        (lambda: agent("a", input={"type": "string"}), "a JSON schema of type 'object' or a pydantic model class"),
        (lambda: agent("a", input=int), "a JSON schema of type 'object' or a pydantic model class"),
        (lambda: agent("a", input={"type": "object", "properties": 3}), "not a JSON schema: "),
    ],
)
def test_what_cannot_work_is_refused_at_once(build: Callable[[], Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build()


def test_a_text_where_a_list_is_meant_is_refused() -> None:
    with pytest.raises(TypeError, match="after of 'a' is a list or a tuple, not 'analysis_agent'"):
        agent("a", after="analysis_agent")


def test_importing_tracekit_does_not_load_the_runtime() -> None:
    import subprocess

    code = "import sys, tracekit; tracekit.init(); print({'anthropic', 'pydantic', 'jsonschema'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_client_of_the_runtimes_own_is_closed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[anthropic.AsyncAnthropic] = []
    original = anthropic.AsyncAnthropic.__init__

    def init(client: Any, *args: Any, **kwargs: Any) -> None:
        made.append(client)
        original(client, *args, **kwargs)

    monkeypatch.setattr(anthropic.AsyncAnthropic, "__init__", init)
    with ScriptedClaude(Script()) as claude:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", claude.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        assert lead(None).run_sync("Go.").text == "Done."
        assert asyncio.run(lead(None).run("Go.")).text == "Done."
    assert [client.is_closed() for client in made] == [True, True]
