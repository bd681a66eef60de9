"""Every way to call, every fault and every client: a replay shows the program the same, without the server."""

import asyncio
import gzip
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.instrument.test_clients import AWS, CLIENTS, batches, endpoints, platform_client
from tests.instrument.test_clients import respond as respond_of_platform
from tests.support.calling import ANSWER, Way, call, client_of, in_turn, streaming, sync_and_async
from tests.support.frames import aws_frame, aws_stream
from tests.support.replays import round_trip
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedResponse,
    cut,
    dropped,
    early_end,
    error,
    reply,
    sse_error,
    stalled,
    stream,
)

STREAM = stream(ANSWER, gap_s=0.002)
OVERLOADED = error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "20"})


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anthropic._base_client, "INITIAL_RETRY_DELAY", 0.01)


def again(way: Way, *answers: ScriptedResponse, **options: Any) -> Any:
    """The parts of `answers` that the application sees, recorded and replayed."""
    return round_trip(in_turn(*answers), lambda url: call(way, client_of(way, url, **options)))[0]


@sync_and_async()
def test_every_way(way: Way, home: Path) -> None:
    assert not again(way, ANSWER).raised


@sync_and_async()
def test_overloaded_then_dropped_then_answered(way: Way, home: Path) -> None:
    assert not again(way, OVERLOADED, dropped(), ANSWER).raised


@sync_and_async("create", "create_stream", "streaming_response", "post")
def test_every_attempt_fails(way: Way, home: Path) -> None:
    assert again(way, OVERLOADED).raised[0][0] == "OverloadedError"


@sync_and_async()
def test_refused(way: Way, home: Path) -> None:
    assert again(way, error(400, "invalid_request_error", "No.")).raised[0][0] == "BadRequestError"


@sync_and_async("create", "create_stream", "stream_helper", "post", "streaming_response")
def test_timeout_before_the_head(way: Way, home: Path) -> None:
    seen = again(way, replace(ANSWER, delay_s=5), timeout=0.1, max_retries=1)
    assert seen.raised[0][0] == "APITimeoutError"


@sync_and_async("create", "stream_helper", "post")
def test_nobody_listens(way: Way, home: Path) -> None:
    seen, _ = round_trip(in_turn(ANSWER), lambda url: call(way, client_of(way, "http://127.0.0.1:9")))
    assert seen.raised[0][0] == "APIConnectionError"


BROKEN_STREAMS = {
    "cut": (cut(STREAM, after=5), {}),
    "error event": (sse_error(STREAM, after=5), {}),
    "early end": (early_end(STREAM, after=5), {}),
    "no event": (early_end(STREAM, after=0), {}),
    "half an event": (replace(STREAM, chunks=(*(STREAM.chunks or ())[:5], (0.0, b"event: con")), fault="cut"), {}),
    "silence": (stalled(STREAM, after=5), {"timeout": 0.1}),
    "no json": (replace(STREAM, chunks=(*(STREAM.chunks or ())[:5], (0.0, b"event: ping\ndata: {no\n\n"))), {}),
}


@pytest.mark.parametrize("fault", BROKEN_STREAMS)
@streaming()
def test_broken_stream(way: Way, fault: str, home: Path) -> None:
    answer, options = BROKEN_STREAMS[fault]
    round_trip(lambda _: answer, lambda url: call(way, client_of(way, url, **options)))


@pytest.mark.parametrize(
    "answer",
    [
        cut(ANSWER, after=30),
        ScriptedResponse(headers={"content-type": "text/html"}, body=b"<html>"),
        ScriptedResponse(204, {}, b""),
    ],
    ids=["cut", "no json", "empty"],
)
@sync_and_async("create", "streaming_response", "post", "raw_response", "parse")
def test_broken_answer(way: Way, answer: ScriptedResponse, home: Path) -> None:
    round_trip(lambda _: answer, lambda url: call(way, client_of(way, url, max_retries=0)))


# ── encodings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def encoded(encoding: str, compress: Callable[[bytes], bytes]) -> Callable[[ReceivedRequest], ScriptedResponse]:
    def respond(asked: ReceivedRequest) -> ScriptedResponse:
        answer = reply(asked, ANSWER)
        headers = {**answer.headers, "content-encoding": encoding}
        if answer.chunks is None:
            return replace(answer, headers=headers, body=compress(answer.body))
        packed = compress(b"".join(chunk for _, chunk in answer.chunks))
        pieces = tuple((0.0, packed[at : at + 50]) for at in range(0, len(packed), 50))
        return replace(answer, headers=headers, chunks=pieces)

    return respond


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
@sync_and_async("create", "create_stream", "streaming_response", "raw_response_stream", "streaming_response_lines")
def test_encoded_body(way: Way, encoding: str, compress: Any, home: Path) -> None:
    seen, run = round_trip(encoded(encoding, compress), lambda url: call(way, client_of(way, url)))
    assert not seen.raised
    (exchange,) = run.exchanges.values()
    assert exchange.headers["content-encoding"] == encoding


