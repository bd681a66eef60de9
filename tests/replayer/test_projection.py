"""A program that was changed plays on its old recording, and shows how long it takes then."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import tracekit
from tests.support.recording import spans
from tests.support.replaying import async_client, echo, play, question, record, sync_client, words_of
from tests.support.starving import was_starved
from tracekit import Orchestrator, Subagent
from tracekit.demo.claude import ReceivedRequest, Respond, ScriptedResponse, message, reply, text, tool_use
from tracekit.model.events import Kind
from tracekit.model.recording import RecordedSpan, Recording

DELAYS = {"a": 0.5, "b": 0.3, "c": 0.4}


async def _ask(client: Any, words: str) -> str:
    return words_of(await client.messages.create(**question(words)))


async def serial(client: Any) -> list[str]:
    return [await _ask(client, words) for words in DELAYS]


async def parallel(client: Any) -> list[str]:
    return list(await asyncio.gather(*[_ask(client, words) for words in DELAYS]))


async def grouped(client: Any) -> list[str]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_ask(client, words)) for words in DELAYS]
    return [task.result() for task in tasks]


async def two_at_a_time(client: Any) -> list[str]:
    limit = asyncio.Semaphore(2)

    async def one(words: str) -> str:
        async with limit:
            return await _ask(client, words)

    return list(await asyncio.gather(*[one(words) for words in DELAYS]))


async def with_own_sleeps(client: Any) -> list[str]:
    async def one(words: str) -> str:
        await asyncio.sleep(0.2)
        return await _ask(client, words)

    return list(await asyncio.gather(*[one(words) for words in DELAYS]))


async def serial_with_sleeps(client: Any) -> list[str]:
    said = []
    for words in DELAYS:
        await asyncio.sleep(0.2)
        said.append(await _ask(client, words))
    return said


ASYNC = (serial, parallel, grouped, two_at_a_time, with_own_sleeps, serial_with_sleeps)


def serial_sync(client: Any) -> list[str]:
    return [words_of(client.messages.create(**question(words))) for words in DELAYS]


def in_pool(client: Any) -> list[str]:
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(lambda words: words_of(client.messages.create(**question(words))), DELAYS))


def in_small_pool(client: Any) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda words: words_of(client.messages.create(**question(words))), DELAYS))


def in_threads(client: Any) -> list[str]:
    said: dict[str, str] = {}

    def one(words: str) -> None:
        said[words] = words_of(client.messages.create(**question(words)))

    threads = [threading.Thread(target=one, args=(words,)) for words in DELAYS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [said[words] for words in DELAYS]


async def to_thread(client: Any) -> list[str]:
    def one(words: str) -> str:
        return words_of(client.messages.create(**question(words)))

    return list(await asyncio.gather(*[asyncio.to_thread(one, words) for words in DELAYS]))


def loop(way: Callable[..., Any]) -> Callable[[str], Any]:
    """The guide's loop: the lead asks, its agents run in the way `way`, and the lead sums up their texts."""

    def asked_last(said: list[str]) -> Any:
        return question(f"sum up {', '.join(said)}")

    async def main(url: str) -> str:
        async with async_client(url) as client:
            await client.messages.create(**question("begin"))
            return words_of(await client.messages.create(**asked_last(await way(client))))

    def run(url: str) -> str:
        if way in ASYNC:
            return asyncio.run(main(url))
        with sync_client(url) as client:
            client.messages.create(**question("begin"))
            said = asyncio.run(way(client)) if way is to_thread else way(client)
            return words_of(client.messages.create(**asked_last(said)))

    return run


def work_s(recording: Recording) -> float:
    """Return the seconds from the end of the first call to the end of the last call.

    The start of the clients takes a varying time, so it does not count.
    """
    calls = spans(recording, "llm")
    return max((call.end_ns or 0) - (calls[0].end_ns or 0) for call in calls) / 1e9


