"""`run`, `agent`, `turn` and `tool`: as blocks and as decorators, whoever enters and leaves them when and where."""

import asyncio
import functools
import inspect
import threading
from pathlib import Path
from typing import Any

import pytest

import tracekit
from tests.support.recording import assert_closed, name_of_current, recordings, spans, the_run, the_span, tree
from tracekit.instrument.context import current_span
from tracekit.instrument.recorder import active
from tracekit.instrument.scopes import _OpenScope

# ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_blocks(recording: Path) -> None:
    with tracekit.run("task") as run, tracekit.agent("lead") as lead:
        with tracekit.turn(), tracekit.tool("read", call_id="toolu_1", input={"path": "a"}) as tool:
            assert name_of_current() == "execute_tool read"
        assert name_of_current() == "invoke_agent lead"
    assert name_of_current() is None
    recorded = the_run()
    assert_closed(recorded)
    assert tree(recorded) == [
        "run task",
        "  agent invoke_agent lead",
        "    turn turn",
        "      tool execute_tool read",
    ]
    assert run.id == recorded.id
    assert lead.id == the_span(recorded, "agent").id
    assert tool.id == the_span(recorded, "tool").id
    assert (run.name, lead.name, tool.name) == ("task", "lead", "read")
    attributes = the_span(recorded, "tool").attributes
    assert attributes["gen_ai.tool.call.id"] == "toolu_1"
    assert attributes["gen_ai.tool.call.arguments"] == {"path": "a"}


def test_async_blocks(recording: Path) -> None:
    async def main() -> None:
        async with tracekit.run("task"), tracekit.agent("lead"), tracekit.turn(), tracekit.tool("read"):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert len(tree(the_run())) == 4
    assert_closed(the_run())


def test_failure(recording: Path) -> None:
    with pytest.raises(LookupError), tracekit.agent("lead"), tracekit.tool("read"):
        raise LookupError("nothing there")
    run = the_run()
    for span in run.spans.values():
        assert span.status == "error"
        assert span.failure is not None
        assert (span.failure.type, span.failure.message) == ("LookupError", "nothing there")


def test_cancellation(recording: Path) -> None:
    async def work() -> None:
        async with tracekit.agent("lead"):
            await asyncio.sleep(10)

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    agent = the_span(the_run(), "agent")
    assert (agent.status, agent.failure and agent.failure.type) == ("error", "cancelled")


def test_one_scope_in_many_tasks(recording: Path) -> None:
    """Tasks that enter and leave the same object in any order each leave what they entered."""
    shared = tracekit.agent("shared")

    async def work(name: str, steps: dict[str, asyncio.Event], *, enters_after: str, leaves_after: str) -> None:
        await steps[enters_after].wait()
        async with shared as handle:
            steps[f"{name} is in"].set()
            assert current_span() is not None
            await steps[leaves_after].wait()
            live = current_span()
            assert live is not None
            assert live.id == handle.id
            with tracekit.tool(name):
                pass
        steps[f"{name} is out"].set()
        assert name_of_current() == "task"

    async def main() -> None:
        with tracekit.run("task"):
            steps = {"begin": asyncio.Event()} | {
                f"{name} is {at}": asyncio.Event() for name in "abc" for at in ("in", "out")
            }
            steps["begin"].set()
            await asyncio.gather(
                work("a", steps, enters_after="begin", leaves_after="b is out"),
                work("b", steps, enters_after="a is in", leaves_after="c is in"),
                work("c", steps, enters_after="b is in", leaves_after="a is out"),
            )

    asyncio.run(main())
    run = the_run()
    assert_closed(run)
    agents = spans(run, "agent")
    assert len(agents) == 3
    ends = [agent.end_ns or 0 for agent in agents]
    assert ends[1] < ends[0] < ends[2]
    by_parent = {tool.parent: tool.name for tool in spans(run, "tool")}
    assert [by_parent[agent.id] for agent in agents] == [f"execute_tool {name}" for name in "abc"]


def test_one_scope_in_many_threads(recording: Path) -> None:
    shared = tracekit.agent("shared")
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        with shared:
            together.wait()
            with tracekit.tool(f"of {threading.current_thread().name}"):
                pass

    threads = [threading.Thread(target=work, name=str(number)) for number in range(4)]
    with tracekit.run("task"):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    run = the_run()
    assert_closed(run)
    assert {tool.parent for tool in spans(run, "tool")} == {agent.id for agent in spans(run, "agent")}
    assert len(spans(run, "agent")) == 4


def test_one_scope_within_itself(recording: Path) -> None:
    shared = tracekit.agent("shared")
    with shared, shared, tracekit.tool("inner"):
        pass
    assert tree(the_run()) == [
        "agent invoke_agent shared",
        "  agent invoke_agent shared",
        "    tool execute_tool inner",
    ]


def test_block_left_in_another_task(recording: Path) -> None:
    """As a fixture or an exit stack may do. What is current there is left alone."""
    scope = tracekit.agent("lead")

    async def enter() -> None:
        await scope.__aenter__()

    async def leave() -> None:
        with tracekit.agent("other"):
            await scope.__aexit__(None, None, None)
            assert name_of_current() == "invoke_agent other"

    async def main() -> None:
        await asyncio.create_task(enter())
        await asyncio.create_task(leave())

    asyncio.run(main())
    for run in recordings():
        assert_closed(run)


