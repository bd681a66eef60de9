"""Every client class, transport and encoding: the same record, whoever carries the request."""

import asyncio
import gzip
import inspect
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

import tracekit
from tests.support.calling import ANSWER, MODEL, QUESTION, USAGE, WAYS, Way, call, client_of, sync_and_async
from tests.support.frames import aws_frame, aws_stream
from tests.support.recording import as_json, assert_closed, exchanges, recordings, spans, the_run, the_span, tree
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, count_tokens, error, reply, stream

AWS: Any = {"aws_access_key": "AKIDEXAMPLE", "aws_secret_key": "secret", "aws_region": "eu-central-1"}
VERTEX: Any = {"access_token": "token", "project_id": "project", "region": "europe-west1"}
CLIENTS: list[tuple[str, dict[str, Any]]] = [
    ("Anthropic", {"api_key": "key"}),
    ("AnthropicBedrock", AWS),
    ("AnthropicBedrockMantle", {"skip_auth": True, "aws_region": "eu-central-1"}),
    ("AnthropicVertex", VERTEX),
    ("AnthropicFoundry", {"api_key": "key"}),
    ("AnthropicAWS", {"skip_auth": True, "aws_region": "eu-central-1"}),
    (
        "AnthropicGoogleCloud",
        {"token_provider": lambda: "token", "project": "project", "location": "eu", "workspace_id": "w"},
    ),
]
PROVIDERS = {
    "AnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
}


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    if asked.path.endswith("invoke-with-response-stream"):
        return aws_stream(ANSWER)
    return reply(asked, ANSWER) if not asked.path.endswith("streamRawPredict") else stream(ANSWER)


def platform_client(way: Way, name: str, options: dict[str, Any], url: str) -> Any:
    kind = getattr(anthropic, name.replace("Anthropic", "AsyncAnthropic", 1) if way.is_async else name)
    return kind(base_url=url, max_retries=0, **options)


@pytest.mark.parametrize(("name", "options"), CLIENTS, ids=[name for name, _ in CLIENTS])
@sync_and_async("create", "create_stream")
def test_every_client_class(way: Way, name: str, options: dict[str, Any], home: Path) -> None:
    _is_recorded(way, name, options, home)


@pytest.mark.slow  # the ways are those of every client, which `test_streams` and the two above prove apart
@pytest.mark.parametrize(("name", "options"), CLIENTS, ids=[name for name, _ in CLIENTS])
@sync_and_async("stream_helper", "streaming_response_events")
def test_every_client_class_in_other_ways(way: Way, name: str, options: dict[str, Any], home: Path) -> None:
    _is_recorded(way, name, options, home)


def _is_recorded(way: Way, name: str, options: dict[str, Any], home: Path) -> None:
    with ScriptedClaude(respond) as claude:
        bare = call(way, platform_client(way, name, options, claude.url))
        assert not bare.raised
        tracekit.init()
        assert call(way, platform_client(way, name, options, claude.url)) == bare
    run = the_run()
    assert_closed(run)
    llm = the_span(run, "llm")
    assert (llm.status, llm.name) == ("ok", f"chat {MODEL}")
    assert llm.attributes["gen_ai.provider.name"] == PROVIDERS.get(name, "anthropic")
    assert {attribute: llm.attributes.get(attribute) for attribute in USAGE} == USAGE
    (exchange,) = exchanges(run)
    asked = claude.asked[-1]
    assert (exchange.request.path, exchange.request.body) == (asked.path, asked.body)
    assert exchange.body == (b"".join(chunk for _, chunk in respond(asked).chunks or ()) or ANSWER.body)
    # The header lists the rules of redaction, some of which have such names.
    journal = "".join(path.read_text().partition("\n")[2] for path in home.rglob("*.jsonl"))
    assert "authorization" not in journal.lower()
    assert "secret" not in journal