def assert_projected(
    before: Callable[[str], Any],
    after: Callable[[str], Any],
    respond: Respond,
    expected: Callable[[list[float]], float],
    *,
    waits_s: float = 0.0,
) -> None:
    """`after` takes in a replay of `before` what `expected` makes of the recorded durations of the calls of DELAYS.

    Each of these waits `waits_s` seconds first. What the program took beside them comes on top, once for
    each lane that had to wait for it; a replay that is starved may put its calls in another order.
    """
    said, recording = record(before, respond)
    again, replay = play(recording, after)
    assert again == said
    assert (replay.divergence, replay.mode) == (None, "projected")
    assert replay.run is not None
    is_starved = was_starved(recording.id) or was_starved(replay.run.id)
    assert replay.notes == [] or is_starved
    calls = spans(recording, "llm")
    # The SDK's own work within a call is no part of a replay: it takes no less than the attempts, no more than the calls.
    attempts, whole = took_by_name(recording, "attempt"), took_by_name(recording, "llm")
    least = expected([attempts[name] + waits_s for name in DELAYS]) + attempts[""]
    durations = expected([whole[name] + waits_s for name in DELAYS]) + whole[""]
    ends_ns = [call.end_ns or 0 for call in calls]
    gaps = [(call.start_ns - max(end for end in ends_ns if end <= call.start_ns)) / 1e9 for call in calls[1:]]
    most = durations + 2 * sum(gap - waits_s if gap > waits_s else gap for gap in gaps)
    took_s = work_s(replay.run.recording)
    assert least - 0.001 <= took_s
    assert took_s <= most or is_starved


def took_by_name(recording: Recording, kind: Kind) -> dict[str, float]:
    """Seconds that each call but the first took, or its attempt, by what it asks."""
    took: dict[str, float] = {}
    for call in spans(recording, "llm")[1:]:
        (span,) = [call] if kind == "llm" else [each for each in spans(recording, kind) if each.parent == call.id]
        took[name_of(recording, call)] = ((span.end_ns or 0) - span.start_ns) / 1e9
    return took


def name_of(recording: Recording, call: RecordedSpan) -> str:
    """Return the name in DELAYS that the request of `call` has, or "" for the lead's calls."""
    (attempt,) = [span for span in spans(recording, "attempt") if span.parent == call.id]
    body = json.loads(recording.exchanges[attempt.id].request.body or b"")
    words = body["messages"][-1]["content"]
    name = str(body.get("system", "")).removeprefix("You are ").rstrip(".") or words
    return name if name in DELAYS else ""


def all_at_once(durations: list[float]) -> float:
    return max(durations)


def one_by_one(durations: list[float]) -> float:
    return sum(durations)


def two_by_two(durations: list[float]) -> float:
    """The third begins when the shorter of the first two ends."""
    first, second, third = durations
    return max(first, second, min(first, second) + third)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (serial, parallel, all_at_once),
        (serial, two_at_a_time, two_by_two),
        (parallel, serial, one_by_one),
        (serial_sync, in_pool, all_at_once),
        (serial_sync, in_threads, all_at_once),
        (serial_sync, to_thread, all_at_once),
        (in_pool, serial_sync, one_by_one),
        (serial_sync, parallel, all_at_once),
    ],
)
def test_a_mended_program_takes_as_long_as_its_calls_allow(
    before: Callable[..., Any], after: Callable[..., Any], expected: Callable[[list[float]], float], home: Path
) -> None:
    assert_projected(loop(before), loop(after), echo(DELAYS, default_s=0.1), expected)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(serial_with_sleeps, with_own_sleeps, all_at_once), (with_own_sleeps, serial_with_sleeps, one_by_one)],
)
def test_its_own_sleeps_take_as_long_as_with_a_server(
    before: Callable[..., Any], after: Callable[..., Any], expected: Callable[[list[float]], float], home: Path
) -> None:
    assert_projected(loop(before), loop(after), echo(DELAYS, default_s=0.1), expected, waits_s=0.2)


def in_turn(client: Any) -> list[str]:
    """One at a time, each within an agent's span that begins once it is its turn."""
    limit = threading.Lock()

    def one(words: str) -> str:
        with limit, tracekit.agent(words):
            return words_of(client.messages.create(**question(words)))

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(one, DELAYS))


def side_by_side(client: Any) -> list[str]:
    """Run the agents at once: the spans of the later agents begin before the first one asks."""
    begun = {words: threading.Event() for words in DELAYS}

    def one(words: str) -> str:
        with tracekit.agent(words):
            begun[words].set()
            if words == "a":
                begun["b"].wait()
                begun["c"].wait()
            return words_of(client.messages.create(**question(words)))

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(one, DELAYS))


def test_a_turn_that_nobody_has_given_yet_is_taken_early(home: Path) -> None:
    assert_projected(loop(in_turn), loop(side_by_side), echo(DELAYS, default_s=0.1), all_at_once)


# ── tools ────────────────────────────────────────────────────────────────────────────────────────────────────────────

ran: list[str] = []


@tracekit.tool
def measure(what: str) -> dict[str, Any]:
    """A tool that takes its time."""
    ran.append(what)
    time.sleep(0.25)
    return {"what": what, "size": len(what)}


