"""Recorded failures are replayed: the same exceptions, messages, retries and waits, in virtual time."""

# ruff: noqa: BLE001, PERF401  whatever is raised is looked at; what was seen before it counts

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import anyio
import pytest

from tests.support.replaying import (
    async_client,
    echo,
    makespan_s,
    play,
    question,
    record,
    same_in_replay,
    sync_client,
    words_of,
)
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedResponse,
    cut,
    dropped,
    early_end,
    error,
    message,
    reply,
    sse_error,
    stalled,
    stream,
    text,
)

HELLO = message(text("one two three four"))


def in_turn(*answers: ScriptedResponse) -> Callable[[ReceivedRequest], ScriptedResponse]:
    return lambda asked: answers[min(asked.number, len(answers) - 1)]


def facts_of(raised: BaseException) -> list[Any]:
    """Return the parts of an exception, and of its causes, that an application can read."""
    lines: list[Any] = []
    # What the HTTP library's own failures come from is not in the record.
    cause = [raised.__cause__] if isinstance(raised, anthropic.AnthropicError) and raised.__cause__ else []
    for failure in (raised, *cause):
        seen = {name: getattr(failure, name, None) for name in ("status_code", "body", "request_id", "type", "message")}
        lines.append([type(failure).__name__, str(failure), seen])
        response = getattr(failure, "response", None)
        if response is not None:
            text = response.text if response.is_closed and hasattr(response, "_content") else None
            lines.append([response.status_code, sorted(response.headers.items()), text])
    return lines


def ask(client: Any, seen: list[Any], **more: Any) -> None:
    try:
        response = client.messages.with_raw_response.create(**question(), **more)
        seen += [response.retries_taken, words_of(response.parse())]
    except Exception as failure:
        seen += facts_of(failure)


def ask_stream(client: Any, seen: list[Any], **more: Any) -> None:
    try:
        with client.messages.stream(**question(), **more) as events:
            seen += [event.type for event in events]
            seen.append(words_of(events.get_final_message()))
    except Exception as failure:
        seen += facts_of(failure)


async def a_ask(client: Any, seen: list[Any], **more: Any) -> None:
    try:
        response = await client.messages.with_raw_response.create(**question(), **more)
        seen += [response.retries_taken, words_of(await response.parse())]
    except Exception as failure:
        seen += facts_of(failure)


async def a_ask_stream(client: Any, seen: list[Any], **more: Any) -> None:
    try:
        async with client.messages.stream(**question(), **more) as events:
            async for event in events:
                seen.append(event.type)
            seen.append(words_of(await events.get_final_message()))
    except Exception as failure:
        seen += facts_of(failure)


def asking(how: Callable[..., Any], **options: Any) -> Callable[[str], Any]:
    """A program that asks once, and says what it has seen."""

    def program(url: str) -> Any:
        seen: list[Any] = []
        if not asyncio.iscoroutinefunction(how):
            with sync_client(url, **options) as client:
                how(client, seen)
            return seen

        async def main() -> None:
            async with async_client(url, **options) as client:
                await how(client, seen)

        asyncio.run(main())
        return seen

    return program


OVERLOADED = error(529, "overloaded_error", "Overloaded")
SOON = error(529, "overloaded_error", "Overloaded", {"retry-after": "0.05"})
CASES: dict[str, tuple[Callable[[ReceivedRequest], ScriptedResponse], dict[str, Any]]] = {
    "529, 529, 200": (lambda asked: in_turn(SOON, SOON, reply(asked, HELLO))(asked), {"max_retries": 2}),
    "529 to the end": (in_turn(SOON), {"max_retries": 1}),
    "no retries": (in_turn(OVERLOADED), {"max_retries": 0}),
    "400": (in_turn(error(400, "invalid_request_error", "max_tokens: too many")), {}),
    "401": (in_turn(error(401, "authentication_error", "invalid x-api-key")), {}),
    "404": (in_turn(error(404, "not_found_error", "model: no such")), {}),
    "429": (in_turn(error(429, "rate_limit_error", "slow down", {"retry-after": "0.02"})), {"max_retries": 1}),
    "500 that is no JSON": (
        in_turn(ScriptedResponse(502, {"content-type": "text/html"}, b"<h1>Bad gateway</h1>")),
        {"max_retries": 0},
    ),
    "connection dropped": (in_turn(dropped()), {"max_retries": 0}),
    "dropped, then well": (lambda asked: in_turn(dropped(), reply(asked, HELLO))(asked), {"max_retries": 1}),
    "cut": (lambda asked: cut(stream(HELLO) if asked.streams else HELLO, 4), {"max_retries": 0}),
    "ends too early": (lambda asked: early_end(stream(HELLO) if asked.streams else HELLO, 4), {"max_retries": 0}),
    "error event": (lambda asked: sse_error(stream(HELLO), 4) if asked.streams else OVERLOADED, {"max_retries": 0}),
    "read timeout": (
        lambda asked: stalled(stream(HELLO) if asked.streams else HELLO, 3),
        {"max_retries": 0, "timeout": 1.0},
    ),
    "timeout before the head": (in_turn(message(text("late"), delay_s=5)), {"max_retries": 0, "timeout": 0.2}),
    "timeouts, then well": (
        lambda asked: in_turn(message(text("late"), delay_s=5), reply(asked, HELLO))(asked),
        {"max_retries": 1, "timeout": 1.0},
    ),
}