@sync_and_async("create_stream", "stream_helper", "streaming_response_lines")
def test_bedrock_stream_that_breaks(way: Way, home: Path) -> None:
    failure = json.dumps({"message": "Too many requests"}).encode()
    frame = aws_frame({":message-type": "exception", ":exception-type": "throttlingException"}, failure)
    begun = (aws_stream(ANSWER).chunks or ())[:8]
    whole = replace(aws_stream(ANSWER), chunks=(*begun, (0.0, frame)))
    if way.name == "streaming_response_lines":
        whole = replace(aws_stream(ANSWER), chunks=begun)
    with ScriptedClaude(lambda _: whole) as claude:
        bare = call(way, platform_client(way, "AnthropicBedrock", AWS, claude.url))
        tracekit.init()
        assert call(way, platform_client(way, "AnthropicBedrock", AWS, claude.url)) == bare
    run = the_run()
    assert_closed(run)
    llm = the_span(run, "llm")
    assert llm.failure is not None
    assert llm.failure.type == ("incomplete" if way.name == "streaming_response_lines" else "throttlingException")
    assert llm.attributes["gen_ai.usage.input_tokens"] == 50
    assert "gen_ai.usage.output_tokens" not in llm.attributes


# ── transports ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", [way for way in WAYS if way.is_async], ids=str)
def test_aiohttp(way: Way, home: Path) -> None:
    def client(url: str) -> Any:
        return client_of(way, url, http_client=anthropic.DefaultAioHttpClient())

    with ScriptedClaude(lambda asked: reply(asked, ANSWER)) as claude:
        bare = call(way, client(claude.url))
        assert not bare.raised
        tracekit.init()
        assert call(way, client(claude.url)) == bare
    run = the_run()
    assert_closed(run)
    llm = the_span(run, "llm")
    assert {attribute: llm.attributes.get(attribute) for attribute in USAGE} == USAGE
    assert exchanges(run)[0].request.body == claude.asked[-1].body


def mocked(way: Way, handle: Callable[[httpx2.Request], httpx2.Response]) -> Any:
    kind: Any = httpx2.AsyncClient if way.is_async else httpx2.Client
    return client_of(way, "http://mocked", http_client=kind(transport=httpx2.MockTransport(handle)))


@sync_and_async()
def test_transport_of_the_application(way: Way, home: Path) -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        asks = json.loads(request.content)
        if not asks.get("stream"):
            return httpx2.Response(200, content=ANSWER.body, headers={"content-type": "application/json"})
        events = b"".join(chunk for _, chunk in stream(ANSWER).chunks or ())
        return httpx2.Response(200, content=events, headers={"content-type": "text/event-stream"})

    bare = call(way, mocked(way, handle))
    assert not bare.raised
    tracekit.init()
    assert call(way, mocked(way, handle)) == bare
    run = the_run()
    assert_closed(run)
    llm = the_span(run, "llm")
    assert {attribute: llm.attributes.get(attribute) for attribute in USAGE} == USAGE


@sync_and_async("create", "create_stream")
def test_transport_that_raises(way: Way, home: Path) -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        raise KeyError("a bug of the transport's own")

    bare = call(way, mocked(way, handle).with_options(max_retries=0))
    tracekit.init()
    assert call(way, mocked(way, handle).with_options(max_retries=0)) == bare
    run = the_run()
    assert_closed(run)
    assert [span.failure and span.failure.type for span in spans(run, "attempt")] == ["KeyError"]


