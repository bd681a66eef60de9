"""The SDK's own tool runner: one agent, each tool once, and a tool's own calls below that tool."""

import asyncio
import inspect
import json
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import beta_async_tool, beta_tool
from anthropic.resources.beta.messages import Messages

import tracekit
from tests.support.recording import assert_closed, recordings, spans, the_run, the_span, tree
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

MODEL = "claude-sonnet-5"
USES = (
    tool_use("read_file", {"path": "a.py"}, "toolu_read"),
    tool_use("ask_expert", {"question": "Why?"}, "toolu_ask"),
    tool_use("fail", {}, "toolu_fail"),
)
LOOP = [
    "  llm chat claude-sonnet-5",
    "    attempt POST",
    "  tool execute_tool read_file",
    "  tool execute_tool ask_expert",
    "    llm chat claude-haiku-4-5",
    "      attempt POST",
    "  tool execute_tool fail",
    "  llm chat claude-sonnet-5",
    "    attempt POST",
]


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Every tool that is offered at first, then the end; the expert just answers."""
    request = asked.json()
    if request["model"] == "claude-haiku-4-5":
        return reply(asked, message(text("Because."), model="claude-haiku-4-5", id="msg_expert"))
    if "tool_result" in json.dumps(request["messages"][-1]):
        return reply(asked, message(text("Done."), id="msg_second"))
    offered = {tool["name"] for tool in request["tools"]}
    uses = [use for use in USES if use["name"] in offered]
    return reply(asked, message(text("Let me look."), *uses, id="msg_first"))


class Tools:
    """The three tools, sync and async, which count how often they run."""

    def __init__(self, client: Any, *, decorated: bool = False) -> None:
        self.ran: list[str] = []
        mark: Any = tracekit.tool if decorated else (lambda function: function)

        def read_file(path: str) -> str:
            """Read a file."""
            self.ran.append("read_file")
            return f"the text of {path}"

        def ask_expert(question: str) -> str:
            """Ask an expert."""
            self.ran.append("ask_expert")
            answer = client.messages.create(**expert(question))
            return str(answer.content[0].text)

        def fail() -> str:
            """Fail."""
            self.ran.append("fail")
            raise LookupError("no such thing")

        async def a_read_file(path: str) -> str:
            """Read a file."""
            await asyncio.sleep(0)
            return read_file(path)

        async def a_ask_expert(question: str) -> str:
            """Ask an expert."""
            self.ran.append("ask_expert")
            answer = await client.messages.create(**expert(question))
            return str(answer.content[0].text)

        async def a_fail() -> str:
            """Fail."""
            return fail()

        self.sync = [beta_tool(mark(tool)) for tool in (read_file, ask_expert, fail)]
        for tool in (a_read_file, a_ask_expert, a_fail):
            tool.__name__ = tool.__name__.removeprefix("a_")
        self.asynchronous = [beta_async_tool(mark(tool)) for tool in (a_read_file, a_ask_expert, a_fail)]


def expert(question: str) -> Any:
    return {
        "model": "claude-haiku-4-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": question}],
    }


def task(words: str = "Look into it.", **options: Any) -> Any:
    return {"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": words}], **options}


def run_sync(url: str, *, stream: bool = False, decorated: bool = False, **options: Any) -> list[str]:
    with anthropic.Anthropic(base_url=url, api_key="key") as client:
        tools = Tools(client, decorated=decorated)
        runner: Any = client.beta.messages.tool_runner(**task(tools=tools.sync, stream=stream, **options))
        for item in runner:
            if stream:
                for _ in item:
                    pass
        assert runner.until_done().content[0].text == "Done."
        return tools.ran


def run_async(url: str, *, stream: bool = False, decorated: bool = False, **options: Any) -> list[str]:
    async def main() -> list[str]:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="key") as client:
            tools = Tools(client, decorated=decorated)
            runner: Any = client.beta.messages.tool_runner(**task(tools=tools.asynchronous, stream=stream, **options))
            async for item in runner:
                if stream:
                    async for _ in item:
                        pass
            assert (await runner.until_done()).content[0].text == "Done."
            return tools.ran

    return asyncio.run(main())


HOLDS_THREADS = "thread" in inspect.signature(Messages.tool_runner).parameters
"""Whether this SDK lets the server hold the conversation, which newer ones do by default."""

HISTORIES = pytest.mark.parametrize(
    "options",
    [{}, {"thread": False}] if HOLDS_THREADS else [{}],
    ids=["threads", "whole"] if HOLDS_THREADS else ["whole"],
)
KINDS = pytest.mark.parametrize("run_it", [run_sync, run_async], ids=["sync", "async"])


@KINDS
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@HISTORIES
def test_one_agent_and_each_tool_once(run_it: Any, stream: bool, options: Any, recording: Path) -> None:
    with ScriptedClaude(respond) as claude:
        assert run_it(claude.url, stream=stream, **options) == ["read_file", "ask_expert", "fail"]
    asked = [each.json() for each in claude.asked if each.json()["model"] == MODEL]
    assert len(asked[1]["messages"]) == (1 if HOLDS_THREADS and not options else 3)
    run = the_run()
    assert_closed(run)
    assert run.name == "agent"
    assert tree(run) == ["agent invoke_agent agent", *LOOP]
    agent = the_span(run, "agent")
    assert agent.status == "ok"
    assert agent.attributes["tracekit.tool_runner"] is True
    read, ask, fail = spans(run, "tool")
    assert [tool.attributes["gen_ai.tool.call.id"] for tool in (read, ask, fail)] == [
        "toolu_read",
        "toolu_ask",
        "toolu_fail",
    ]
    assert [tool.status for tool in (read, ask, fail)] == ["ok", "ok", "error"]
    assert fail.failure is not None
    assert fail.failure.type == "tool_error"


@KINDS
def test_tools_that_run_while_the_answer_streams(run_it: Any, recording: Path) -> None:
    with ScriptedClaude(respond) as claude:
        run_it(claude.url, stream=True, run_tools_eagerly=True)
    run = the_run()
    assert_closed(run)
    assert tree(run) == ["agent invoke_agent agent", *LOOP]


@KINDS
def test_within_an_agent_the_runner_is_that_agent(run_it: Any, recording: Path) -> None:
    with ScriptedClaude(respond) as claude, tracekit.run("task"), tracekit.agent("lead"):
        run_it(claude.url)
    run = the_run()
    assert_closed(run)
    assert tree(run) == ["run task", "  agent invoke_agent lead", *("  " + line for line in LOOP)]
    assert the_span(run, "agent").attributes["tracekit.tool_runner"] is True


@KINDS
def test_decorated_tool_has_one_span(run_it: Any, recording: Path) -> None:
    with ScriptedClaude(respond) as claude:
        assert run_it(claude.url, decorated=True) == ["read_file", "ask_expert", "fail"]
    run = the_run()
    assert tree(run) == ["agent invoke_agent agent", *LOOP]
    read, ask, fail = spans(run, "tool")
    assert read.attributes["gen_ai.tool.call.arguments"] == {"path": "a.py"}
    assert read.attributes["gen_ai.tool.call.result"] == "the text of a.py"
    assert ask.attributes["gen_ai.tool.call.result"] == "Because."
    assert fail.attributes["gen_ai.tool.call.arguments"] == {}
    assert "gen_ai.tool.call.result" not in fail.attributes


def test_helper_tool_inside_a_tool_is_a_tool_of_its_own(recording: Path) -> None:
    @tracekit.tool
    def grep(pattern: str) -> str:
        return pattern.upper()

    @beta_tool
    def read_file(path: str) -> str:
        """Read a file."""
        return grep(path)

    with ScriptedClaude(respond) as claude, anthropic.Anthropic(base_url=claude.url, api_key="key") as client:
        client.beta.messages.tool_runner(**task(tools=[read_file])).until_done()
    run = the_run()
    assert tree(run)[3:5] == ["  tool execute_tool read_file", "    tool execute_tool grep"]
    assert len(spans(run, "tool")) == 2


def test_subagents_in_tools(recording: Path) -> None:
    """An agent declared in a tool hangs under the tool, and its calls under the agent."""
    with ScriptedClaude(respond) as claude, anthropic.Anthropic(base_url=claude.url, api_key="key") as client:

        @beta_tool
        def ask_expert(question: str) -> str:
            """Ask an expert."""
            with tracekit.agent("expert"), tracekit.turn():
                return str(client.messages.create(**expert(question)).content[0].text)

        client.beta.messages.tool_runner(**task(tools=[ask_expert])).until_done()
    run = the_run()
    assert_closed(run)
    assert tree(run)[3:8] == [
        "  tool execute_tool ask_expert",
        "    agent invoke_agent expert",
        "      turn turn",
        "        llm chat claude-haiku-4-5",
        "          attempt POST",
    ]


@KINDS
def test_runner_that_is_left_early(run_it: Any, recording: Path) -> None:
    with ScriptedClaude(respond) as claude:
        if run_it is run_sync:
            with anthropic.Anthropic(base_url=claude.url, api_key="key") as client:
                runner = client.beta.messages.tool_runner(**task(tools=Tools(client).sync))
                for _ in runner:
                    break
                runner.close()
        else:

            async def main() -> None:
                async with anthropic.AsyncAnthropic(base_url=claude.url, api_key="key") as client:
                    a_runner = client.beta.messages.tool_runner(**task(tools=Tools(client).asynchronous))
                    async for _ in a_runner:
                        break
                    await a_runner.close()

            asyncio.run(main())
    run = the_run()
    assert_closed(run)
    assert tree(run) == ["agent invoke_agent agent", *LOOP[:2]]


@KINDS
def test_runner_whose_call_fails(run_it: Any, recording: Path) -> None:
    refuse = error(400, "invalid_request_error", "no")
    with ScriptedClaude(lambda _: refuse) as claude, pytest.raises(anthropic.BadRequestError):
        run_it(claude.url)
    run = the_run()
    assert_closed(run)
    agent = the_span(run, "agent")
    assert (agent.status, agent.failure and agent.failure.type) == ("error", "invalid_request_error")


def test_two_runners_side_by_side(recording: Path) -> None:
    async def main(url: str) -> None:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="key") as client:
            runners = [
                client.beta.messages.tool_runner(**task(words, tools=Tools(client).asynchronous))
                for words in ("one", "two")
            ]
            await asyncio.gather(*(runner.until_done() for runner in runners))

    with ScriptedClaude(respond) as claude:
        asyncio.run(main(claude.url))
    runs = recordings()
    assert [tree(run) for run in runs] == [["agent invoke_agent agent", *LOOP]] * 2
