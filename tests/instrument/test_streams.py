"""Streams that break, end early, stall, are left, dropped or cancelled: what is recorded, and that nobody notices."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anthropic
import pytest
import trio

import tracekit
from tests.support.calling import ANSWER, QUESTION, USAGE, Way, asynchronous, call, client_of, streaming, sync_and_async
from tests.support.recording import assert_closed, exchanges, recordings, spans, the_run, the_span
from tracekit.demo.claude import (
    ScriptedClaude,
    ScriptedResponse,
    cut,
    early_end,
    error,
    message,
    reply,
    sse_error,
    stalled,
    stream,
    text,
)
from tracekit.model.messages import answer_of
from tracekit.model.recording import RecordedSpan

STREAM = stream(ANSWER)
BEGUN = b"".join(chunk for _, chunk in (STREAM.chunks or ())[:5])
BARE_SEES_NO_END = ("create_stream", "raw_response_stream", "streaming_response_events", "beta_create_stream")


def compare(way: Way, answer: ScriptedResponse, **options: Any) -> Any:
    """Return the parts of `answer` that the application sees, which are the same with and without tracekit."""
    with ScriptedClaude(lambda _: answer) as claude:
        bare = call(way, client_of(way, claude.url, **options))
        tracekit.init()
        assert call(way, client_of(way, claude.url, **options)) == bare
    return bare


def ended() -> tuple[RecordedSpan, RecordedSpan]:
    """The call and its one attempt, both over."""
    run = the_run()
    assert_closed(run)
    return the_span(run, "llm"), the_span(run, "attempt")


def how(span: RecordedSpan) -> tuple[str, str | None, str | None]:
    """The status, the failure's type and the outcome of a span."""
    return span.status, span.failure.type if span.failure else None, span.attributes.get("tracekit.outcome")


def assert_partial_usage(llm: RecordedSpan) -> None:
    """The record has the final values of `message_start`, and none of its placeholders."""
    assert llm.attributes["gen_ai.usage.input_tokens"] == 50
    assert "gen_ai.usage.output_tokens" not in llm.attributes
    assert "anthropic.message.stop_reason" not in llm.attributes


@streaming()
def test_connection_is_cut(way: Way, home: Path) -> None:
    bare = compare(way, cut(STREAM, after=5))
    assert bare.raised[0][0] == "RemoteProtocolError"
    llm, attempt = ended()
    assert how(llm) == ("error", "connection_error", None)
    assert how(attempt) == ("error", "RemoteProtocolError", None)
    assert_partial_usage(llm)
    assert exchanges(the_run())[0].body == BEGUN


@pytest.mark.parametrize("content_type", ["Text/Event-Stream", "application/octet-stream", "application/json", ""])
@streaming()
def test_a_stream_is_a_stream_by_its_bytes(way: Way, content_type: str, home: Path) -> None:
    compare(way, replace(STREAM, headers={"content-type": content_type}))
    llm, attempt = ended()
    assert (how(llm), how(attempt)) == (("ok", None, None), ("ok", None, None))
    assert {name: llm.attributes.get(name) for name in USAGE} == USAGE
    (exchange,) = exchanges(the_run())
    answer = answer_of(exchange.body, exchange.headers["content-type"]).message
    assert answer is not None
    assert answer["content"][0]["text"] == '{"city": "Zürich"}'


@streaming()
def test_error_event(way: Way, home: Path) -> None:
    bare = compare(way, sse_error(STREAM, after=5))
    assert bool(bare.raised) == (way.name != "streaming_response_lines")
    llm, attempt = ended()
    assert how(llm) == ("error", "overloaded_error", None)
    assert how(attempt) == ("error", "overloaded_error", None)
    assert_partial_usage(llm)
    assert exchanges(the_run())[0].body.startswith(BEGUN + b"event: error\n")


@streaming()
def test_clean_early_end(way: Way, home: Path) -> None:
    bare = compare(way, early_end(STREAM, after=5))
    if way.name in BARE_SEES_NO_END:
        assert not bare.raised
    llm, attempt = ended()
    assert how(llm) == ("error", "incomplete", "incomplete")
    assert how(attempt) == ("error", "incomplete", "incomplete")
    assert_partial_usage(llm)
    assert exchanges(the_run())[0].body == BEGUN


