"""Calls that httpx, or httpx2 without the SDK, sends to the Messages API: recorded, and replayed to the nanosecond."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anthropic
import httpx
import httpx2
import pytest
from opentelemetry import trace as otel_trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import tracekit
from tests.support.recording import exchanges, recordings, spans, the_run, the_span, tree
from tests.support.replaying import MODEL, async_client, echo, play, question, record, same_in_replay, sync_client
from tracekit import semconv
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, cut, dropped, early_end, error, message, reply, text
from tracekit.errors import ReplayDivergence
from tracekit.model.events import Failure

HEAD = {"x-api-key": "sesame", "anthropic-version": "2023-06-01", "authorization": "Bearer open-sesame"}


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    return {"httpx": httpx, "httpx2": httpx2}[request.param]


def of(response: Any) -> Any:
    """The parts of a response that the application sees."""
    return response.status_code, response.headers.get("request-id"), json.loads(response.text)


def sync_ways(library: Any, url: str) -> list[Any]:
    seen: list[Any] = [of(library.post(f"{url}/v1/messages", json=question("plain"), headers=HEAD))]
    with library.Client(base_url=url, headers=HEAD) as client:
        seen.append(of(client.post("/v1/messages?beta=true", json=question("client"))))
        request = client.build_request("POST", "/v1/messages", json=question("built"))
        response = client.send(request, stream=True)
        seen.append(json.loads(b"".join(response.iter_raw())))
        with client.stream("POST", "/v1/messages", json=question("streamed") | {"stream": True}) as response:
            seen.append(list(response.iter_lines()))
        with client.stream("POST", "/v1/messages", json=question("left") | {"stream": True}) as response:
            seen.append(next(response.iter_lines()))
        seen.append(of(client.post("/v1/messages", json=question("overloaded"))))
        try:
            client.post("/v1/messages", json=question("dropped"))
        except library.RemoteProtocolError as failure:
            seen.append([type(failure).__name__, failure.request.url.path])
        try:
            with client.stream("POST", "/v1/messages", json=question("cut") | {"stream": True}) as response:
                response.read()
        except library.RemoteProtocolError as failure:
            seen.append(type(failure).__name__)
        seen.append(client.post("/v1/messages/count_tokens", json=question("count")).json())
    return seen


async def async_ways(library: Any, url: str) -> list[Any]:
    async with library.AsyncClient(base_url=url, headers=HEAD) as client:
        both = await asyncio.gather(*(client.post("/v1/messages", json=question(words)) for words in ("one", "two")))
        seen: list[Any] = [of(each) for each in both]
        async with client.stream("POST", "/v1/messages", json=question("streamed") | {"stream": True}) as response:
            seen.append([line async for line in response.aiter_lines()])
        seen.append(of(await client.post("/v1/messages", json=question("overloaded"))))
        return seen


def respond(asked: ReceivedRequest) -> Any:
    if asked.path.endswith("count_tokens"):
        return reply(asked, message(text("x")))
    words = asked.json()["messages"][-1]["content"]
    if words == "overloaded":
        return error(529, "overloaded_error", "too much")
    if words == "dropped":
        return dropped()
    answer = reply(asked, message(text(f"re: {words}"), delay_s=0.01))
    return cut(answer, 3) if words == "cut" else answer


def test_whatever_is_seen_is_seen_again(recording: None, library: Any) -> None:
    seen, run = same_in_replay(lambda url: sync_ways(library, url), respond, times=2)
    assert seen[0][2]["content"] == [{"type": "text", "text": "re: plain"}]
    calls = spans(run, "llm")
    assert [call.attributes.get(semconv.OUTCOME) for call in calls] == [None] * 4 + ["closed", None, None, None]
    assert [call.failure and call.failure.type for call in calls[5:]] == [
        "overloaded_error",
        "connection_error",
        "connection_error",
    ]
    first = calls[0]
    assert first.name == f"chat {MODEL}"
    wanted = {
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "anthropic",
        semconv.REQUEST_MODEL: MODEL,
        semconv.RESPONSE_MODEL: MODEL,
        semconv.HTTP_STATUS: 200,
        semconv.STOP_REASON: "end_turn",
    }
    assert {name: first.attributes.get(name) for name in wanted} == wanted
    assert first.attributes[semconv.INPUT_TOKENS] == seen[0][2]["usage"]["input_tokens"]
    assert first.attributes[semconv.OUTPUT_TOKENS] == seen[0][2]["usage"]["output_tokens"]
    assert calls[3].attributes[semconv.OUTPUT_TOKENS] > 0
    assert calls[3].attributes[semconv.REQUEST_STREAM] is True
    # The count of tokens is no call, and makes none.
    assert [span.name for span in spans(run, "span")] == ["POST /v1/messages/count_tokens"]
    kept = [name.lower() for exchange in exchanges(run) for name in exchange.request.headers]
    assert set(kept) <= {"content-type", "anthropic-version", "anthropic-beta"}
    assert run.unrecorded == ()


def test_whatever_an_async_client_sees_is_seen_again(recording: None, library: Any) -> None:
    seen, run = same_in_replay(lambda url: asyncio.run(async_ways(library, url)), respond, times=2)
    assert [each[2]["content"][0]["text"] for each in seen[:2]] == ["re: one", "re: two"]
    assert len(spans(run, "llm")) == 4


def test_a_call_of_the_sdk_is_recorded_once(recording: None) -> None:
    """Record SDK calls once with a client of httpx2, and with the transport of aiohttp."""

    def program(url: str) -> list[str]:
        with sync_client(url, http_client=httpx2.Client()) as client:
            own = client.messages.create(**question("own"))
            with client.messages.stream(**question("stream")) as stream:
                streamed = stream.get_final_message()

        async def other() -> Any:
            async with async_client(url, http_client=anthropic.DefaultAioHttpClient()) as client:
                return await client.messages.create(**question("aiohttp"))

        answers: list[Any] = [own, streamed, asyncio.run(other())]
        return [each.content[0].text for each in answers]

    seen, run = record(program, echo())
    assert seen == ["re: own", "re: stream", "re: aiohttp"]
    assert [span.name for span in spans(run, "llm")] == [f"chat {MODEL}"] * 3
    assert len(spans(run, "attempt")) == 3


def test_what_is_no_call_is_left_alone(recording: None, library: Any) -> None:
    """Another service with such a path, a list of models: they are neither recorded, nor counted, nor answered."""

    def program(url: str) -> list[int]:
        with library.Client(base_url=url) as client:
            return [
                client.post("/v1/messages", json={"to": "+1", "text": "hi"}).status_code,
                client.get("/v1/models", headers=HEAD).status_code,
                client.post("/other", json=question()).status_code,
            ]

    with ScriptedClaude(lambda asked: error(418, "teapot", "no Claude")) as other, tracekit.run("it"):
        assert program(other.url) == [418] * 3
    assert recordings() == []


def test_what_is_asked_in_another_form_is_counted(recording: None, library: Any) -> None:
    with ScriptedClaude(lambda asked: error(418, "teapot", "no Claude")) as claude, tracekit.run("it"):
        library.post(f"{claude.url}/model/us.anthropic.claude-sonnet-5/converse", json={})
        with tracekit.agent("lead"):
            pass
    (missed,) = the_run().unrecorded
    assert (missed.caller, missed.host) == (library.__name__, claude.url.removeprefix("http://"))


@pytest.mark.parametrize(
    ("path", "provider"),
    [
        (f"/v1/projects/p/locations/l/publishers/anthropic/models/{MODEL}:rawPredict", "gcp.vertex_ai"),
        (f"/model/{MODEL}/invoke", "aws.bedrock"),
    ],
)
def test_the_platforms_of_others(recording: None, library: Any, path: str, provider: str) -> None:
    """There the model stands in the address."""
    body = {name: value for name, value in question("x").items() if name != "model"}
    _, run = same_in_replay(lambda url: library.post(url + path, json=body).json()["content"], echo())
    call = the_span(run, "llm")
    assert call.attributes[semconv.REQUEST_MODEL] == MODEL
    assert call.attributes[semconv.PROVIDER_NAME] == provider


def test_a_stream_that_ends_too_early_is_incomplete(recording: None, library: Any) -> None:
    def program(url: str) -> str:
        with library.stream("POST", f"{url}/v1/messages", json=question() | {"stream": True}) as response:
            return str(response.read())

    _, run = same_in_replay(program, lambda asked: early_end(reply(asked, message(text("re: "))), 3))
    assert the_span(run, "llm").failure == Failure("incomplete")


def test_a_request_that_was_not_recorded_diverges(recording: None, library: Any) -> None:
    def program(words: str) -> Any:
        return lambda url: library.post(f"{url}/v1/messages", json=question(words), headers=HEAD).json()

    _, run = record(program("one"), echo())
    with pytest.raises(ReplayDivergence, match="two"):
        play(run, program("two"))


def test_hooks_of_the_client_run_in_a_replay_too(recording: None, library: Any) -> None:
    def raising(response: Any) -> None:
        response.raise_for_status()

    def program(url: str) -> str:
        with library.Client(event_hooks={"response": [raising]}) as client:
            try:
                client.post(f"{url}/v1/messages", json=question("overloaded"))
            except library.HTTPStatusError as failure:
                return str(failure.response.status_code)
        return ""

    seen, run = record(program, respond)
    again, _ = play(run, program)
    assert seen == again == "529"


def test_the_calls_of_one_conversation_are_one_agent(recording: None, library: Any) -> None:
    """The tree is inferred from the exchanges, as it is for the SDK's."""
    with ScriptedClaude(echo()) as claude, tracekit.run("it"):
        first = library.post(f"{claude.url}/v1/messages", json=question("a")).json()
        asked = question("a")
        asked["messages"] += [{"role": "assistant", "content": first["content"]}, {"role": "user", "content": "b"}]
        library.post(f"{claude.url}/v1/messages", json=asked)
    from tracekit.analysis.structure import structure

    (lead,) = structure(the_run()).root.children
    assert [lead.kind, *(child.kind for child in lead.children)] == ["agent", "turn", "turn"]