@tracekit.tool
async def look_up(what: str) -> list[str]:
    ran.append(what)
    await asyncio.sleep(0.25)
    return [what, what]


def with_tools(way: str) -> Callable[[str], Any]:
    async def one(client: Any, words: str) -> Any:
        size = await asyncio.to_thread(measure, words) if way == "parallel" else measure(words)
        found = await look_up(words)
        return size, found, await _ask(client, words)

    async def main(url: str) -> Any:
        async with async_client(url) as client:
            await _ask(client, "begin")
            if way == "parallel":
                said = await asyncio.gather(*[one(client, words) for words in DELAYS])
            else:
                said = [await one(client, words) for words in DELAYS]
            return [*said, await _ask(client, "end")]

    return lambda url: asyncio.run(main(url))


@pytest.mark.slow
def test_tools_return_what_they_did_and_take_as_long(home: Path) -> None:
    respond = echo(DELAYS, default_s=0.3)
    seen, recording = record(with_tools("serial"), respond)
    ran.clear()
    again, replay = play(recording, with_tools("serial"))
    assert (again, replay.mode, ran) == (seen, "followed", [])
    ran.clear()
    again, replay = play(recording, with_tools("parallel"))
    assert (again, replay.mode, replay.notes, ran) == (seen, "projected", [], [])
    assert_projected(with_tools("serial"), with_tools("parallel"), respond, all_at_once, waits_s=0.5)


# ── the runtime ──────────────────────────────────────────────────────────────────────────────────────────────────────


def team(client: Any, most: int) -> Orchestrator:
    agents = [
        Subagent(name=name, description=f"Knows {name}.", model="claude-haiku-5", system=f"You are {name}.")
        for name in DELAYS
    ]
    return Orchestrator(
        name="lead", model="claude-opus-5", system="You lead.", subagents=agents, client=client, max_concurrency=most
    )


def led(asked: ReceivedRequest) -> ScriptedResponse:
    body = asked.json()
    if body["system"].startswith("You lead"):
        if len(body["messages"]) == 1:
            return reply(asked, message(*[tool_use(name, {"task": f"do {name}"}) for name in DELAYS], delay_s=0.3))
        return reply(asked, message(text("All done."), delay_s=0.3))
    name = body["system"].removeprefix("You are ").split(".")[0]
    return reply(asked, message(text(f"{name} is done"), delay_s=DELAYS[name]))


def working(most: int, *, is_async: bool, how: str) -> Callable[[str], Any]:
    async def main(url: str) -> Any:
        async with async_client(url) as client:
            made = team(client, most)
            return made.run_sync("Work.") if how == "sync" else await made.run("Work.")

    def run(url: str) -> Any:
        if is_async:
            result = asyncio.run(main(url))
        else:
            with sync_client(url) as client:
                made = team(client, most)
                result = made.run_sync("Work.") if how == "sync" else asyncio.run(made.run("Work."))
        return result.text, result.stop_reason, result.tokens

    return run


@pytest.mark.parametrize(
    ("before", "after", "expected", "is_async", "how"),
    [
        (1, 8, all_at_once, True, "async"),
        (1, 8, all_at_once, False, "sync"),
        (8, 1, one_by_one, True, "sync"),
        (8, 1, one_by_one, False, "async"),
        (1, 2, two_by_two, True, "async"),
        (1, 2, two_by_two, False, "async"),
        pytest.param(1, 8, all_at_once, True, "sync", marks=pytest.mark.slow),
        pytest.param(1, 8, all_at_once, False, "async", marks=pytest.mark.slow),
        pytest.param(8, 1, one_by_one, True, "async", marks=pytest.mark.slow),
        pytest.param(8, 1, one_by_one, False, "sync", marks=pytest.mark.slow),
        pytest.param(1, 2, two_by_two, True, "sync", marks=pytest.mark.slow),
        pytest.param(1, 2, two_by_two, False, "sync", marks=pytest.mark.slow),
    ],
)
def test_a_team_with_another_concurrency(
    before: int, after: int, expected: Callable[[list[float]], float], is_async: bool, how: str, home: Path
) -> None:
    seen, recording = record(working(before, is_async=is_async, how=how), led)
    again, replay = play(recording, working(before, is_async=is_async, how=how))
    assert (again, replay.mode, replay.notes) == (seen, "followed", [])
    changed = working(after, is_async=is_async, how=how)
    assert_projected(working(before, is_async=is_async, how=how), changed, led, expected)
