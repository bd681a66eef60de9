"""The begin, the end and the name of a run."""

import asyncio
import gc
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic.resources.beta.messages import Messages

import tracekit
from tests.support.calling import ANSWER, MODEL, QUESTION
from tests.support.recording import assert_closed, recordings, spans, the_run, the_span, tree
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    count_tokens,
    message,
    reply,
    text,
    tool_use,
)
from tracekit.instrument.live import LiveRun


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Answer with how many messages were asked with, and with a tool's use where there are tools."""
    if asked.path.endswith("count_tokens"):
        return count_tokens(3)
    body = asked.json()
    words = f"Answer {len(body['messages'])} to {json.dumps(body['messages'][0]['content'])}"
    blocks = [text(words)]
    if body.get("tools") and len(body["messages"]) == 1:
        blocks.append(tool_use("look", {"at": body["messages"][0]["content"]}))
    return reply(asked, message(*blocks, id=f"msg_{asked.number}"))


def user(words: Any) -> dict[str, Any]:
    return {"role": "user", "content": words}


class Talk:
    """A conversation that a program keeps by itself."""

    def __init__(self, client: anthropic.Anthropic, *, stream: bool = False, **options: Any) -> None:
        self.client = client
        self.stream = stream
        self.options: Any = {"model": MODEL, "max_tokens": 100, **options}
        self.messages: list[Any] = []

    def say(self, words: Any) -> anthropic.types.Message:
        self.messages.append(user(words))
        if self.stream:
            with self.client.messages.stream(**self.options, messages=self.messages) as events:
                answer: anthropic.types.Message = events.get_final_message()
        else:
            answer = self.client.messages.create(**self.options, messages=self.messages)
        self.messages.append({"role": "assistant", "content": answer.content})
        return answer


@pytest.fixture
def client() -> Any:
    with ScriptedClaude(respond) as claude, anthropic.Anthropic(base_url=claude.url, api_key="key") as client:
        yield client


def calls() -> list[int]:
    """Return the number of calls of each run, oldest run first."""
    return [len(spans(run, "llm")) for run in recordings()]


# ── calls alone ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
def test_calls_that_continue_one_another_are_one_run(stream: bool, recording: Path, client: Any) -> None:
    one, two = Talk(client, stream=stream), Talk(client, stream=stream)
    for number in range(3):
        one.say(f"one {number}")
        two.say(f"two {number}")
    assert calls() == [3, 3]
    for run in recordings():
        assert_closed(run)


def test_calls_that_do_not_are_runs_of_their_own(recording: Path, client: Any) -> None:
    for words in ("a", "b", "a"):
        client.messages.create(model=MODEL, max_tokens=9, messages=[user(words)])
    assert calls() == [1, 1, 1]


def test_same_beginning_and_another_answer(recording: Path) -> None:
    """Two conversations that began with the same words are told apart by what they were answered."""
    with (
        ScriptedClaude(lambda asked: message(text(f"Answer {asked.number}"))) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key") as client,
    ):
        one, two = Talk(client), Talk(client)
        one.say("Hello")
        two.say("Hello")
        two.say("And now?")
        one.say("And now?")
    first, second = recordings()
    assert [len(spans(run, "llm")) for run in (first, second)] == [2, 2]
    asked = [json.loads(exchange.request.body or b"") for exchange in first.exchanges.values()]
    assert "Answer 0" in json.dumps(asked)
    assert "Answer 1" not in json.dumps(asked)


def test_tool_use_continues(recording: Path, client: Any) -> None:
    tools = [{"name": "look", "input_schema": {"type": "object"}}]
    talk = Talk(client, tools=tools)
    answer = talk.say("Look")
    talk.say([{"type": "tool_result", "tool_use_id": answer.content[-1].id, "content": "seen"}])  # type: ignore[union-attr]
    assert calls() == [2]


@pytest.mark.skipif(not hasattr(Messages, "thread"), reason="this SDK has no threads that the server holds")
def test_threads_that_the_server_holds(recording: Path, client: Any) -> None:
    one = client.beta.messages.thread(model=MODEL, max_tokens=100)
    two = client.beta.messages.thread(model=MODEL, max_tokens=100)
    for number in range(2):
        one.send(user(f"one {number}"))
        two.send(user(f"two {number}"))
    assert calls() == [2, 2]