@sync_and_async("create", "raw_response", "post")
def test_body_that_is_not_what_its_encoding_says(way: Way, home: Path) -> None:
    broken = replace(ANSWER, headers={"content-encoding": "gzip"}, body=b"this is no gzip")
    round_trip(lambda _: broken, lambda url: call(way, client_of(way, url, max_retries=0)))


# ── clients ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "options"), CLIENTS, ids=[name for name, _ in CLIENTS])
@sync_and_async("create", "create_stream")
def test_every_client_class(way: Way, name: str, options: dict[str, Any], home: Path) -> None:
    _is_replayed(way, name, options)


@pytest.mark.slow  # `test_every_way` proves the ways, the test above the clients
@pytest.mark.parametrize(("name", "options"), CLIENTS, ids=[name for name, _ in CLIENTS])
@sync_and_async("stream_helper", "streaming_response_events")
def test_every_client_class_in_other_ways(way: Way, name: str, options: dict[str, Any], home: Path) -> None:
    _is_replayed(way, name, options)


def _is_replayed(way: Way, name: str, options: dict[str, Any]) -> None:
    seen, _ = round_trip(respond_of_platform, lambda url: call(way, platform_client(way, name, options, url)))
    assert not seen.raised


@sync_and_async("create_stream", "stream_helper")
def test_bedrock_stream_that_breaks(way: Way, home: Path) -> None:
    frame = aws_frame({":message-type": "exception", ":exception-type": "throttlingException"}, b'{"message": "slow"}')
    broken = replace(aws_stream(ANSWER), chunks=(*(aws_stream(ANSWER).chunks or ())[:8], (0.0, frame)))
    round_trip(lambda _: broken, lambda url: call(way, platform_client(way, "AnthropicBedrock", AWS, url)))


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_other_endpoints(is_async: bool, home: Path) -> None:
    seen, _ = round_trip(batches, lambda url: endpoints(url, is_async))
    assert len(seen) == 6


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_files_and_models(is_async: bool, home: Path) -> None:
    file = b'{"id": "file_1", "type": "file", "filename": "a.txt", "mime_type": "text/plain", "size_bytes": 3, '
    file += b'"created_at": "2026-11-22T10:00:00Z", "downloadable": true}'
    models = b'{"data": [{"id": "m%d", "type": "model", "display_name": "M", "created_at": "2026-11-22T10:00:00Z"}], '
    models += b'"has_more": %s, "first_id": "m", "last_id": "m%d"}'

    def respond(asked: ReceivedRequest) -> ScriptedResponse:
        if asked.path.endswith("/content"):
            return ScriptedResponse(headers={"content-type": "application/binary"}, body=b"\x00\xff abc")
        if "files" in asked.path:
            return ScriptedResponse(body=file)
        is_first = "after_id" not in asked.query
        return ScriptedResponse(body=models % (1 + (not is_first), b"true" if is_first else b"false", 1))

    def use(client: anthropic.Anthropic) -> list[Any]:
        made = client.beta.files.upload(file=("a.txt", b"abc", "text/plain"))
        content = client.beta.files.download(made.id).read()
        return [made.filename, content, [model.id for model in client.models.list(limit=1)]]

    async def use_async(client: anthropic.AsyncAnthropic) -> list[Any]:
        made = await client.beta.files.upload(file=("a.txt", b"abc", "text/plain"))
        content = await (await client.beta.files.download(made.id)).read()
        return [made.filename, content, [model.id async for model in client.models.list(limit=1)]]

    def program(url: str) -> list[Any]:
        if not is_async:
            with anthropic.Anthropic(base_url=url, api_key="key") as client:
                return use(client)

        async def main() -> list[Any]:
            async with anthropic.AsyncAnthropic(base_url=url, api_key="key") as client:
                return await use_async(client)

        return asyncio.run(main())

    seen, run = round_trip(respond, program)
    assert seen == ["a.txt", b"\x00\xff abc", ["m1", "m2"]]
    assert len(run.exchanges) == 4
