"""Every way in which an application can call Claude with the SDK, and what it gets to see of it.

Each way is written once for the sync and once for the async client. What the application sees is compared between a
program that is recorded and one that is not.
"""

# ruff: noqa: PERF401, PERF402  what was seen before an exception counts, which a comprehension would lose

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import anthropic
import httpx2
import pydantic
import pytest
from anthropic import AsyncStream, Stream
from anthropic.types import Message, RawMessageStreamEvent

from tests.support.recording import as_json
from tracekit.demo.claude import Respond, ScriptedResponse, message, reply, text

MODEL = "claude-sonnet-5"
QUESTION: Any = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "Which city?"}]}


class City(pydantic.BaseModel):
    """The fields of the structured outputs, and the values in every response here."""

    city: str


ANSWER = message(
    text('{"city": "Zürich"}'),
    model=MODEL,
    usage={
        "input_tokens": 31,
        "cache_creation_input_tokens": 12,
        "cache_read_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 8, "ephemeral_1h_input_tokens": 4},
        "output_tokens": 23,
        "output_tokens_details": {"thinking_tokens": 5},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
        "service_tier": "priority",
        "speed": "fast",
        "inference_geo": "eu",
    },
)
USAGE = {
    "gen_ai.usage.input_tokens": 31 + 12 + 7,
    "gen_ai.usage.cache_write.input_tokens": 12,
    "gen_ai.usage.cache_read.input_tokens": 7,
    "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 8,
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 4,
    "gen_ai.usage.output_tokens": 23,
    "gen_ai.usage.reasoning.output_tokens": 5,
    "anthropic.response.service_tier": "priority",
    "anthropic.message.stop_reason": "end_turn",
    "tracekit.usage.web_search_requests": 2,
    "tracekit.usage.web_fetch_requests": 1,
    "tracekit.usage.speed": "fast",
    "tracekit.usage.inference_geo": "eu",
    "gen_ai.response.model": MODEL,
}


@dataclass(frozen=True)
class Way:
    """One way to call: `run` takes a client and a list for the visible output, and asks QUESTION."""

    name: str
    streams: bool
    run: Callable[[Any, list[Any]], Any]
    is_async: bool = False

    def __str__(self) -> str:
        return f"{'async' if self.is_async else 'sync'}-{self.name}"


WAYS: list[Way] = []


def _way(*, streams: bool = False) -> Callable[[Callable[[Any, list[Any]], Any]], None]:
    def add(function: Callable[[Any, list[Any]], Any]) -> None:
        is_async = asyncio.iscoroutinefunction(function)
        WAYS.append(Way(function.__name__.removeprefix("a_"), streams, function, is_async))

    return add


# ── sync ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@_way()
def create(client: Any, seen: list[Any]) -> None:
    seen.append(client.messages.create(**QUESTION))


@_way(streams=True)
def create_stream(client: Any, seen: list[Any]) -> None:
    seen.extend(client.messages.create(**QUESTION, stream=True))


@_way(streams=True)
def stream_helper(client: Any, seen: list[Any]) -> None:
    with client.messages.stream(**QUESTION) as stream:
        for event in stream:
            seen.append(event.type)
        seen.append(stream.get_final_message())


@_way()
def parse(client: Any, seen: list[Any]) -> None:
    seen.append(client.messages.parse(**QUESTION, output_format=City).parsed_output)


@_way()
def raw_response(client: Any, seen: list[Any]) -> None:
    response = client.messages.with_raw_response.create(**QUESTION)
    seen.extend([response.status_code, response.retries_taken, response.parse()])


@_way(streams=True)
def raw_response_stream(client: Any, seen: list[Any]) -> None:
    response = client.messages.with_raw_response.create(**QUESTION, stream=True)
    seen.append(response.status_code)
    seen.extend(response.parse())


@_way()
def streaming_response(client: Any, seen: list[Any]) -> None:
    with client.messages.with_streaming_response.create(**QUESTION) as response:
        seen.extend([response.status_code, response.json()])


@_way()
def streaming_response_parsed(client: Any, seen: list[Any]) -> None:
    with client.messages.with_streaming_response.create(**QUESTION) as response:
        seen.append(response.parse())


@_way(streams=True)
def streaming_response_lines(client: Any, seen: list[Any]) -> None:
    with client.messages.with_streaming_response.create(**QUESTION, stream=True) as response:
        for line in response.iter_lines():
            seen.append(line)


