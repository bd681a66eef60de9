"""Spans of other instrumentations in the process: recorded as the agents and tools that they are, current or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util._once import Once

import tracekit
from tests.support.calling import MODEL
from tests.support.recording import assert_closed, recordings, spans, the_run, the_span, tree
from tests.support.replaying import same_in_replay
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, reply, text, tool_use
from tracekit.model.tree import Node

TOOLS: list[Any] = [
    {"name": f"ask_{name}", "input_schema": {"type": "object", "properties": {"question": {"type": "string"}}}}
    for name in ("web", "law")
]


@pytest.fixture(autouse=True)
def _provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a process with a provider of its own."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    trace.set_tracer_provider(TracerProvider())


def answer(asked: ReceivedRequest) -> ScriptedResponse:
    """Respond to a call with tools by requesting each tool first; respond to any other call with text."""
    body = asked.json()
    if body.get("tools") and len(body["messages"]) == 1:
        uses = [
            tool_use(tool["name"], {"question": f"What of {tool['name'][4:]} matters?"}, f"toolu_{number}")
            for number, tool in enumerate(body["tools"])
        ]
        return reply(asked, message(*uses, delay_s=0.01))
    return reply(asked, message(text(f"It is {len(json.dumps(body))} long."), delay_s=0.01))


class Framework:
    """An agent framework that asks Claude; `around` makes the spans that it records."""

    def __init__(self, url: str) -> None:
        self.client = anthropic.Anthropic(base_url=url, api_key="test")
        self.tracer = trace.get_tracer("some.framework")

    @contextmanager
    def around(self, level: str, name: str, **more: Any) -> Iterator[None]:
        """A span that is current, and says at its begin what it records."""
        operation = {"agent": "invoke_agent", "tool": "execute_tool", "llm": "chat"}[level]
        named = {"agent": semconv.AGENT_NAME, "tool": semconv.TOOL_NAME, "llm": semconv.REQUEST_MODEL}[level]
        attributes = {semconv.OPERATION_NAME: operation, named: name, **more}
        with self.tracer.start_as_current_span(f"{operation} {name}", attributes=attributes):
            yield

    def ask(self, system: str, messages: list[Any], **more: Any) -> Any:
        with self.around("llm", MODEL):
            return self.client.messages.create(model=MODEL, max_tokens=99, system=system, messages=messages, **more)

    def agent(self, name: str, prompt: str, tools: list[Any] | None = None) -> str:
        with self.around("agent", name):
            messages: list[Any] = [{"role": "user", "content": prompt}]
            response = self.ask(f"You are {name}.", messages, **({"tools": tools} if tools else {}))
            uses = [block for block in response.content if block.type == "tool_use"]
            if uses:
                results = [{"type": "tool_result", "tool_use_id": use.id, "content": self.tool(use)} for use in uses]
                messages += [{"role": "assistant", "content": response.content}, {"role": "user", "content": results}]
                response = self.ask(f"You are {name}.", messages, tools=tools)
            return str(response.content[0].text)

    def tool(self, use: Any) -> str:
        with self.around("tool", use.name, **{semconv.TOOL_CALL_ID: use.id}):
            return self.agent(f"{use.name[4:]}_expert", use.input["question"])


class Callbacks(Framework):
    """Tells of it by callbacks, as OpenInference's instrumentation of LangChain does: no span of it is ever current."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.open: list[trace.Span] = []

    @contextmanager
    def around(self, level: str, name: str, **more: Any) -> Iterator[None]:
        context = trace.set_span_in_context(self.open[-1]) if self.open else None
        span = self.tracer.start_span(name, context=context)
        self.open.append(span)
        try:
            yield
        finally:
            self.open.pop()
            span.set_attribute("openinference.span.kind", level.upper())
            span.end()


class Functions(Framework):
    """Calls its spans by the functions that run, and names what runs when it ends, as OpenInference does with CrewAI's."""

    @contextmanager
    def around(self, level: str, name: str, **more: Any) -> Iterator[None]:
        label = {"agent": f"{name}._execute_core", "tool": f"{name}.run"}.get(level, name)
        named = {"agent": "graph.node.id", "tool": "tool.name"}.get(level, "llm.model_name")
        kind = {"openinference.span.kind": level.upper()}
        with self.tracer.start_as_current_span(label, attributes=kind) as span:
            yield
            span.set_attribute(named, name)


