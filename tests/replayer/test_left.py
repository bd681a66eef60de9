"""Streams that the program leaves, drops, or is cancelled in: a replay leaves them at the same time."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.instrument import test_streams as leaving
from tests.instrument.test_streams import SLOW, STREAM
from tests.support.calling import QUESTION, Way, asynchronous
from tests.support.recording import as_json
from tests.support.replays import Watched, record, replay_of, round_trip
from tracekit.demo.claude import ScriptedResponse, error, message, reply, stalled, stream, text
from tracekit.errors import ReplayDivergence

SYNC = [
    leaving.broken_off_create,
    leaving.broken_off_helper,
    leaving.broken_off_beta_helper,
    leaving.broken_off_lines,
    leaving.broken_off_raw,
    leaving.closed_in_a_with,
    leaving.closed_unread,
]
ASYNC = [
    leaving.a_broken_off_create,
    leaving.a_broken_off_helper,
    leaving.a_broken_off_lines,
    leaving.a_closed_in_a_with,
    leaving.a_closed_unread,
]
AGAIN: Any = {**QUESTION, "messages": [{"role": "user", "content": "And then?"}]}


def left(functions: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("leave", functions, ids=lambda each: each.__name__)


def sync_program(leave: Callable[[Any], Any]) -> Callable[[str], Any]:
    def program(url: str) -> Any:
        with anthropic.Anthropic(base_url=url, api_key="key") as client:
            leave(client)
            return as_json(client.messages.create(**AGAIN))

    return program


def async_program(leave: Callable[[Any], Any]) -> Callable[[str], Any]:
    def program(url: str) -> Any:
        async def main() -> Any:
            async with anthropic.AsyncAnthropic(base_url=url, api_key="key") as client:
                await leave(client)
                return as_json(await client.messages.create(**AGAIN))

        return asyncio.run(main())

    return program


def slowly(asked: Any) -> ScriptedResponse:
    return reply(asked, SLOW) if asked.json().get("stream") else message(text("Then."))


def drop(client: Any) -> None:
    events = client.messages.create(**QUESTION, stream=True)
    del events
    gc.collect()


def raise_out_of(client: Any) -> None:
    with pytest.raises(ZeroDivisionError), client.messages.stream(**QUESTION) as events:
        len([next(iter(events))]) / 0


async def a_drop(client: Any) -> None:
    events = await client.messages.create(**QUESTION, stream=True)
    del events
    gc.collect()


@left([*SYNC, drop, raise_out_of])
def test_left(leave: Callable[[Any], Any], home: Path) -> None:
    round_trip(slowly, sync_program(leave))


@left([*ASYNC, a_drop])
def test_left_async(leave: Callable[[Any], Any], home: Path) -> None:
    round_trip(slowly, async_program(leave))


async def cancel_soon(doing: Awaitable[Any]) -> None:
    """Cancel `doing` after a time that passes in a replay as it did before."""
    task = asyncio.ensure_future(doing)
    await asyncio.sleep(0.8)
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError):
        await task


@left([leaving.read_all, leaving.read_helper, leaving.read_lines])
def test_cancelled_while_reading(leave: Callable[[Any], Any], home: Path) -> None:
    three = stream(message(text("one two three")), gap_s=3)
    round_trip(
        lambda asked: three if asked.json().get("stream") else message(text("Then.")),
        async_program(lambda client: cancel_soon(leave(client))),
    )


@asynchronous("create", "create_stream", "stream_helper", "post", "streaming_response")
def test_cancelled_before_the_head(way: Way, home: Path) -> None:
    late = replace(STREAM, delay_s=3)
    round_trip(
        lambda asked: message(text("Then.")) if b"And then" in asked.body else late,
        async_program(lambda client: cancel_soon(way.run(client, []))),
    )


@asynchronous("create", "create_stream", "stream_helper", "post", "streaming_response")
def test_cancelled_in_the_wait(way: Way, home: Path) -> None:
    overloaded = error(529, "overloaded_error", "Overloaded", {"retry-after": "30"})
    round_trip(
        lambda asked: message(text("Then.")) if b"And then" in asked.body else overloaded,
        async_program(lambda client: cancel_soon(way.run(client, []))),
    )


def test_timeout_of_the_application(home: Path) -> None:
    async def main(client: Any) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await leaving.read_all(client)

    round_trip(
        lambda asked: stalled(STREAM, after=3) if asked.json().get("stream") else message(text("Then.")),
        async_program(main),
    )


def test_a_program_that_reads_on(home: Path) -> None:
    """A stream that the recorded program left is read to its end: the recording has no more of it."""
    _, run = record_left()
    with pytest.raises(ReplayDivergence, match="reads past the end of the recorded response"):
        replay_of(run, lambda: sync_program(read_all)("http://127.0.0.1:9"))


def read_all(client: Any) -> None:
    for _ in client.messages.create(**QUESTION, stream=True):
        pass


def record_left() -> Any:
    with Watched(slowly) as claude:
        return record(lambda: sync_program(leaving.broken_off_create)(claude.url))


def test_a_program_that_leaves_earlier(home: Path) -> None:
    """A stream that the recorded program read is left: the replay goes on without a divergence."""
    with Watched(slowly) as claude:
        seen, run = record(lambda: sync_program(read_all)(claude.url))
    again, replay = replay_of(run, lambda: sync_program(leaving.broken_off_create)("http://127.0.0.1:9"))
    assert again == seen
    assert replay.divergence is None