@_way(streams=True)
def streaming_response_events(client: Any, seen: list[Any]) -> None:
    with client.messages.with_streaming_response.create(**QUESTION, stream=True) as response:
        seen.extend(response.parse())


@_way()
def beta_create(client: Any, seen: list[Any]) -> None:
    seen.append(client.beta.messages.create(**QUESTION, betas=["context-1m-2025-08-07"]))


@_way(streams=True)
def beta_create_stream(client: Any, seen: list[Any]) -> None:
    seen.extend(client.beta.messages.create(**QUESTION, stream=True))


@_way(streams=True)
def beta_stream_helper(client: Any, seen: list[Any]) -> None:
    with client.beta.messages.stream(**QUESTION) as stream:
        seen.extend(stream.text_stream)
        seen.append(stream.get_final_message())


@_way()
def beta_parse(client: Any, seen: list[Any]) -> None:
    seen.append(client.beta.messages.parse(**QUESTION, output_format=City).parsed_output)


@_way()
def copy(client: Any, seen: list[Any]) -> None:
    seen.append(client.with_options(default_headers={"x-of": "the copy"}).messages.create(**QUESTION))


@_way()
def post(client: Any, seen: list[Any]) -> None:
    seen.append(client.post("/v1/messages", body=QUESTION, cast_to=Message))


@_way(streams=True)
def post_stream(client: Any, seen: list[Any]) -> None:
    kind = Stream[RawMessageStreamEvent]
    body = {**QUESTION, "stream": True}
    seen.extend(client.post("/v1/messages", body=body, cast_to=RawMessageStreamEvent, stream=True, stream_cls=kind))


@_way()
def post_response(client: Any, seen: list[Any]) -> None:
    seen.append(client.post("/v1/messages", body=QUESTION, cast_to=httpx2.Response).json())


# ── async ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@_way()
async def a_create(client: Any, seen: list[Any]) -> None:
    seen.append(await client.messages.create(**QUESTION))


@_way(streams=True)
async def a_create_stream(client: Any, seen: list[Any]) -> None:
    async for event in await client.messages.create(**QUESTION, stream=True):
        seen.append(event)


@_way(streams=True)
async def a_stream_helper(client: Any, seen: list[Any]) -> None:
    async with client.messages.stream(**QUESTION) as stream:
        async for event in stream:
            seen.append(event.type)
        seen.append(await stream.get_final_message())


@_way()
async def a_parse(client: Any, seen: list[Any]) -> None:
    seen.append((await client.messages.parse(**QUESTION, output_format=City)).parsed_output)


@_way()
async def a_raw_response(client: Any, seen: list[Any]) -> None:
    response = await client.messages.with_raw_response.create(**QUESTION)
    seen.extend([response.status_code, response.retries_taken, await response.parse()])


@_way(streams=True)
async def a_raw_response_stream(client: Any, seen: list[Any]) -> None:
    response = await client.messages.with_raw_response.create(**QUESTION, stream=True)
    seen.append(response.status_code)
    async for event in await response.parse():
        seen.append(event)


@_way()
async def a_streaming_response(client: Any, seen: list[Any]) -> None:
    async with client.messages.with_streaming_response.create(**QUESTION) as response:
        seen.extend([response.status_code, await response.json()])


@_way()
async def a_streaming_response_parsed(client: Any, seen: list[Any]) -> None:
    async with client.messages.with_streaming_response.create(**QUESTION) as response:
        seen.append(await response.parse())


@_way(streams=True)
async def a_streaming_response_lines(client: Any, seen: list[Any]) -> None:
    async with client.messages.with_streaming_response.create(**QUESTION, stream=True) as response:
        async for line in response.iter_lines():
            seen.append(line)


@_way(streams=True)
async def a_streaming_response_events(client: Any, seen: list[Any]) -> None:
    async with client.messages.with_streaming_response.create(**QUESTION, stream=True) as response:
        async for event in await response.parse():
            seen.append(event)


@_way()
async def a_beta_create(client: Any, seen: list[Any]) -> None:
    seen.append(await client.beta.messages.create(**QUESTION, betas=["context-1m-2025-08-07"]))