def test_inert_blocks(home: Path) -> None:
    with tracekit.run("task") as run, tracekit.agent("lead"), tracekit.turn(), tracekit.tool("read") as tool:
        assert (run.id, run.name, tool.id, tool.name) == ("", "task", "", "read")
    assert recordings() == []
    assert not home.exists()


# ── functions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_decorated_functions_are_what_they_were(either: bool) -> None:
    @tracekit.tool
    def add(one: int, /, other: int = 2, *rest: int, key: str = "k") -> int:
        """Add them."""
        return one + other + sum(rest)

    @tracekit.agent("named")
    async def wait(seconds: float) -> str:
        """Wait for it."""
        await asyncio.sleep(seconds)
        return "done"

    assert add.__name__ == "add"
    assert add.__doc__ == "Add them."
    assert str(inspect.signature(add)) == "(one: int, /, other: int = 2, *rest: int, key: str = 'k') -> int"
    assert inspect.iscoroutinefunction(wait)
    assert add(1) == 3
    assert add(1, 2, 3, key="x") == 6
    assert asyncio.run(wait(0)) == "done"
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        add()  # type: ignore[call-arg]


def test_decorated_methods(recording: Path) -> None:
    class Agent:
        @tracekit.tool
        def look(self, at: str) -> str:
            return at

        @classmethod
        @tracekit.tool
        def make(cls, name: str) -> str:
            return f"{cls.__name__} {name}"

        @staticmethod
        @tracekit.tool
        def plain(value: int) -> int:
            return value

    with tracekit.agent("lead"):
        assert Agent().look("it") == "it"
        assert Agent.make("x") == "Agent x"
        assert Agent.plain(1) == 1
    arguments = [tool.attributes["gen_ai.tool.call.arguments"] for tool in spans(the_run(), "tool")]
    assert arguments == [{"at": "it"}, {"name": "x"}, {"value": 1}]


def test_what_a_tool_takes_and_gives(recording: Path) -> None:
    class Thing:
        pass

    @tracekit.tool
    def take(*values: Any, **named: Any) -> Any:
        return values[0]

    with tracekit.agent("lead"):
        take({"a": [1, None, "x"]}, Thing(), key=(1, 2))
        take(Thing())
        take(float("nan"))
    first, second, third = spans(the_run(), "tool")
    assert first.attributes["gen_ai.tool.call.result"] == {"a": [1, None, "x"]}
    assert "gen_ai.tool.call.result" not in second.attributes
    assert second.attributes["tracekit.tool.result.opaque"] is True
    assert third.attributes["tracekit.tool.result.opaque"] is True
    assert first.attributes["gen_ai.tool.call.arguments"]["values"] == "<tuple>"


def test_exceptions_pass_unchanged(either: bool) -> None:
    error = LookupError("the very one")

    @tracekit.tool
    def fail() -> None:
        raise error

    @tracekit.agent
    async def a_fail() -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        fail()
    assert caught.value is error
    assert error.__cause__ is None
    assert error.__context__ is None
    with pytest.raises(LookupError) as caught:
        asyncio.run(a_fail())
    assert caught.value is error
    if either:
        assert [span.failure and span.failure.type for run in recordings() for span in run.spans.values()] == [
            "LookupError"
        ] * 2


def test_recursive_and_concurrent_calls_have_a_span_each(recording: Path) -> None:
    @tracekit.tool
    async def count(down: int) -> int:
        await asyncio.sleep(0)
        return down if not down else await count(down - 1)

    async def main() -> None:
        with tracekit.agent("lead"):
            await asyncio.gather(count(1), count(1))

    asyncio.run(main())
    assert tree(the_run()).count("  tool execute_tool count") == 2
    assert tree(the_run()).count("    tool execute_tool count") == 2


def test_callable_objects_and_partials(recording: Path) -> None:
    class Ask:
        def __call__(self, question: str) -> str:
            return question

    class AskLater:
        async def __call__(self, question: str) -> str:
            await asyncio.sleep(0.01)
            return question

    with tracekit.agent("lead"):
        assert tracekit.tool("ask")(Ask())("why") == "why"
        assert tracekit.tool("ask")(functools.partial(Ask(), "how"))() == "how"
        assert asyncio.run(tracekit.tool("later")(AskLater())("when")) == "when"
    later = spans(the_run(), "tool")[-1]
    assert (later.end_ns or 0) - later.start_ns >= 10_000_000


def test_the_upstream_is_asked_once_when_a_tool_ends(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    tools: list[_OpenScope] = []

    async def main() -> None:
        recorder = active()
        assert recorder is not None
        monkeypatch.setattr(recorder.upstream, "end_ns", lambda live: asked.append(live.name))
        scope = tracekit.tool("read")
        with tracekit.run("task"):
            with scope:
                tools.extend(scope._open)
            tools[0].end()

    asyncio.run(main())
    assert asked.count("execute_tool read") == 1
