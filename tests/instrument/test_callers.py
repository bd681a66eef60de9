"""The program's functions that call, and that tasks, threads and jobs run: equal agents are named by them."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import anthropic
import pytest
import trio

import tracekit
from tests.support.calling import QUESTION
from tests.support.recording import the_run
from tests.support.replays import Watched, record, replay_of
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.demo.claude import ReceivedRequest, ScriptedResponse, message, reply, text
from tracekit.instrument.callers import function_of
from tracekit.model.recording import Recording
from tracekit.model.tree import Run


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    question = json.dumps(asked.json()["messages"])
    return reply(asked, message(text(f"Answer to {len(question)} characters, number {sum(map(ord, question))}.")))


class Client:
    """A client of the program's own, which all steps call through."""

    def __init__(self, url: str) -> None:
        self._client = anthropic.Anthropic(base_url=url, api_key="key", max_retries=0)

    def ask(self, question: str) -> str:
        answer = self._client.messages.create(**{**QUESTION, "messages": [{"role": "user", "content": question}]})
        return str(answer.content[0].text)

    def close(self) -> None:
        self._client.close()


def plan(client: Client) -> str:
    return client.ask("Plan a study of kettles.")


def work(client: Client, part: int) -> str:
    return client.ask(f"Do part {part}.")


def merge(client: Client, parts: list[str]) -> str:
    return client.ask("\n".join(parts))


def in_loop(client: Client) -> list[str]:
    return [work(client, part) for part in range(2)]


def in_threads(client: Client) -> list[str]:
    found: dict[int, str] = {}

    def keep(part: int) -> None:
        found[part] = work(client, part)

    threads = [threading.Thread(target=keep, args=(part,)) for part in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[part] for part in range(2)]


def in_executor(client: Client) -> list[str]:
    with ThreadPoolExecutor() as pool:
        return list(pool.map(functools.partial(work, client), range(2)))


def in_thread_pool(client: Client) -> list[str]:
    with ThreadPool(2) as pool:
        return pool.map(functools.partial(work, client), range(2))


def in_tasks(client: Client) -> list[str]:
    async def main() -> list[str]:
        return await asyncio.gather(*(asyncio.to_thread(work, client, part) for part in range(2)))

    return asyncio.run(main())


WAYS: list[Callable[[Client], list[str]]] = [in_loop, in_threads, in_executor, in_thread_pool, in_tasks]


@pytest.fixture
def claude(recording: Path) -> Any:
    with Watched(respond) as server:
        yield server


def agents(run: Run) -> list[str]:
    return sorted(node.agent or "" for node in run.root.walk() if node.kind == "agent")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_workflow_has_the_names_of_its_functions_in_each_replay_too(way: Any, claude: Watched) -> None:
    def program() -> str:
        client = Client(claude.url)
        plan(client)
        parts = way(client)
        said = merge(client, parts)
        client.close()
        return said

    said, run = record(program)
    assert agents(structure(run)) == ["merge", "plan", "work", "work"]
    for _ in range(3):
        again, replay = replay_of(run, program)
        assert (again, replay.mode) == (said, "followed")
        assert replay.run is not None
        assert agents(replay.run) == ["merge", "plan", "work", "work"]


def callers_and_tasks(run: Recording) -> tuple[list[list[str]], dict[str, str]]:
    calls = [span for span in run.spans.values() if span.kind == "llm"]
    callers = [list(span.attributes.get(semconv.CALLERS, ())) for span in sorted(calls, key=lambda each: each.start_ns)]
    return callers, {lane.id: lane.function for lane in run.lanes.values() if lane.function}


async def _asks(client: anthropic.AsyncAnthropic) -> None:
    await client.messages.create(**QUESTION)


async def _asks_in_a_task_of_its_own(client: anthropic.AsyncAnthropic) -> None:
    await asyncio.create_task(client.messages.create(**QUESTION))


def test_a_task_ends_the_stack_and_what_starts_it_is_known(claude: Watched) -> None:
    async def program() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude.url, api_key="key") as client:
            await _asks(client)
            await asyncio.create_task(_asks(client))
            await _asks_in_a_task_of_its_own(client)

    with tracekit.run("task"):
        asyncio.run(program())
    callers, tasks = callers_and_tasks(the_run())
    assert callers == [["_asks", "program"], ["_asks"], []]
    assert list(tasks.values()) == ["program", "_asks", "_asks_in_a_task_of_its_own"]


def test_a_nursery_names_what_it_starts(claude: Watched) -> None:
    async def ask() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude.url, api_key="key") as client:
            await client.messages.create(**QUESTION)

    async def program() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)

    with tracekit.run("task"):
        trio.run(program)
    callers, tasks = callers_and_tasks(the_run())
    assert callers[0][0] == "ask"
    assert "ask" in tasks.values()


def test_only_functions_of_the_program_have_names() -> None:
    async def coroutine() -> None: ...

    started = coroutine()
    assert function_of(started) == "coroutine"
    started.close()
    assert function_of(functools.partial(functools.partial(work, part=1))) == "work"
    assert function_of(Client.ask) == function_of(Client("http://x").ask) == "Client.ask"
    assert [function_of(each) for each in (json.dumps, len, lambda: 0, None, structure)] == [""] * 5


@pytest.mark.parametrize("depth", [1, 500])
def test_a_function_that_calls_itself_stands_there_once(depth: int, claude: Watched) -> None:
    client = Client(claude.url)

    def deep(left: int) -> str:
        return deep(left - 1) if left else client.ask("How deep?")

    with tracekit.run("task"):
        deep(depth)
    client.close()
    ((first, second, *_),), _ = callers_and_tasks(the_run())
    assert (first, second) == ("Client.ask", "deep")