def test_an_applications_own_provider_gets_the_span(
    recording: None, library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless a span of another instrumentation stands for the call already: nothing may be counted twice."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(otel_trace, "_TRACER_PROVIDER", provider)
    tracer = provider.get_tracer("theirs")
    with ScriptedClaude(respond) as claude, tracekit.run("it"):
        library.post(f"{claude.url}/v1/messages", json=question("a"))
        library.post(f"{claude.url}/v1/messages", json=question("overloaded"))
        with tracer.start_as_current_span("chat theirs", attributes={semconv.OPERATION_NAME: "chat"}):
            library.post(f"{claude.url}/v1/messages", json=question("b"))
    told = {span.name: span for span in exporter.get_finished_spans()}
    names = [span.name for span in exporter.get_finished_spans()]
    assert dict(told[f"chat {MODEL}"].attributes or {})[semconv.ERROR_TYPE] == "overloaded_error"
    assert names.count(f"chat {MODEL}") == 2
    assert len(spans(the_run(), "llm")) == 3


def test_spans_of_the_transport_stand_under_the_call(recording: None, library: Any) -> None:
    class Transport(library.BaseTransport):  # type: ignore[misc]
        def handle_request(self, request: Any) -> Any:
            with tracekit.tool("inside"):
                return library.Response(200, json={"type": "message", "content": [], "usage": {}})

    with tracekit.run("it"), library.Client(transport=Transport()) as client:
        client.post("http://localhost/v1/messages", json=question())
    assert tree(the_run())[1] == f"  llm chat {MODEL}"
    assert "    tool execute_tool inside" in tree(the_run())
