"""Calls that aiohttp sends to the Messages API: recorded, and replayed to the nanosecond."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

import tracekit
from tests.support.recording import exchanges, recordings, spans, the_run
from tests.support.replaying import MODEL, echo, play, question, record, same_in_replay
from tracekit import semconv
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, cut, dropped, error, message, reply, text
from tracekit.errors import ReplayDivergence

HEAD = {"x-api-key": "sesame", "anthropic-version": "2023-06-01", "authorization": "Bearer open-sesame"}


def respond(asked: ReceivedRequest) -> Any:
    words = asked.json()["messages"][-1]["content"]
    if words == "overloaded":
        return error(529, "overloaded_error", "too much")
    if words == "dropped":
        return dropped()
    answer = reply(asked, message(text(f"re: {words}"), delay_s=0.01), gap_s=0.002)
    return cut(answer, 3) if words == "cut" else answer


async def ways(url: str) -> list[Any]:
    seen: list[Any] = []
    async with aiohttp.ClientSession(url, headers=HEAD) as session:

        async def post(words: str, **more: Any) -> Any:
            async with session.post("/v1/messages?beta=true", json=question(words) | more) as response:
                return [response.status, response.reason, response.headers["request-id"], await response.json()]

        seen += await asyncio.gather(post("one"), post("two"))
        async with session.post("/v1/messages", json=question("lines") | {"stream": True}) as response:
            seen.append([line async for line in response.content])
        async with session.post("/v1/messages", data=b'{"model": "m", "messages": [], "stream": true}') as response:
            seen.append((await response.content.readany())[:10])
        seen.append(await post("overloaded"))
        try:
            await session.post("/v1/messages", json=question("overloaded"), raise_for_status=True)
        except aiohttp.ClientResponseError as failure:
            seen.append([failure.status, failure.message])
        try:
            await post("dropped")
        except aiohttp.ServerDisconnectedError as failure:
            seen.append(type(failure).__name__)
        try:
            async with session.post("/v1/messages", json=question("cut") | {"stream": True}) as response:
                await response.read()
        except aiohttp.ClientPayloadError as failure:
            seen.append(type(failure).__name__)
    return seen


def answered(asked: ReceivedRequest) -> Any:
    return respond(asked) if asked.json()["messages"] else reply(asked, message(text("x")), gap_s=0.5)


def test_whatever_is_seen_is_seen_again(recording: None) -> None:
    seen, run = same_in_replay(lambda url: asyncio.run(ways(url)), answered, times=2)
    assert seen[0][3]["content"] == [{"type": "text", "text": "re: one"}]
    calls = spans(run, "llm")
    failures = [call.failure.type for call in calls if call.failure is not None]
    assert failures.count("overloaded_error") == 2
    assert calls[0].name == f"chat {MODEL}"
    assert calls[0].attributes[semconv.OUTPUT_TOKENS] == seen[0][3]["usage"]["output_tokens"]
    kept = [name.lower() for exchange in exchanges(run) for name in exchange.request.headers]
    assert set(kept) <= {"content-type", "anthropic-version", "anthropic-beta"}


def test_a_request_that_was_not_recorded_diverges(recording: None) -> None:
    def program(words: str) -> Any:
        async def main(url: str) -> Any:
            async with aiohttp.request("POST", f"{url}/v1/messages", json=question(words)) as response:
                return await response.json()

        return lambda url: asyncio.run(main(url))

    _, run = record(program("one"), echo())
    with pytest.raises(ReplayDivergence, match="two"):
        play(run, program("two"))


def test_what_is_no_call_is_left_alone(recording: None) -> None:
    async def main(url: str) -> list[int]:
        async with aiohttp.ClientSession(url) as session:
            other = await session.post("/v1/messages", json={"to": "+1", "text": "hi"})
            listed = await session.get("/v1/models", headers=HEAD)
            return [other.status, listed.status]

    with ScriptedClaude(lambda asked: error(418, "teapot", "no Claude")) as claude, tracekit.run("it"):
        assert asyncio.run(main(claude.url)) == [418] * 2
    assert recordings() == []


def test_what_is_asked_in_another_form_is_counted(recording: None) -> None:
    async def main(url: str) -> None:
        async with aiohttp.request("POST", f"{url}/model/us.anthropic.claude-sonnet-5/converse", json={}) as response:
            await response.read()

    with ScriptedClaude(lambda asked: error(418, "teapot", "no Claude")) as claude, tracekit.run("it"):
        asyncio.run(main(claude.url))
        with tracekit.agent("lead"):
            pass
    (missed,) = the_run().unrecorded
    assert (missed.caller, missed.host) == ("aiohttp", claude.url.removeprefix("http://"))