def test_concurrent_conversations(recording: Path) -> None:
    async def main(url: str) -> None:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="key") as client:

            async def talk(name: int) -> None:
                messages: list[Any] = []
                for turn in range(3):
                    messages.append(user(f"{name} {turn}"))
                    async with client.messages.stream(model=MODEL, max_tokens=9, messages=messages) as stream:
                        answer = await stream.get_final_message()
                    messages.append({"role": "assistant", "content": answer.content})

            await asyncio.gather(*map(talk, range(4)))

    with ScriptedClaude(respond) as claude:
        asyncio.run(main(claude.url))
    assert calls() == [3, 3, 3, 3]


def test_what_stands_beside_a_call(recording: Path, client: Any) -> None:
    """A tool or a count of tokens between two calls of a conversation belongs to its run."""
    talk = Talk(client)
    talk.say("one")
    with tracekit.tool("look"):
        pass
    client.messages.count_tokens(model=MODEL, messages=[user("how long?")])
    talk.say("two")
    run = the_run()
    assert [span.name for span in spans(run, "tool")] == ["execute_tool look"]
    assert len(spans(run, "span")) == 1


def test_counting_tokens_makes_no_run(recording: Path, client: Any) -> None:
    client.messages.count_tokens(model=MODEL, messages=[user("how long?")])
    assert recordings() == []
    assert not (recording / "runs").exists()


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["/home/me/support_bot.py", "x"], "support_bot"),
        (["agent.v2.py"], "agent.v2"),
        (["/site-packages/my_agent/__main__.py"], "my_agent"),
        (["-c"], "python"),
        ([""], "python"),
        ([], "python"),
    ],
)
def test_name_of_a_run_of_calls_alone(
    argv: list[str], name: str, recording: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    client.messages.create(**QUESTION)
    assert the_run().name == name
    assert the_span(the_run(), "llm").name == f"chat {MODEL}"


def test_conversations_are_forgotten(recording: Path, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that asks the same, or ever new things, for ever does not hold ever more for it."""
    monkeypatch.setattr("tracekit.instrument.conversations._MOST", 4)
    gc.collect()
    before = {id(thing) for thing in gc.get_objects() if isinstance(thing, LiveRun)}
    for number in range(40):
        client.messages.create(**QUESTION)
        client.messages.create(model=MODEL, max_tokens=9, messages=[user(f"new {number}")])
    gc.collect()
    held = [thing for thing in gc.get_objects() if isinstance(thing, LiveRun) and id(thing) not in before]
    assert len(held) <= 16 + 2 * 4 + 1


# ── runs that are said ───────────────────────────────────────────────────────────────────────────────────────────────


def test_run_is_said(recording: Path, client: Any) -> None:
    with tracekit.run("ticket") as run:
        client.messages.create(**QUESTION)
        Talk(client).say("and this")
    assert the_run().id == run.id
    assert tree(the_run()) == ["run ticket", *[f"  llm chat {MODEL}", "    attempt POST"] * 2]


def test_agent_alone_is_a_run(recording: Path, client: Any) -> None:
    with tracekit.agent("lead"):
        client.messages.create(**QUESTION)
    with tracekit.agent("lead"):
        client.messages.create(**QUESTION)
    assert [run.name for run in recordings()] == ["lead", "lead"]


def test_run_without_anything_of_interest(recording: Path) -> None:
    with tracekit.run("nothing"), tracekit.turn():
        pass
    assert recordings() == []


def test_ancestors_are_written_with_their_real_begins(recording: Path, client: Any) -> None:
    with tracekit.run("late"), tracekit.turn():
        assert recordings() == []
        client.messages.create(**QUESTION)
    run = the_run()
    root, turn, llm = the_span(run, "run"), the_span(run, "turn"), the_span(run, "llm")
    assert root.start_ns < turn.start_ns < llm.start_ns
    assert run.recorded_at_ns <= root.start_ns + 1_000_000


def test_run_within_a_run(recording: Path, client: Any) -> None:
    with tracekit.run("outer") as outer, tracekit.agent("lead"):
        with tracekit.run("inner") as inner:
            client.messages.create(**QUESTION)
        client.messages.create(**QUESTION)
    runs = {run.id: run for run in recordings()}
    assert set(runs) == {outer.id, inner.id}
    assert tree(runs[inner.id]) == ["run inner", f"  llm chat {MODEL}", "    attempt POST"]
    assert the_span(runs[inner.id], "run").attributes["tracekit.run.parent.id"] == outer.id
    assert len(spans(runs[outer.id], "llm")) == 1
    assert "tracekit.run.parent.id" not in the_span(runs[outer.id], "run").attributes


def test_run_that_is_open_is_readable(recording: Path, client: Any) -> None:
    with tracekit.run("open"):
        client.messages.create(**QUESTION)
        run = the_run()
        assert the_span(run, "run").status == "open"
        assert run.segments[0].alive
        assert not run.segments[0].exited
    assert the_span(the_run(), "run").status == "ok"


def test_threads_that_begin_at_once_share_the_run(recording: Path) -> None:
    """The first calls of many threads under one unwritten block make one run, not many."""
    with (
        ScriptedClaude(lambda asked: reply(asked, ANSWER)) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key") as client,
        ThreadPoolExecutor(8) as pool,
    ):
        for _ in range(10):
            with tracekit.run("task"):
                list(pool.map(lambda _: client.messages.create(**QUESTION), range(8)))
    runs = recordings()
    assert calls() == [8] * 10
    for run in runs:
        lines = [line for path in run.segments for line in Path(path.path).read_text().splitlines()]
        assert sum('"kind":"run"' in line for line in lines) == 1


# ── switched off, and one client only ────────────────────────────────────────────────────────────────────────────────


def test_disabled(home: Path, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEKIT_DISABLED", "1")
    tracekit.init()
    assert tracekit.wrap(client) is client
    with tracekit.run("task") as run, tracekit.agent("lead"):
        client.messages.create(**QUESTION)
    assert run.id == ""
    assert not home.exists()
    assert not hasattr(anthropic._base_client.SyncAPIClient.request, "__wrapped__")


def test_init_twice_is_init_once(recording: Path, client: Any) -> None:
    tracekit.init()
    tracekit.init()
    client.messages.create(**QUESTION)
    assert len(tree(the_run())) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_wrapped_client_and_its_copies_only(stream: bool, home: Path) -> None:
    with (
        ScriptedClaude(respond) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key") as other,
        anthropic.Anthropic(base_url=claude.url, api_key="key") as mine,
    ):
        assert tracekit.wrap(mine) is mine
        for name, each in (("other", other), ("mine", mine), ("copy", mine.with_options(max_retries=5))):
            Talk(each, stream=stream).say(name)
        Talk(other.copy(), stream=stream).say("copy of the other")
        with tracekit.run("task"):
            Talk(other, stream=stream).say("other in the run")
            Talk(mine, stream=stream).say("mine in the run")
        later = anthropic.Anthropic(base_url=claude.url, api_key="key")
        Talk(later, stream=stream).say("later")
        tracekit.init()
        Talk(later, stream=stream).say("after init")
        later.close()
    asked = [
        json.loads(exchange.request.body or b"")["messages"][0]["content"]
        for run in recordings()
        for exchange in run.exchanges.values()
    ]
    assert asked == ["mine", "copy", "mine in the run", "after init"]


def test_wrapped_async_client(home: Path) -> None:
    async def main(url: str) -> None:
        async with (
            anthropic.AsyncAnthropic(base_url=url, api_key="key") as mine,
            anthropic.AsyncAnthropic(base_url=url, api_key="key") as other,
        ):
            tracekit.wrap(mine)
            await asyncio.gather(mine.messages.create(**QUESTION), other.messages.create(**QUESTION))

    with ScriptedClaude(respond) as claude:
        asyncio.run(main(claude.url))
    assert calls() == [1]