TREE = [
    "agent lead",
    "  turn",
    "    llm",
    "    tool ask_web",
    "      agent web_expert",
    "        turn",
    "          llm",
    "    tool ask_law",
    "      agent law_expert",
    "        turn",
    "          llm",
    "  turn",
    "    llm",
]


def outline(node: Node) -> list[str]:
    """The tree below `node`, which the run's root is, without attempts."""
    name = {"agent": node.agent, "tool": node.attributes.get(semconv.TOOL_NAME)}.get(node.kind)
    told = [] if node.kind == "run" else [f"{node.kind} {name}" if name else node.kind]
    below = [line for child in node.children if child.kind != "attempt" for line in outline(child)]
    return [*told, *(f"  {line}" if told else line for line in below)]


@pytest.mark.parametrize("framework", [Framework, Callbacks, Functions])
def test_the_tree_is_the_frameworks(framework: type[Framework], home: Path) -> None:
    """After a bare `init()`: one run, though the calls of callbacks have nothing around them."""
    tracekit.init()
    with ScriptedClaude(answer) as claude:
        framework(claude.url).agent("lead", "Go.", TOOLS)
    run = the_run()
    assert_closed(run)
    made = structure(run)
    assert outline(made.root) == TREE
    assert not [node for node in made.root.walk() if node.inferred and node.kind in ("agent", "tool")]
    assert run.name == "lead"
    assert len(spans(run, "llm")) == 4
    assert made.root.tokens.input == sum(int(span.attributes[semconv.INPUT_TOKENS]) for span in spans(run, "llm"))


@pytest.mark.parametrize("framework", [Framework, Callbacks])
def test_replays_follow(framework: type[Framework], home: Path) -> None:
    def program(url: str) -> str:
        return framework(url).agent("lead", "Go.", TOOLS)

    _, recording = same_in_replay(program, answer, times=3)
    assert outline(structure(recording).root) == TREE


def test_spans_of_callbacks_have_the_parents_that_they_say(home: Path) -> None:
    tracekit.init()
    with ScriptedClaude(answer) as claude:
        Callbacks(claude.url).agent("lead", "Go.")
    call = [f"llm chat {MODEL}", "  attempt POST"]
    assert tree(the_run()) == ["span lead", f"  span {MODEL}", *call]


def test_two_chats_by_callbacks_are_two_runs_in_two_threads(home: Path) -> None:
    """Each has a root of its own, which is in no other's lane."""
    tracekit.init()

    def chat(url: str, name: str) -> None:
        Callbacks(url).agent(name, "Go.", TOOLS)

    async def main(url: str) -> None:
        await asyncio.gather(*(asyncio.to_thread(chat, url, name) for name in ("one", "two")))

    with ScriptedClaude(answer) as claude:
        asyncio.run(main(claude.url))
    assert sorted(run.name for run in recordings()) == ["one", "two"]
    for run in recordings():
        assert outline(structure(run).root) == [line.replace("lead", run.name) for line in TREE]


def test_callbacks_of_an_async_framework_run_beside_the_call(home: Path) -> None:
    """Each callback is a job of a task of its own, as LangChain makes them."""
    tracekit.init()

    class Async(Callbacks):
        async def callback(self, step: Callable[[], Any]) -> None:
            await asyncio.gather(asyncio.to_thread(step))

        async def chat(self, name: str, client: anthropic.AsyncAnthropic) -> None:
            agent, call = self.around("agent", name), self.around("llm", MODEL)
            await self.callback(agent.__enter__)
            await self.callback(call.__enter__)
            await asyncio.create_task(
                client.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": name}])
            )
            await self.callback(lambda: call.__exit__(None, None, None))
            await self.callback(lambda: agent.__exit__(None, None, None))

    async def main(url: str) -> None:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="test") as client:
            await asyncio.gather(*(Async(url).chat(name, client) for name in ("one", "two")))

    with ScriptedClaude(answer) as claude:
        asyncio.run(main(claude.url))
    assert sorted(run.name for run in recordings()) == ["one", "two"]
    for run in recordings():
        assert [span.name for span in spans(run, "span")] == [run.name, MODEL]
        assert len(spans(run, "llm")) == 1


