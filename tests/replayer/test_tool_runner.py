"""The SDK's own tool runner in a replay: server-held threads, tools that ask, tools that fail."""

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.instrument.test_tool_runner import HISTORIES, KINDS, Tools, respond, task
from tests.support.replays import Watched, record, replay_of, round_trip, untouched


@KINDS
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@HISTORIES
def test_the_runner(run_it: Any, stream: bool, options: Any, home: Path) -> None:
    ran, _ = round_trip(respond, lambda url: run_it(url, stream=stream, **options))
    assert ran == ["read_file", "ask_expert", "fail"]


@KINDS
def test_tools_that_run_while_the_answer_streams(run_it: Any, home: Path) -> None:
    round_trip(respond, lambda url: run_it(url, stream=True, run_tools_eagerly=True))


@KINDS
def test_decorated_tools_are_not_run(run_it: Any, home: Path) -> None:
    """But for those that ask a model, whose calls are to be replayed, and those that fail."""
    with Watched(respond) as claude:
        ran, run = record(lambda: run_it(claude.url, decorated=True))
        with untouched(claude):
            again, replay = replay_of(run, lambda: run_it(claude.url, decorated=True))
    assert ran == ["read_file", "ask_expert", "fail"]
    assert again == ["ask_expert", "fail"]
    assert replay.mode == "followed"


def test_two_runners_side_by_side(home: Path) -> None:
    async def main(url: str) -> list[str]:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="key") as client:
            runners = [
                client.beta.messages.tool_runner(**task(words, tools=Tools(client).asynchronous))
                for words in ("one", "two")
            ]
            done = await asyncio.gather(*(runner.until_done() for runner in runners))
            return [message.id for message in done]

    round_trip(respond, lambda url: asyncio.run(main(url)))