@streaming()
def test_end_before_any_event(way: Way, home: Path) -> None:
    compare(way, early_end(STREAM, after=0))
    llm, attempt = ended()
    assert how(llm) == ("error", "incomplete", "incomplete")
    assert how(attempt) == ("error", "incomplete", "incomplete")
    assert exchanges(the_run())[0].body == b""


@streaming()
def test_half_an_event(way: Way, home: Path) -> None:
    half = replace(STREAM, chunks=(*(STREAM.chunks or ())[:5], (0.0, b"event: content_block_d")), fault="cut")
    compare(way, half)
    llm, _ = ended()
    assert how(llm) == ("error", "connection_error", None)
    assert exchanges(the_run())[0].body == BEGUN + b"event: content_block_d"


@streaming()
def test_silence_in_the_middle(way: Way, home: Path) -> None:
    # Long enough for the beginning of the answer on a busy machine, which a retry would follow.
    bare = compare(way, stalled(STREAM, after=5), timeout=2.0)
    assert bare.raised[0][0] == "ReadTimeout"
    llm, attempt = ended()
    assert how(llm) == ("error", "client_timeout_error", None)
    assert how(attempt) == ("error", "ReadTimeout", None)
    assert_partial_usage(llm)


@sync_and_async("create", "streaming_response", "post", "parse")
def test_plain_answer_is_cut(way: Way, home: Path) -> None:
    compare(way, cut(ANSWER, after=30), max_retries=0)
    llm, attempt = ended()
    assert how(llm) == ("error", "connection_error", None)
    assert how(attempt) == ("error", "RemoteProtocolError", None)


@sync_and_async("create", "streaming_response", "post", "raw_response")
def test_answer_that_is_no_json(way: Way, home: Path) -> None:
    compare(way, ScriptedResponse(headers={"content-type": "text/html"}, body=b"<html>no model here</html>"))
    llm, attempt = ended()
    assert how(attempt) == ("ok", None, None)
    assert llm.status == "ok" or way.name != "streaming_response"
    assert exchanges(the_run())[0].body == b"<html>no model here</html>"


@streaming()
def test_event_that_is_no_json(way: Way, home: Path) -> None:
    broken = replace(STREAM, chunks=(*(STREAM.chunks or ())[:5], (0.0, b"event: content_block_delta\ndata: {no\n\n")))
    bare = compare(way, broken)
    llm, attempt = ended()
    if way.name == "post_stream":
        # Without a span of the SDK's nobody tells that it could not parse what it read.
        assert how(llm) == ("ok", None, "closed")
    elif bare.raised:
        assert how(llm) == ("error", "client_error", "closed")
        assert how(attempt) == ("ok", None, "closed")
    else:
        assert how(llm) == ("error", "incomplete", "incomplete")


# ── the application leaves ───────────────────────────────────────────────────────────────────────────────────────────

SLOW = stream(message(text("one two three four five six")), gap_s=0.02)


@contextmanager
def slow_claude(**options: Any) -> Iterator[anthropic.Anthropic]:
    with ScriptedClaude(lambda _: SLOW) as claude:
        client = anthropic.Anthropic(base_url=claude.url, api_key="key", **options)
        yield client
        client.close()