@_way(streams=True)
async def a_beta_create_stream(client: Any, seen: list[Any]) -> None:
    async for event in await client.beta.messages.create(**QUESTION, stream=True):
        seen.append(event)


@_way(streams=True)
async def a_beta_stream_helper(client: Any, seen: list[Any]) -> None:
    async with client.beta.messages.stream(**QUESTION) as stream:
        async for words in stream.text_stream:
            seen.append(words)
        seen.append(await stream.get_final_message())


@_way()
async def a_beta_parse(client: Any, seen: list[Any]) -> None:
    seen.append((await client.beta.messages.parse(**QUESTION, output_format=City)).parsed_output)


@_way()
async def a_copy(client: Any, seen: list[Any]) -> None:
    seen.append(await client.with_options(default_headers={"x-of": "the copy"}).messages.create(**QUESTION))


@_way()
async def a_post(client: Any, seen: list[Any]) -> None:
    seen.append(await client.post("/v1/messages", body=QUESTION, cast_to=Message))


@_way(streams=True)
async def a_post_stream(client: Any, seen: list[Any]) -> None:
    kind = AsyncStream[RawMessageStreamEvent]
    body = {**QUESTION, "stream": True}
    async for event in await client.post(
        "/v1/messages", body=body, cast_to=RawMessageStreamEvent, stream=True, stream_cls=kind
    ):
        seen.append(event)


@_way()
async def a_post_response(client: Any, seen: list[Any]) -> None:
    seen.append((await client.post("/v1/messages", body=QUESTION, cast_to=httpx2.Response)).json())


# ── what the application sees ────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Seen:
    """Return the result of a call and its end: the exception, and the errors that caused it."""

    values: list[Any]
    raised: list[Any]


def client_of(way: Way, url: str, **options: Any) -> Any:
    """A client of the kind that `way` needs."""
    kind = anthropic.AsyncAnthropic if way.is_async else anthropic.Anthropic
    http = anthropic.DefaultAsyncHttpxClient if way.is_async else anthropic.DefaultHttpxClient
    options = {"base_url": url, "api_key": "key", "max_retries": 2, **options}
    if "http_client" not in options:
        options["http_client"] = http(verify=_tls(), timeout=options.get("timeout", 600))
    return kind(**options)


@cache
def _tls() -> ssl.SSLContext:
    """One for all clients, as to load the certificates for each takes most of a test."""
    return ssl.create_default_context()


def call(way: Way, client: Any) -> Seen:
    """Ask QUESTION in this way, close the client, and tell what the application saw."""
    seen: list[Any] = []
    raised: list[Any] = []
    if not way.is_async:
        try:
            way.run(client, seen)
        except Exception as error:  # noqa: BLE001  compared, whatever it is
            raised = _told(error)
        client.close()
        return Seen(_values(seen), raised)

    async def main() -> list[Any]:
        try:
            await way.run(client, seen)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  compared, whatever it is
            return _told(error)
        finally:
            await client.close()
        return []

    raised = asyncio.run(main())
    return Seen(_values(seen), raised)


def _values(seen: list[Any]) -> list[Any]:
    return [as_json(value) if not isinstance(value, City) else value.city for value in seen]


def _told(error: BaseException | None) -> list[Any]:
    told: list[Any] = []
    while error is not None:
        status, body = getattr(error, "status_code", None), getattr(error, "body", None)
        told.append([type(error).__name__, str(error), status, body])
        error = error.__cause__
    return told


def in_turn(*answers: ScriptedResponse) -> Respond:
    """Answer each request with the next of `answers`, and every one after them with the last; stream where asked to."""
    return lambda asked: reply(asked, answers[min(asked.number, len(answers) - 1)])


def sync_and_async(*names: str) -> pytest.MarkDecorator:
    """A parameter `way` for the ways with these names, all if none is given."""
    chosen = [way for way in WAYS if not names or way.name in names]
    return pytest.mark.parametrize("way", chosen, ids=str)


def streaming() -> pytest.MarkDecorator:
    """A parameter `way` for the ways that read a stream."""
    return pytest.mark.parametrize("way", [way for way in WAYS if way.streams], ids=str)


def asynchronous(*names: str) -> pytest.MarkDecorator:
    """A parameter `way` for the async ways with these names."""
    return pytest.mark.parametrize("way", [way for way in WAYS if way.is_async and way.name in names], ids=str)
