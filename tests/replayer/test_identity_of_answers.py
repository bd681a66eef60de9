"""Equal questions with different answers: each asker gets its own, whatever the order of arrival."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

import tracekit
from tests.support.replaying import (
    assert_followed,
    async_client,
    numbered,
    play,
    question,
    record,
    sync_client,
    words_of,
)

ORDER = [0.02, 0.05, 0.08]
REVERSED = [0.3, 0.2, 0.1]
"""Seconds that each of three waits before it asks: as it was recorded, and in the replay."""


# ── ways to ask three times at once ──────────────────────────────────────────────────────────────────────────────────


async def _ask(client: Any, wait_s: float) -> str:
    await asyncio.sleep(wait_s)
    return words_of(await client.messages.create(**question()))


async def tasks(client: Any, waits: list[float]) -> list[str]:
    made = [asyncio.create_task(_ask(client, wait_s)) for wait_s in waits]
    return [await task for task in made]


async def gathered(client: Any, waits: list[float]) -> list[str]:
    return list(await asyncio.gather(*[_ask(client, wait_s) for wait_s in waits]))


async def task_group(client: Any, waits: list[float]) -> list[str]:
    async with asyncio.TaskGroup() as group:
        made = [group.create_task(_ask(client, wait_s)) for wait_s in waits]
    return [task.result() for task in made]


async def waited(client: Any, waits: list[float]) -> list[str]:
    made = [asyncio.ensure_future(_ask(client, wait_s)) for wait_s in waits]
    await asyncio.wait(made)
    return [task.result() for task in made]


async def anyio_group(client: Any, waits: list[float]) -> list[str]:
    said: dict[int, str] = {}

    async def one(number: int, wait_s: float) -> None:
        await anyio.sleep(wait_s)
        said[number] = words_of(await client.messages.create(**question()))

    async with anyio.create_task_group() as group:
        for number, wait_s in enumerate(waits):
            group.start_soon(one, number, wait_s)
    return [said[number] for number in range(len(waits))]


async def nested_gathers(client: Any, waits: list[float]) -> list[str]:
    async def inner(wait_s: float) -> str:
        (said,) = await asyncio.gather(_ask(client, wait_s))
        return said

    return list(await asyncio.gather(*[inner(wait_s) for wait_s in waits]))


async def with_timeouts(client: Any, waits: list[float]) -> list[str]:
    return list(await asyncio.gather(*[asyncio.wait_for(_ask(client, wait_s), 60) for wait_s in waits]))


ASYNC = [tasks, gathered, task_group, waited, anyio_group, nested_gathers, with_timeouts]


def _ask_sync(client: Any, wait_s: float) -> str:
    time.sleep(wait_s)
    return words_of(client.messages.create(**question()))


def threads(client: Any, waits: list[float]) -> list[str]:
    said: dict[int, str] = {}

    def one(number: int, wait_s: float) -> None:
        said[number] = _ask_sync(client, wait_s)

    made = [threading.Thread(target=one, args=(number, wait_s)) for number, wait_s in enumerate(waits)]
    for thread in made:
        thread.start()
    for thread in made:
        thread.join()
    return [said[number] for number in range(len(waits))]


def submitted(client: Any, waits: list[float]) -> list[str]:
    with ThreadPoolExecutor(3) as pool:
        return [job.result() for job in [pool.submit(_ask_sync, client, wait_s) for wait_s in waits]]


def mapped(client: Any, waits: list[float]) -> list[str]:
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(lambda wait_s: _ask_sync(client, wait_s), waits))


def waited_for(client: Any, waits: list[float]) -> list[str]:
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(_ask_sync, client, wait_s) for wait_s in waits]
        wait(jobs)
        return [job.result() for job in jobs]


def fewer_workers(client: Any, waits: list[float]) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda wait_s: _ask_sync(client, wait_s), waits))


def completed(client: Any, waits: list[float]) -> list[str]:
    """The results in the order of their coming, but each job is known by when it was submitted."""
    with ThreadPoolExecutor(3) as pool:
        jobs = {pool.submit(_ask_sync, client, wait_s): number for number, wait_s in enumerate(waits)}
        said = {jobs[job]: job.result() for job in as_completed(jobs)}
    return [said[number] for number in range(len(waits))]


def loops_in_threads(client: Any, waits: list[float]) -> list[str]:
    async def one(wait_s: float) -> str:
        await asyncio.sleep(wait_s)
        async with async_client(str(client.base_url)) as own:
            return words_of(await own.messages.create(**question()))

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(lambda wait_s: asyncio.run(one(wait_s)), waits))


SYNC = [threads, submitted, mapped, waited_for, fewer_workers, completed, loops_in_threads]


async def to_thread(client: Any, waits: list[float]) -> list[str]:
    return list(await asyncio.gather(*[asyncio.to_thread(_ask_sync, client, wait_s) for wait_s in waits]))


async def in_executor(client: Any, waits: list[float]) -> list[str]:
    loop = asyncio.get_running_loop()
    return list(await asyncio.gather(*[loop.run_in_executor(None, _ask_sync, client, wait_s) for wait_s in waits]))


async def anyio_to_thread(client: Any, waits: list[float]) -> list[str]:
    said: dict[int, str] = {}

    async def one(number: int, wait_s: float) -> None:
        said[number] = await anyio.to_thread.run_sync(_ask_sync, client, wait_s)

    async with anyio.create_task_group() as group:
        for number, wait_s in enumerate(waits):
            group.start_soon(one, number, wait_s)
    return [said[number] for number in range(len(waits))]


FROM_ASYNC = [to_thread, in_executor, anyio_to_thread]


def program(way: Callable[..., Any], waits: list[float]) -> Callable[[str], Any]:
    def run(url: str) -> Any:
        if way in ASYNC:

            async def main() -> Any:
                async with async_client(url) as client:
                    return await way(client, waits)

            return asyncio.run(main())
        with sync_client(url) as client:
            return asyncio.run(way(client, waits)) if way in FROM_ASYNC else way(client, waits)

    return run


@pytest.mark.parametrize("way", [*ASYNC, *SYNC, *FROM_ASYNC])
def test_each_gets_its_own_answer_in_any_order_of_arrival(way: Callable[..., Any], home: Path) -> None:
    seen, recording = record(program(way, ORDER), numbered())
    assert sorted(seen) == ["answer 0", "answer 1", "answer 2"]
    again, replay = play(recording, program(way, REVERSED))
    assert again == seen
    assert (replay.divergence, replay.notes) == (None, [])


@pytest.mark.parametrize("way", [*ASYNC, *SYNC, *FROM_ASYNC])
def test_an_unchanged_program_follows(way: Callable[..., Any], home: Path) -> None:
    seen, recording = record(program(way, ORDER), numbered())
    again, replay = play(recording, program(way, ORDER))
    assert again == seen
    assert_followed(replay, recording)


# ── ways in which nothing tells the askers apart ─────────────────────────────────────────────────────────────────────


async def as_they_complete(client: Any, waits: list[float]) -> list[str]:
    return [await each for each in asyncio.as_completed([_ask(client, wait_s) for wait_s in waits])]


async def queue_of_workers(client: Any, waits: list[float]) -> list[str]:
    items: asyncio.Queue[float] = asyncio.Queue()
    for wait_s in waits:
        items.put_nowait(wait_s)
    said = []

    async def work() -> None:
        while not items.empty():
            said.append(await _ask(client, await items.get()))

    await asyncio.gather(work(), work())
    return said


async def stream_of_workers(client: Any, waits: list[float]) -> list[str]:
    send, receive = anyio.create_memory_object_stream[float](10)
    said = []

    async def work(source: Any) -> None:
        async with source:
            async for wait_s in source:
                said.append(await _ask(client, wait_s))  # noqa: PERF401  workers take turns

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(work, receive.clone())
        receive.close()
        async with send:
            for wait_s in waits:
                await send.send(wait_s)
    return said


def queue_of_threads(client: Any, waits: list[float]) -> list[str]:
    items: queue.Queue[float] = queue.Queue()
    for wait_s in waits:
        items.put(wait_s)
    said: list[str] = []

    def work() -> None:
        while True:
            try:
                wait_s = items.get_nowait()
            except queue.Empty:
                return
            said.append(_ask_sync(client, wait_s))

    made = [threading.Thread(target=work) for _ in range(2)]
    for thread in made:
        thread.start()
    for thread in made:
        thread.join()
    return said


def queue_with_end_marks(client: Any, waits: list[float]) -> list[str]:
    items: queue.Queue[float | None] = queue.Queue()
    said: list[str] = []

    def work() -> None:
        while (wait_s := items.get()) is not None:
            said.append(_ask_sync(client, wait_s))

    made = [threading.Thread(target=work) for _ in range(2)]
    for thread in made:
        thread.start()
    for each in [*waits, None, None]:
        items.put(each)
    for thread in made:
        thread.join()
    return said


ASYNC += [as_they_complete, queue_of_workers, stream_of_workers]


@pytest.mark.parametrize(
    "way", [as_they_complete, queue_of_workers, stream_of_workers, queue_of_threads, queue_with_end_marks]
)
@pytest.mark.parametrize("waits", [ORDER, REVERSED])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_where_nothing_tells_who_asks_it_is_ambiguous(way: Callable[..., Any], waits: list[float], home: Path) -> None:
    _, recording = record(program(way, ORDER), numbered())
    with pytest.raises(tracekit.ReplayDivergence, match="the recording cannot tell which one belongs to it"):
        play(recording, program(way, waits))