IN_EACH_WAY = ("529, 529, 200", "400", "connection dropped", "cut", "read timeout")


def _is_fast(how: Callable[..., Any], case: str) -> bool:
    """Return whether a call in this way shows more than the other calls of `case` do."""
    return how in (ask, a_ask_stream) or case in IN_EACH_WAY


@pytest.mark.parametrize(
    ("how", "case"),
    [
        pytest.param(how, case, marks=() if _is_fast(how, case) else pytest.mark.slow, id=f"{case}-{how.__name__}")
        for case in CASES
        for how in (ask, ask_stream, a_ask, a_ask_stream)
    ],
)
def test_user_code_sees_what_it_saw(how: Callable[..., Any], case: str, home: Path) -> None:
    respond, options = CASES[case]
    same_in_replay(asking(how, **options), respond, times=2)


@pytest.mark.parametrize("how", [ask, a_ask])
def test_nobody_listens(how: Callable[..., Any], home: Path) -> None:
    """A connection that is refused is refused again."""

    def program(url: str) -> Any:
        return asking(how, max_retries=1)("http://127.0.0.1:1")

    seen, recording = record(program, echo())
    assert seen[0][0] == "APIConnectionError"
    again, replay = play(recording, program)
    assert (again, replay.mode) == (seen, "followed")


@pytest.mark.parametrize("how", [ask, a_ask])
def test_a_long_wait_takes_no_time(how: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_s = 0.4
    patient = error(529, "overloaded_error", "Overloaded", {"retry-after": f"{wait_s}"})
    program = asking(how, max_retries=2)
    seen, recording = record(program, in_turn(patient, patient, HELLO))
    assert makespan_s(recording) > 2 * wait_s
    monkeypatch.setattr(time, "sleep", lambda nap_s: pytest.fail(f"a replay slept for {nap_s} s"))
    again, replay = play(recording, program)
    assert (again, replay.mode) == (seen, "followed")


# ── cancelled ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def wait_for(client: Any) -> Any:
    try:
        return await asyncio.wait_for(client.messages.create(**question("slow")), 0.3)
    except TimeoutError as failure:
        return type(failure).__name__


async def cancelled(client: Any) -> Any:
    task = asyncio.create_task(client.messages.create(**question("slow")))
    await asyncio.sleep(0.3)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"


async def moved_on(client: Any) -> Any:
    with anyio.move_on_after(0.3) as scope:
        await client.messages.create(**question("slow"))
    return scope.cancelled_caught


async def failed_group(client: Any) -> Any:
    async def fail() -> None:
        await asyncio.sleep(0.3)
        raise ValueError("no")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(client.messages.create(**question("slow")))
            group.create_task(fail())
    except ExceptionGroup as failures:
        return [str(each) for each in failures.exceptions]


async def first_of_two(client: Any) -> Any:
    tasks = [asyncio.create_task(client.messages.create(**question(words))) for words in ("slow", "quick")]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return [words_of(task.result()) for task in done]


async def stream_cancelled(client: Any) -> Any:
    seen = []

    async def read() -> None:
        async with client.messages.stream(**question("slow stream")) as events:
            async for event in events:
                seen.append(event.type)

    try:
        await asyncio.wait_for(read(), 0.35)
    except TimeoutError:
        seen.append("timeout")
    return seen


async def stream_left(client: Any) -> Any:
    seen = []
    async with client.messages.stream(**question("slow stream")) as events:
        async for words in events.text_stream:
            seen.append(words)
            if len(seen) == 2:
                break
    seen.append(words_of(await client.messages.create(**question("quick"))))
    return seen


def slow(asked: ReceivedRequest) -> ScriptedResponse:
    words = asked.json()["messages"][-1]["content"]
    answer = message(text(f"re: {words} and more"), delay_s=2.0 if words == "slow" else 0.02)
    return reply(asked, answer, gap_s=0.1 if words == "slow stream" else 0.01)


@pytest.mark.parametrize(
    "way", [wait_for, cancelled, moved_on, failed_group, first_of_two, stream_cancelled, stream_left]
)
def test_what_was_cancelled_is_cancelled_again(way: Callable[..., Any], home: Path) -> None:
    def program(url: str) -> Any:
        async def main() -> Any:
            async with async_client(url) as client:
                words_of(await client.messages.create(**question("warm")))
                first = await way(client)
                return [first, words_of(await client.messages.create(**question("after")))]

        return asyncio.run(main())

    same_in_replay(program, slow, times=2)


def test_a_stream_that_was_left_is_left_again(home: Path) -> None:
    def program(url: str) -> Any:
        seen = []
        with sync_client(url) as client:
            with client.messages.stream(**question("slow stream")) as events:
                for words in events.text_stream:
                    seen.append(words)
                    if len(seen) == 2:
                        break
            seen.append(words_of(client.messages.create(**question("quick"))))
            response = client.messages.create(**question("slow stream"), stream=True)
            seen.append(next(iter(response)).type)
            response.close()
        return seen

    same_in_replay(program, slow, times=2)
