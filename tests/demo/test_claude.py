import asyncio
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import httpx2
import pytest

from tests.support.waiting import eventually
from tracekit.demo.claude import (
    ReceivedRequest,
    Respond,
    ScriptedClaude,
    ScriptedResponse,
    count_tokens,
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
    thinking,
    tool_use,
)

MODEL = "claude-sonnet-5"
ANSWER = message(
    thinking("Two files, so two calls. "),
    text(" I look at both files.\n\nNaïve, but fast: ✓ "),
    tool_use("read_file", {"path": "shop/cart.py", "lines": [1, 40], "note": "Größe"}),
    tool_use("list_files", {}),
    model=MODEL,
)


def client(claude: ScriptedClaude, **options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=claude.url, api_key="key", **{"max_retries": 0, **options})


def ask(client: anthropic.Anthropic, words: str = "Look.") -> anthropic.types.Message:
    return client.messages.create(model=MODEL, max_tokens=100, messages=[{"role": "user", "content": words}])


def events(client: anthropic.Anthropic) -> anthropic.Stream[anthropic.types.RawMessageStreamEvent]:
    return client.messages.create(
        model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "Look."}], stream=True
    )


def read(client: anthropic.Anthropic, into: list[str]) -> None:
    """Read a stream and keep the types of its events, also when it breaks."""
    into.extend(event.type for event in events(client))


def always(answer: ScriptedResponse) -> Respond:
    return lambda asked: reply(asked, answer)


def in_turn(*answers: ScriptedResponse) -> Respond:
    return lambda asked: reply(asked, answers[asked.number])


def test_plain_message_arrives_as_it_was_made() -> None:
    with ScriptedClaude(always(ANSWER)) as claude, client(claude) as sdk:
        got = ask(sdk)
    assert json.loads(ANSWER.body) == got.to_dict()
    assert got.stop_reason == "tool_use"
    assert got._request_id
    assert got._request_id.startswith("req_")


def test_request_is_noted() -> None:
    with ScriptedClaude(always(ANSWER)) as claude, client(claude) as sdk:
        before_ns = time.monotonic_ns()
        ask(sdk)
        sdk.post("/v1/messages?beta=true", body={}, cast_to=object)
    first, second = claude.asked
    assert (first.number, first.method, first.path, first.query) == (0, "POST", "/v1/messages", "")
    assert first.json()["messages"] == [{"role": "user", "content": "Look."}]
    assert first.headers["x-stainless-retry-count"] == "0"
    assert not first.streams
    assert before_ns < first.at_ns < second.at_ns < time.monotonic_ns()
    assert second.query == "beta=true"


def test_usage_is_derived_and_merged() -> None:
    usage = json.loads(message(text("word " * 40), usage={"cache_creation_input_tokens": 7}).body)["usage"]
    assert 40 < usage["output_tokens"] < 80
    assert usage["input_tokens"] > 0
    assert usage["cache_read_input_tokens"] == 0
    assert usage["cache_creation"] == {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 0}
    assert usage["service_tier"] == "standard"
    assert "output_tokens_details" not in usage
    assert json.loads(ANSWER.body)["usage"]["output_tokens_details"]["thinking_tokens"] > 0


def test_ids_are_the_same_in_every_run_and_differ_by_request() -> None:
    def ids() -> list[str | None]:
        with ScriptedClaude(always(ANSWER)) as claude, client(claude) as sdk:
            return [ask(sdk, words)._request_id for words in ("Look.", "Look.", "Again.")]

    first = ids()
    assert first == ids()
    assert len(set(first)) == 3


def test_streamed_message_equals_the_plain_one() -> None:
    with ScriptedClaude(always(ANSWER)) as claude, client(claude) as sdk:
        with sdk.messages.stream(
            model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "Look."}]
        ) as streaming:
            seen = [event.type for event in streaming]
            streamed = streaming.get_final_message()
        plain = ask(sdk)
    assert streamed.to_dict(exclude_none=True) == plain.to_dict(exclude_none=True)
    assert seen.count("text") > 8
    assert seen[-1] == "message_stop"