def test_calls_in_threads_of_a_callback_framework(home: Path) -> None:
    """The graph's root began in the main thread, its nodes run in a pool."""
    tracekit.init()
    with ScriptedClaude(answer) as claude:
        one = Callbacks(claude.url)
        with one.around("chain", "graph"), ThreadPoolExecutor(2) as pool:
            root = one.open[0]

            def node(name: str) -> None:
                mine = Callbacks(claude.url)
                mine.open = [root]
                mine.agent(name, f"Do the part of {name}.")

            list(pool.map(node, ("first", "second")))
    run = the_run()
    assert run.name == "graph"
    assert {line.strip() for line in outline(structure(run).root) if "agent" in line} == {"agent first", "agent second"}
    assert len(spans(run, "llm")) == 2


def test_what_ended_before_the_first_call(home: Path) -> None:
    """A tool is of interest by itself; a span that says nothing is no run."""
    tracekit.init()
    tracer = trace.get_tracer("some.framework")
    with tracer.start_as_current_span("loading"):
        pass
    assert recordings() == []
    with tracer.start_as_current_span("look up") as span:
        span.set_attribute("openinference.span.kind", "TOOL")
    made = structure(the_run())
    assert outline(made.root) == ["tool look up"]


def test_what_was_open_before_the_first_call_is_kept(home: Path) -> None:
    """Two spans in a run: one beside the call that is not current, and one that ended before it."""
    tracekit.init()
    tracer = trace.get_tracer("the.application")
    with ScriptedClaude(answer) as claude, tracekit.run("task"):
        over = tracer.start_span("over")
        over.end()
        beside = tracer.start_span("beside")
        Framework(claude.url).client.messages.create(
            model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "Go."}]
        )
        beside.set_attribute("more", 1)
        beside.end()
    assert tree(the_run()) == ["run task", "  span beside", f"  llm chat {MODEL}", "    attempt POST"]
    assert the_span(the_run(), "span").attributes["more"] == 1


def test_our_tool_in_the_frameworks_is_one(home: Path) -> None:
    """The framework's span has the call's id, ours the result, which a replay returns."""
    ran: list[str] = []

    @tracekit.tool
    def ask_web(question: str) -> str:
        ran.append(question)
        return "Nothing."

    class Mine(Framework):
        def tool(self, use: Any) -> str:
            with self.around("tool", use.name, **{semconv.TOOL_CALL_ID: use.id}):
                return ask_web(**use.input)

    _, recording = same_in_replay(lambda url: Mine(url).agent("lead", "Go.", TOOLS[:1]), answer, times=3)
    assert len(ran) == 1
    tool = the_span(recording, "tool")
    assert (tool.attributes[semconv.TOOL_CALL_ID], tool.attributes[semconv.TOOL_CALL_RESULT]) == ("toolu_0", "Nothing.")


def test_what_outlives_an_adopted_agent_stays_in_its_run(home: Path) -> None:
    tracekit.init()

    async def main(url: str) -> None:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="test") as client:

            async def later() -> None:
                await asyncio.sleep(0.02)
                await client.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "Go."}])

            with Framework(url).around("agent", "lead"):
                task = asyncio.create_task(later())
            await task

    with ScriptedClaude(answer) as claude:
        asyncio.run(main(claude.url))
    assert tree(the_run()) == ["agent invoke_agent lead", f"  llm chat {MODEL}", "    attempt POST"]


def test_exported_calls_bear_the_adopted_agents_name(home: Path) -> None:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider: Any = trace.get_tracer_provider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracekit.init()
    with ScriptedClaude(answer) as claude:
        Framework(claude.url).agent("lead", "Go.")
    (call,) = [each for each in exporter.get_finished_spans() if each.name == "anthropic.messages.create"]
    assert (call.attributes or {}).get(semconv.AGENT_NAME) == "lead"
