"""A stream's pieces come when they came: on the replay's clock, and in real time where that is asked for."""

# ruff: noqa: PERF401  each is timed as it comes

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.recording import exchanges
from tests.support.replaying import async_client, play, question, record, same_in_replay, sync_client
from tracekit.demo.claude import ReceivedRequest, ScriptedResponse, message, stream, text

GAP_S = 0.1


def slow_stream(asked: ReceivedRequest) -> ScriptedResponse:
    words = asked.json()["messages"][-1]["content"]
    return stream(message(text(f"one two {words}")), gap_s=GAP_S, first_s=0.2)


def reading(url: str) -> list[tuple[str, float]]:
    """Each event of a stream, and the loop's time when it came."""

    async def read(client: Any, words: str) -> list[tuple[str, float]]:
        loop, seen = asyncio.get_running_loop(), []
        async with client.messages.stream(**question(words)) as events:
            async for event in events:
                if event.type == "content_block_delta":
                    seen.append((event.delta.text, loop.time()))
        return seen

    async def main() -> list[tuple[str, float]]:
        async with async_client(url) as client:
            both = await asyncio.gather(read(client, "a"), read(client, "b"))
            return [*both[0], *both[1]]

    return asyncio.run(main())


def words(url: str) -> list[str]:
    return [word for word, _ in reading(url)]


def test_pieces_come_with_their_gaps_on_the_loops_clock(home: Path) -> None:
    _, recording = record(words, slow_stream)
    at_ns = [
        piece.at_ns
        for exchange in exchanges(recording)
        for piece in exchange.pieces
        if b"content_block_delta" in piece.data
    ]
    seen, replay = play(recording, reading)
    assert replay.mode == "followed"
    assert len(seen) == len(at_ns) == 6
    zero_s, zero_ns = min(at for _, at in seen), min(at_ns)
    assert sorted(at - zero_s for _, at in seen) == pytest.approx(
        sorted((at - zero_ns) / 1e9 for at in at_ns), abs=1e-6
    )


def test_a_stream_is_followed_to_the_nanosecond(home: Path) -> None:
    def program(url: str) -> Any:
        seen = words(url)
        with sync_client(url) as client, client.messages.stream(**question("sync")) as events:
            return [*seen, *events.text_stream]

    same_in_replay(program, slow_stream, times=3)


@pytest.mark.parametrize("speed", [1.0, 2.0])
@pytest.mark.slow
def test_with_a_speed_they_come_in_real_time(speed: float, home: Path) -> None:
    _, recording = record(words, slow_stream)
    seen: list[float] = []

    def program(url: str) -> None:
        with sync_client(url) as client:
            for each in "ab":
                with client.messages.stream(**question(each)) as events:
                    for event in events:
                        if event.type == "content_block_delta":
                            seen.append(time.perf_counter())

    _, serial = record(program, slow_stream)
    seen.clear()
    play(serial, program, speed=speed)
    gaps = [later - earlier for earlier, later in pairwise(seen[:3])]
    assert all(gap > GAP_S / speed * 0.5 for gap in gaps)
    began = time.perf_counter()
    play(recording, words, speed=speed)
    lasted_s = (
        max(each.end_ns or 0 for each in recording.spans.values()) - recording.spans[min(recording.spans)].start_ns
    )
    assert time.perf_counter() - began >= min(0.5, lasted_s / 1e9) / speed