def test_stream_looks_like_the_api() -> None:
    chunks = [chunk for _, chunk in stream(ANSWER).chunks or ()]
    whole = b"".join(chunks)
    assert chunks[0].startswith(b'event: message_start\ndata: {"type":"message_start","message":{"model":')
    assert b'"content":[],"stop_reason":null' in chunks[0]
    assert b'"output_tokens":1,' in chunks[0]
    assert chunks[2] == b'event: ping\ndata: {"type": "ping"}\n\n'
    assert b'{"type":"input_json_delta","partial_json":""}' in whole
    assert "Naïve".encode() in whole
    assert b'"delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":' in chunks[-2]
    assert all(chunk.endswith(b"}\n\n") for chunk in chunks)
    padding = {len(chunk) - len(chunk.rstrip(b"}\n").rstrip(b" ")) for chunk in chunks}
    assert len(padding) > 5
    assert stream(ANSWER) == stream(ANSWER)
    assert not any(b" }\n" in chunk for _, chunk in stream(ANSWER, pad=False).chunks or ())


def test_stream_arrives_piece_by_piece() -> None:
    with ScriptedClaude(lambda _: stream(message(text("one two three")), gap_s=0.05, first_s=0.1)) as claude:
        begin = time.monotonic()
        with client(claude) as sdk:
            arrived = [(event.type, time.monotonic() - begin) for event in events(sdk)]
    assert [name for name, _ in arrived].count("content_block_delta") == 3
    assert all(at >= 0.1 + 0.05 * number for number, (_, at) in enumerate(arrived)), arrived


def test_async_client() -> None:
    async def main(url: str) -> tuple[str, str]:
        question: Any = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "Look."}]}
        async with anthropic.AsyncAnthropic(base_url=url, api_key="key", max_retries=0) as sdk:
            plain: anthropic.types.Message = await sdk.messages.create(**question)
            async with sdk.messages.stream(**question) as streaming:
                streamed = await streaming.get_final_message()
        return plain.to_json(exclude_none=True), streamed.to_json(exclude_none=True)

    with ScriptedClaude(always(ANSWER)) as claude:
        plain, streamed = asyncio.run(main(claude.url))
    assert json.loads(plain) == json.loads(streamed)


def test_overloaded_is_retried() -> None:
    overloaded = error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "20"})
    with ScriptedClaude(in_turn(overloaded, overloaded, ANSWER)) as claude, client(claude, max_retries=2) as sdk:
        assert ask(sdk).stop_reason == "tool_use"
    assert [asked.headers["x-stainless-retry-count"] for asked in claude.asked] == ["0", "1", "2"]


def test_error_has_the_envelope_of_the_api() -> None:
    with (
        ScriptedClaude(always(error(529, "overloaded_error", "Overloaded"))) as claude,
        client(claude) as sdk,
        pytest.raises(anthropic.APIStatusError) as caught,
    ):
        ask(sdk)
    assert caught.value.status_code == 529
    assert caught.value.type == "overloaded_error"
    assert isinstance(caught.value.body, dict)
    assert caught.value.request_id == caught.value.body["request_id"]


def test_dropped_connection_is_retried() -> None:
    with ScriptedClaude(in_turn(dropped(), ANSWER)) as claude, client(claude, max_retries=1) as sdk:
        assert ask(sdk).stop_reason == "tool_use"
    assert len(claude.asked) == 2


def test_dropped_connection_without_retries() -> None:
    with (
        ScriptedClaude(always(dropped())) as claude,
        client(claude) as sdk,
        pytest.raises(anthropic.APIConnectionError) as caught,
    ):
        ask(sdk)
    assert isinstance(caught.value.__cause__, httpx2.RemoteProtocolError)


def test_cut_stream_breaks_after_its_events() -> None:
    seen: list[str] = []
    with (
        ScriptedClaude(lambda _: cut(stream(ANSWER), after=5)) as claude,
        client(claude) as sdk,
        pytest.raises(httpx2.RemoteProtocolError),
    ):
        read(sdk, into=seen)
    # The SDK passes over the ping.
    assert seen == ["message_start", "content_block_start", "content_block_delta", "content_block_delta"]


def test_cut_plain_answer_is_retried() -> None:
    with ScriptedClaude(in_turn(cut(ANSWER, after=20), ANSWER)) as claude, client(claude, max_retries=1) as sdk:
        assert ask(sdk).stop_reason == "tool_use"
    assert len(claude.asked) == 2


def test_early_end_is_no_exception() -> None:
    with ScriptedClaude(lambda _: early_end(stream(ANSWER), after=5)) as claude, client(claude) as sdk:
        seen = [event.type for event in events(sdk)]
        assert len(seen) == 4
        assert len(list(events(sdk))) == 4
    assert seen[-1] == "content_block_delta"


