"""A sync call on a thread whose event loop runs blocks the loop: only such a call is marked."""

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import anyio.to_thread
import pytest
import trio

import tracekit
from tests.support.calling import ANSWER, QUESTION, Way, client_of, in_turn, sync_and_async
from tests.support.recording import spans, the_run
from tracekit.demo.claude import ScriptedClaude

MARK = "tracekit.sync_in_event_loop"


@sync_and_async("create", "create_stream", "stream_helper", "post", "streaming_response", "beta_parse")
def test_marked_on_the_loops_thread(way: Way, recording: Path) -> None:
    async def main(url: str) -> None:
        client = client_of(way, url)
        if way.is_async:
            await way.run(client, [])
            await client.close()
        else:
            way.run(client, [])
            client.close()

    with ScriptedClaude(in_turn(ANSWER)) as claude, tracekit.run("task"):
        asyncio.run(main(claude.url))
        trio.run(main, claude.url)
    marks = [span.attributes.get(MARK) for span in spans(the_run(), "llm")]
    assert marks == [None if way.is_async else True] * 2


def test_not_marked_elsewhere(recording: Path) -> None:
    async def on_asyncio(client: Any) -> None:
        await asyncio.to_thread(client.messages.create, **QUESTION)
        await asyncio.get_running_loop().run_in_executor(None, lambda: client.messages.create(**QUESTION))
        await anyio.to_thread.run_sync(lambda: client.messages.create(**QUESTION))

    async def on_trio(client: Any) -> None:
        await trio.to_thread.run_sync(lambda: client.messages.create(**QUESTION))

    with (
        ScriptedClaude(in_turn(ANSWER)) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key") as client,
        tracekit.run("task"),
    ):
        client.messages.create(**QUESTION)
        asyncio.run(on_asyncio(client))
        trio.run(on_trio, client)
    assert [span.attributes.get(MARK) for span in spans(the_run(), "llm")] == [None] * 5


@pytest.mark.parametrize("endpoint", ["count_tokens"])
def test_other_calls_are_marked_too(endpoint: str, recording: Path) -> None:
    async def main(client: Any) -> None:
        client.messages.count_tokens(model="claude-sonnet-5", messages=QUESTION["messages"])

    with (
        ScriptedClaude(in_turn(ANSWER)) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key") as client,
        tracekit.run("task"),
    ):
        asyncio.run(main(client))
    assert [span.attributes.get(MARK) for span in spans(the_run(), "span")] == [True]