@sync_and_async()
def test_encoded_body(way: Way, home: Path) -> None:
    encoding, compress = ("deflate", zlib.compress) if way.name.startswith("beta") else ("gzip", gzip.compress)

    def encoded(asked: ReceivedRequest) -> ScriptedResponse:
        answer = reply(asked, ANSWER)
        headers = {**answer.headers, "content-encoding": encoding}
        if answer.chunks is None:
            return replace(answer, headers=headers, body=compress(answer.body))
        packed = compress(b"".join(chunk for _, chunk in answer.chunks))
        pieces = tuple((0.0, packed[at : at + 50]) for at in range(0, len(packed), 50))
        return replace(answer, headers=headers, chunks=pieces)

    with ScriptedClaude(encoded) as claude:
        bare = call(way, client_of(way, claude.url))
        assert not bare.raised
        tracekit.init()
        assert call(way, client_of(way, claude.url)) == bare
    run = the_run()
    assert_closed(run)
    llm = the_span(run, "llm")
    assert {attribute: llm.attributes.get(attribute) for attribute in USAGE} == USAGE
    plain = b"".join(chunk for _, chunk in stream(ANSWER).chunks or ()) if way.streams else ANSWER.body
    assert exchanges(run)[0].body == plain


@sync_and_async("create", "create_stream", "streaming_response")
def test_body_that_is_not_what_its_encoding_says(way: Way, home: Path) -> None:
    broken = replace(ANSWER, headers={"content-encoding": "gzip"}, body=b"this is no gzip")
    with ScriptedClaude(lambda _: broken) as claude:
        bare = call(way, client_of(way, claude.url, max_retries=0))
        assert bare.raised
        tracekit.init()
        assert call(way, client_of(way, claude.url, max_retries=0)) == bare
    assert_closed(the_run())


def test_redirect_is_one_attempt(recording: Path) -> None:
    def redirect(asked: ReceivedRequest) -> ScriptedResponse:
        if asked.path == "/v1/messages":
            return ScriptedResponse(307, {"location": "/elsewhere"})
        return ANSWER

    with ScriptedClaude(redirect) as claude, anthropic.Anthropic(base_url=claude.url, api_key="key") as client:
        client.messages.create(**QUESTION)
    assert tree(the_run()) == [f"llm chat {MODEL}", "  attempt POST"]
    assert len(claude.asked) == 2


# ── middleware ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_middleware_sees_what_it_saw(home: Path) -> None:
    seen: list[Any] = []

    def look(request: Any, call_next: Any) -> Any:
        response = call_next(request)
        seen.append((request.retries_taken, response.status_code, sorted(request.headers)))
        return response

    def ask(url: str) -> Any:
        with anthropic.Anthropic(base_url=url, api_key="key", middleware=[look]) as client:
            return as_json(client.messages.create(**QUESTION))

    overloaded = error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "1"})
    with ScriptedClaude(lambda asked: ANSWER if asked.number % 2 else overloaded) as claude:
        bare = ask(claude.url)
        bare_seen, seen[:] = seen[:], []
        tracekit.init()
        assert ask(claude.url) == bare
    assert seen == bare_seen
    run = the_run()
    assert_closed(run)
    assert tree(run) == [f"llm chat {MODEL}", "  attempt POST", "  attempt POST"]


def test_middleware_that_sends_twice(recording: Path) -> None:
    def twice(request: Any, call_next: Any) -> Any:
        call_next(request)
        return call_next(request)

    with (
        ScriptedClaude(lambda _: ANSWER) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key", middleware=[twice]) as client,
    ):
        client.messages.create(**QUESTION)
    run = the_run()
    assert_closed(run)
    assert tree(run) == [f"llm chat {MODEL}", "  attempt POST", "  attempt POST"]
    assert the_span(run, "llm").attributes["gen_ai.usage.output_tokens"] == 23


def test_middleware_that_answers_itself(recording: Path) -> None:
    made = anthropic.types.Message.model_validate_json(ANSWER.body)
    answer: Any = lambda request, call_next: made  # noqa: E731  typed as any middleware
    with anthropic.Anthropic(base_url="http://127.0.0.1:9", api_key="key", middleware=[answer]) as client:
        assert client.messages.create(**QUESTION) is made
    run = the_run()
    assert_closed(run)
    assert tree(run) == [f"llm chat {MODEL}"]


# ── other endpoints ──────────────────────────────────────────────────────────────────────────────────────────────────