def test_error_event_amid_a_stream() -> None:
    seen: list[str] = []
    with (
        ScriptedClaude(lambda _: sse_error(stream(ANSWER), after=5)) as claude,
        client(claude) as sdk,
        pytest.raises(anthropic.APIStatusError) as caught,
    ):
        read(sdk, into=seen)
    assert len(seen) == 4
    assert caught.value.type == "overloaded_error"
    assert caught.value.status_code == 200


def test_stalled_stream_times_out() -> None:
    seen: list[str] = []
    with (
        ScriptedClaude(lambda _: stalled(stream(ANSWER), after=5)) as claude,
        client(claude, timeout=1) as sdk,
        pytest.raises(httpx2.ReadTimeout),
    ):
        read(sdk, into=seen)
    assert len(seen) == 4


def test_slow_answer_times_out() -> None:
    with (
        ScriptedClaude(always(message(text("late"), delay_s=20))) as claude,
        client(claude, timeout=0.2) as sdk,
        pytest.raises(anthropic.APITimeoutError),
    ):
        ask(sdk)


def test_count_tokens() -> None:
    with ScriptedClaude(always(count_tokens(42))) as claude, client(claude) as sdk:
        counted = sdk.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "Look."}])
    assert counted.input_tokens == 42
    assert claude.asked[0].path == "/v1/messages/count_tokens"


def test_script_that_raises_is_told_to_the_client() -> None:
    def respond(_: ReceivedRequest) -> ScriptedResponse:
        raise LookupError("no such scene")

    with (
        ScriptedClaude(respond) as claude,
        client(claude, max_retries=2) as sdk,
        pytest.raises(anthropic.InternalServerError, match="no such scene"),
    ):
        ask(sdk)
    assert len(claude.asked) == 1


def test_connection_is_kept_alive() -> None:
    body = b'{"stream":false}'
    head = b"POST /v1/messages HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % len(body)
    with (
        ScriptedClaude(lambda asked: message(text("x" * (asked.number + 1)))) as claude,
        socket.create_connection(("127.0.0.1", int(claude.url.rpartition(":")[2]))) as connection,
    ):
        for number in range(3):
            connection.sendall(head + body)
            wanted = message(text("x" * (number + 1))).body
            got = b""
            while not got.endswith(wanted):
                got += connection.recv(65536)
    assert len(claude.asked) == 3


def test_eight_streams_at_once() -> None:
    answer = stream(message(text("word " * 50)), gap_s=0.02)
    wanted_s = 0.02 * (len(answer.chunks or ()) - 1)
    together = threading.Barrier(8)

    def one(sdk: anthropic.Anthropic) -> float:
        together.wait()
        begin = time.monotonic()
        assert sum(event.type == "content_block_delta" for event in events(sdk)) == 51
        return time.monotonic() - begin

    with ScriptedClaude(lambda _: answer) as claude, client(claude) as sdk, ThreadPoolExecutor(8) as pool:
        took = list(pool.map(one, [sdk] * 8))
    assert claude.most_at_once == 8
    assert [asked.number for asked in claude.asked] == list(range(8))
    assert all(each >= wanted_s for each in took)


def test_most_at_once_counts_what_overlaps() -> None:
    with ScriptedClaude(always(message(text("so")))) as claude, client(claude) as sdk:
        ask(sdk)
        ask(sdk)
    assert claude.most_at_once == 1


@pytest.mark.parametrize(
    "answer", [message(text("late"), delay_s=600), stalled(stream(ANSWER), after=3)], ids=["delayed", "stalled"]
)
def test_stop_waits_for_no_open_connection(answer: ScriptedResponse, capfd: pytest.CaptureFixture[str]) -> None:
    claude = ScriptedClaude(always(answer))
    claude.start()
    with client(claude) as sdk, ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(read, sdk, []) for _ in range(3)]
        eventually(lambda: claude.most_at_once == 3)
        claude.stop()
        failures = [future.exception() for future in waiting]
    assert all(isinstance(failure, (anthropic.APIConnectionError, httpx2.HTTPError)) for failure in failures)
    assert capfd.readouterr().err == ""


def test_stop_twice_and_without_start() -> None:
    claude = ScriptedClaude(always(ANSWER))
    claude.stop()
    claude.stop()


def test_client_that_leaves_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    with ScriptedClaude(lambda _: stream(message(text("word " * 500)), gap_s=0.001)) as claude, client(claude) as sdk:
        with events(sdk) as streaming:
            next(iter(streaming))
        assert len(list(events(sdk))) > 500
    assert capfd.readouterr().err == ""