def left(function: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("leave", function, ids=lambda each: each.__name__)


def broken_off_create(client: Any) -> None:
    for event in client.messages.create(**QUESTION, stream=True):
        if event.type == "content_block_delta":
            break


def broken_off_helper(client: Any) -> None:
    with client.messages.stream(**QUESTION) as events:
        for event in events:
            if event.type == "content_block_delta":
                break


def broken_off_beta_helper(client: Any) -> None:
    with client.beta.messages.stream(**QUESTION) as events:
        next(iter(events.text_stream))


def broken_off_lines(client: Any) -> None:
    with client.messages.with_streaming_response.create(**QUESTION, stream=True) as response:
        for line in response.iter_lines():
            if "content_block_delta" in line:
                break


def broken_off_raw(client: Any) -> None:
    for event in client.messages.with_raw_response.create(**QUESTION, stream=True).parse():
        if event.type == "content_block_delta":
            break


def closed_in_a_with(client: Any) -> None:
    with client.messages.create(**QUESTION, stream=True) as events:
        next(events)


def closed_unread(client: Any) -> None:
    client.messages.create(**QUESTION, stream=True).close()


@left(
    [
        broken_off_create,
        broken_off_helper,
        broken_off_beta_helper,
        broken_off_lines,
        broken_off_raw,
        closed_in_a_with,
        closed_unread,
    ]
)
def test_left(leave: Callable[[Any], None], recording: Path) -> None:
    with slow_claude() as client:
        leave(client)
    llm, attempt = ended()
    assert how(llm) == how(attempt) == ("ok", None, "closed")
    if leave is not closed_unread:
        assert llm.attributes["gen_ai.usage.input_tokens"] > 0
    assert "gen_ai.usage.output_tokens" not in llm.attributes
    whole = b"".join(chunk for _, chunk in SLOW.chunks or ())
    assert whole.startswith(exchanges(the_run())[0].body)


def test_dropped_unread(recording: Path) -> None:
    with slow_claude() as client:
        events = client.messages.create(**QUESTION, stream=True)
        del events
        gc.collect()
        llm, attempt = ended()
    assert how(llm) == how(attempt) == ("ok", None, "abandoned")


def test_raised_out_of(recording: Path) -> None:
    def read(client: Any) -> None:
        with client.messages.stream(**QUESTION) as events:
            for _ in events:
                raise LookupError("the application's own")

    with slow_claude() as client, pytest.raises(LookupError):
        read(client)
    llm, attempt = ended()
    assert how(llm) == how(attempt) == ("ok", None, "closed")


# ── async: left, dropped, cancelled ──────────────────────────────────────────────────────────────────────────────────


def run_async(main: Callable[[anthropic.AsyncAnthropic], Awaitable[None]], answer: ScriptedResponse = SLOW) -> None:
    async def whole(url: str) -> None:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="key") as client:
            await main(client)

    with ScriptedClaude(lambda asked: reply(asked, answer)) as claude:
        asyncio.run(whole(claude.url))


async def a_broken_off_create(client: Any) -> None:
    async for event in await client.messages.create(**QUESTION, stream=True):
        if event.type == "content_block_delta":
            break


async def a_broken_off_helper(client: Any) -> None:
    async with client.messages.stream(**QUESTION) as events:
        async for event in events:
            if event.type == "content_block_delta":
                break


async def a_broken_off_lines(client: Any) -> None:
    async with client.messages.with_streaming_response.create(**QUESTION, stream=True) as response:
        async for line in response.iter_lines():
            if "content_block_delta" in line:
                break


async def a_closed_in_a_with(client: Any) -> None:
    async with await client.messages.create(**QUESTION, stream=True) as events:
        await anext(events)


async def a_closed_unread(client: Any) -> None:
    await (await client.messages.create(**QUESTION, stream=True)).close()


@left([a_broken_off_create, a_broken_off_helper, a_broken_off_lines, a_closed_in_a_with, a_closed_unread])
def test_left_async(leave: Callable[[Any], Awaitable[None]], recording: Path) -> None:
    run_async(leave)
    llm, attempt = ended()
    assert how(llm) == how(attempt) == ("ok", None, "closed")


def test_dropped_unread_async(recording: Path) -> None:
    async def main(client: Any) -> None:
        events = await client.messages.create(**QUESTION, stream=True)
        del events
        gc.collect()

    run_async(main)
    llm, attempt = ended()
    assert how(llm) == how(attempt) == ("ok", None, "abandoned")


def is_sent() -> bool:
    return any(spans(run, "attempt") for run in recordings())


def is_read() -> bool:
    return any(b"message_start" in exchange.body for run in recordings() for exchange in exchanges(run))


def is_refused() -> bool:
    return any(attempt.status == "error" for run in recordings() for attempt in spans(run, "attempt"))


async def cancel_once(reached: Callable[[], bool], doing: Awaitable[Any]) -> None:
    """Cancel `doing` a little after the record has `reached` a step."""
    task = asyncio.ensure_future(doing)
    while not reached():  # noqa: ASYNC110  the journal has no event to wait for
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError):
        await task


async def read_all(client: Any) -> None:
    async for _ in await client.messages.create(**QUESTION, stream=True):
        pass


async def read_helper(client: Any) -> None:
    async with client.messages.stream(**QUESTION) as events:
        await events.get_final_message()


async def read_lines(client: Any) -> None:
    async with client.messages.with_streaming_response.create(**QUESTION, stream=True) as response:
        async for _ in response.iter_lines():
            pass