BATCH = {
    "id": "msgbatch_1",
    "type": "message_batch",
    "processing_status": "ended",
    "request_counts": {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 0, "expired": 0},
    "created_at": "2026-11-22T10:00:00Z",
    "expires_at": "2026-11-23T10:00:00Z",
    "ended_at": "2026-11-22T10:05:00Z",
    "results_url": None,
}


def batches(asked: ReceivedRequest) -> ScriptedResponse:
    if asked.path.endswith("/results"):
        result = {"custom_id": "a", "result": {"type": "succeeded", "message": json.loads(ANSWER.body)}}
        lines = (json.dumps(result) + "\n").encode() * 3
        return ScriptedResponse(
            headers={"content-type": "application/x-jsonl"}, chunks=((0.0, lines[:100]), (0.0, lines[100:]))
        )
    if asked.path.endswith("/count_tokens"):
        return count_tokens(7)
    body = {**BATCH, "results_url": f"http://{asked.headers['host']}/v1/messages/batches/msgbatch_1/results"}
    return ScriptedResponse(body=json.dumps(body).encode())


def use_endpoints(client: anthropic.Anthropic) -> list[Any]:
    asked: Any = {name: value for name, value in QUESTION.items() if name != "max_tokens"}
    counted = client.messages.count_tokens(**asked)
    made = client.messages.batches.create(requests=[{"custom_id": "a", "params": QUESTION}])
    got = client.messages.batches.retrieve(made.id)
    return [as_json(each) for each in (counted, made, got, *client.messages.batches.results(made.id))]


async def use_endpoints_async(client: anthropic.AsyncAnthropic) -> list[Any]:
    asked: Any = {name: value for name, value in QUESTION.items() if name != "max_tokens"}
    counted = await client.messages.count_tokens(**asked)
    made = await client.messages.batches.create(requests=[{"custom_id": "a", "params": QUESTION}])
    got = await client.messages.batches.retrieve(made.id)
    results = [each async for each in await client.messages.batches.results(made.id)]
    return [as_json(each) for each in (counted, made, got, *results)]


def endpoints(url: str, is_async: bool) -> list[Any]:
    if not is_async:
        with anthropic.Anthropic(base_url=url, api_key="key") as client:
            return use_endpoints(client)

    async def main() -> list[Any]:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="key") as client:
            return await use_endpoints_async(client)

    return asyncio.run(main())


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_other_endpoints(is_async: bool, home: Path) -> None:
    with ScriptedClaude(batches) as claude:
        bare = endpoints(claude.url, is_async)
        tracekit.init()
        assert endpoints(claude.url, is_async) == bare
        # What a batch used is told by its results alone: they are a run by themselves, and nothing else is.
        assert [run.name for run in recordings()] == ["anthropic.messages.batches.results"]
        with tracekit.run("batch"):
            assert endpoints(claude.url, is_async) == bare
    assert len(bare) == 6
    run = recordings()[-1]
    assert_closed(run)
    assert tree(run) == [
        "run batch",
        "  span anthropic.messages.count_tokens",
        "    attempt POST",
        "  span anthropic.messages.batches.create",
        "    attempt POST",
        "  span anthropic.messages.batches.retrieve",
        "    attempt GET",
        *(["  span anthropic.messages.batches.retrieve", "    attempt GET"]),
        "  span anthropic.messages.batches.results",
        "    attempt GET",
    ]
    assert exchanges(run)[-1].body.count(b"\n") == 3
    assert not any("usage" in name for span in run.spans.values() for name in span.attributes)


def test_signatures_are_the_sdks_own(recording: Path) -> None:
    from anthropic import _base_client

    for owner, name in (
        (_base_client.SyncAPIClient, "_request"),
        (_base_client.AsyncAPIClient, "_request"),
        (_base_client.SyncAPIClient, "_attempt_request"),
    ):
        hooked = getattr(owner, name)
        assert hooked.__name__ == name
        assert inspect.signature(hooked) == inspect.signature(hooked.__wrapped__)
    assert inspect.iscoroutinefunction(_base_client.AsyncAPIClient._request)