@left([read_all, read_helper, read_lines])
def test_cancelled_while_reading(leave: Callable[[Any], Awaitable[None]], recording: Path) -> None:
    run_async(lambda client: cancel_once(is_read, leave(client)), stream(message(text("one two three")), gap_s=3))
    llm, attempt = ended()
    assert how(llm) == how(attempt) == ("error", "cancelled", "cancelled")
    assert llm.attributes["gen_ai.usage.input_tokens"] > 0
    assert "gen_ai.usage.output_tokens" not in llm.attributes


@asynchronous("create", "create_stream", "stream_helper", "post", "streaming_response")
def test_cancelled_before_the_head(way: Way, recording: Path) -> None:
    run_async(lambda client: cancel_once(is_sent, way.run(client, [])), replace(STREAM, delay_s=3))
    llm, attempt = ended()
    assert how(llm) == how(attempt) == ("error", "cancelled", "cancelled")


@asynchronous("create", "create_stream", "stream_helper", "post", "streaming_response")
def test_cancelled_in_the_wait(way: Way, recording: Path) -> None:
    overloaded = error(529, "overloaded_error", "Overloaded", {"retry-after": "30"})
    run_async(lambda client: cancel_once(is_refused, way.run(client, [])), overloaded)
    llm, attempt = ended()
    assert how(llm) == ("error", "cancelled", "cancelled")
    assert how(attempt)[:2] == ("error", "529")
    assert (llm.end_ns or 0) - (attempt.end_ns or 0) > 30_000_000


@pytest.mark.parametrize("answer", [SLOW, replace(STREAM, delay_s=3)], ids=["reading", "sending"])
def test_cancelled_in_trio(answer: ScriptedResponse, recording: Path) -> None:
    async def main(url: str) -> None:
        client = anthropic.AsyncAnthropic(base_url=url, api_key="key")
        with trio.move_on_after(0.08) as scope:
            await read_all(client)
        assert scope.cancelled_caught
        await client.close()

    with ScriptedClaude(lambda _: answer) as claude:
        trio.run(main, claude.url)
    llm, attempt = ended()
    assert how(llm) == how(attempt) == ("error", "cancelled", "cancelled")


def test_cancelled_in_trio_while_it_connects(recording: Path) -> None:
    """Trio raises a group of cancellations there."""

    async def main(url: str) -> None:
        client = anthropic.AsyncAnthropic(base_url=url, api_key="key")
        with trio.move_on_after(0.1) as scope:
            await read_all(client)
        assert scope.cancelled_caught
        await client.close()

    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        for _ in range(2):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        trio.run(main, f"http://127.0.0.1:{full.getsockname()[1]}")
    llm, attempt = ended()
    assert how(llm) == how(attempt) == ("error", "cancelled", "cancelled")


def test_timeout_of_the_application(recording: Path) -> None:
    async def main(client: Any) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await read_all(client)

    run_async(main, stalled(STREAM, after=3))
    llm, attempt = ended()
    assert how(llm) == how(attempt) == ("error", "cancelled", "cancelled")


def test_loop_that_ends_amid_a_stream(recording: Path) -> None:
    async def main(client: Any) -> None:
        task = asyncio.ensure_future(read_all(client))
        await asyncio.sleep(0.1)
        assert not task.done()

    run_async(main, stalled(STREAM, after=3))
    llm, attempt = ended()
    assert how(llm) == how(attempt) == ("error", "cancelled", "cancelled")


def test_interrupted_while_reading(recording: Path) -> None:
    def read(client: Any) -> None:
        for event in client.messages.create(**QUESTION, stream=True):
            if event.type == "content_block_delta":
                raise KeyboardInterrupt

    with slow_claude() as client, pytest.raises(KeyboardInterrupt):
        read(client)
    llm, attempt = ended()
    assert how(llm) == how(attempt) == ("ok", None, "closed")


def test_events_are_recorded_when_they_come(recording: Path) -> None:
    """The record has what was read so far, before the application reads on."""
    with slow_claude() as client:
        events = iter(client.messages.create(**QUESTION, stream=True))
        next(events)
        begun = exchanges(the_run())[0]
        assert begun.status == 200
        assert b"message_start" in begun.body
        assert spans(the_run(), "llm")[0].status == "open"
        for _ in events:
            pass
    pieces = exchanges(the_run())[0].pieces
    sent_for_s = sum(wait_s for wait_s, _ in (SLOW.chunks or ())[1:])
    assert pieces[-1].at_ns - pieces[0].at_ns > 0.5 * sent_for_s * 1e9, "not at the end, all at once"
