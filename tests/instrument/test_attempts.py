"""A call that meets an overloaded server and a dropped connection before it is answered, in every way of calling."""

import hashlib
import json
from pathlib import Path

import anthropic._base_client
import pytest

import tracekit
from tests.support.calling import ANSWER, MODEL, QUESTION, USAGE, Way, call, client_of, in_turn, sync_and_async
from tests.support.ports import free_port
from tests.support.recording import assert_closed, exchanges, spans, the_run, the_span
from tracekit.demo.claude import ScriptedClaude, dropped, error

OVERLOADED = error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "20"})


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anthropic._base_client, "INITIAL_RETRY_DELAY", 0.01)


@sync_and_async()
def test_overloaded_then_dropped_then_answered(way: Way, home: Path) -> None:
    with ScriptedClaude(in_turn(OVERLOADED, dropped(), ANSWER)) as claude:
        bare = call(way, client_of(way, claude.url))
        asked_bare = claude.asked
    with ScriptedClaude(in_turn(OVERLOADED, dropped(), ANSWER)) as claude:
        before_init = client_of(way, claude.url)
        tracekit.init()
        assert call(way, before_init) == bare
    assert bare.values
    assert not bare.raised
    sent = [(asked.body, set(asked.headers)) for asked in claude.asked]
    assert sent == [(asked.body, set(asked.headers)) for asked in asked_bare]

    run = the_run()
    assert_closed(run)
    llm = the_span(run, "llm")
    assert (llm.name, llm.status, llm.failure) == (f"chat {MODEL}", "ok", None)
    assert "tracekit.outcome" not in llm.attributes
    assert {name: llm.attributes.get(name) for name in USAGE} == USAGE
    assert llm.attributes["gen_ai.request.model"] == MODEL
    assert llm.attributes.get("gen_ai.request.stream", False) == way.streams
    assert llm.attributes["gen_ai.response.id"] == json.loads(ANSWER.body)["id"]

    first, second, third = spans(run, "attempt")
    assert {first.parent, second.parent, third.parent} == {llm.id}
    assert (first.status, first.failure and first.failure.type) == ("error", "529")
    assert first.attributes["anthropic.request.id"] == OVERLOADED.headers["request-id"]
    assert first.attributes["http.response.header.retry-after"] == "20 ms"
    assert first.attributes["http.response.status_code"] == 529
    assert first.attributes.get("tracekit.outcome", "unread") == "unread"
    assert (second.status, second.failure and second.failure.type) == ("error", "RemoteProtocolError")
    assert second.attributes["tracekit.attempt.wait_ms"] == 20
    assert "http.response.status_code" not in second.attributes
    assert (third.status, third.failure) == ("ok", None)
    assert third.attributes["tracekit.attempt.wait_ms"] == pytest.approx(17.5, abs=2.6)
    assert third.attributes["anthropic.request.id"].startswith("req_01")
    assert [span.attributes.get("http.request.resend_count") for span in (first, second, third)] == [None, 1, 2]
    assert "tracekit.attempt.wait_ms" not in first.attributes
    assert second.start_ns - (first.end_ns or 0) >= 20_000_000
    assert not any(name.startswith("gen_ai.usage") for span in (first, second, third) for name in span.attributes)

    recorded = exchanges(run)
    assert [exchange.digest for exchange in recorded] == [hashlib.sha256(a.body).hexdigest() for a in claude.asked]
    assert [exchange.request.body for exchange in recorded] == [asked.body for asked in claude.asked]
    assert [exchange.status for exchange in recorded] == [529, 0, 200]
    streamed = b"".join(chunk for _, chunk in in_turn(ANSWER)(claude.asked[-1]).chunks or ())
    assert recorded[-1].body == (streamed if way.streams else ANSWER.body)


@sync_and_async("create", "create_stream", "streaming_response", "post")
def test_every_attempt_fails(way: Way, home: Path) -> None:
    with ScriptedClaude(in_turn(OVERLOADED)) as claude:
        bare = call(way, client_of(way, claude.url))
        tracekit.init()
        assert call(way, client_of(way, claude.url)) == bare
    assert bare.raised[0][0] == "OverloadedError"
    run = the_run()
    assert_closed(run)
    llm = the_span(run, "llm")
    assert (llm.status, llm.failure and llm.failure.type) == ("error", "overloaded_error")
    assert [span.failure and span.failure.type for span in spans(run, "attempt")] == ["529"] * 3
    assert exchanges(run)[-1].body == OVERLOADED.body
    assert not any(name.startswith("gen_ai.usage") for name in llm.attributes)


@sync_and_async()
def test_refused_request(way: Way, home: Path) -> None:
    refused = error(400, "invalid_request_error", "messages: at least one message is required")
    with ScriptedClaude(in_turn(refused)) as claude:
        bare = call(way, client_of(way, claude.url))
        tracekit.init()
        assert call(way, client_of(way, claude.url)) == bare
    assert bare.raised[0][0] == "BadRequestError"
    run = the_run()
    assert_closed(run)
    llm, attempt = the_span(run, "llm"), the_span(run, "attempt")
    assert (llm.status, llm.failure and llm.failure.type) == ("error", "invalid_request_error")
    assert (attempt.failure and attempt.failure.type, attempt.failure and attempt.failure.message) == (
        "400",
        "invalid_request_error",
    )
    assert "tracekit.outcome" not in attempt.attributes
    assert exchanges(run)[0].body == refused.body


@sync_and_async("create", "create_stream", "stream_helper", "post", "streaming_response")
def test_timeout_before_the_head(way: Way, home: Path) -> None:
    late = in_turn(ANSWER.__class__(body=ANSWER.body, delay_s=5))
    with ScriptedClaude(late) as claude:
        bare = call(way, client_of(way, claude.url, timeout=0.1, max_retries=1))
        tracekit.init()
        assert call(way, client_of(way, claude.url, timeout=0.1, max_retries=1)) == bare
    assert bare.raised[0][0] == "APITimeoutError"
    run = the_run()
    assert_closed(run)
    llm = the_span(run, "llm")
    assert (llm.status, llm.failure and llm.failure.type) == ("error", "client_timeout_error")
    assert [span.failure and span.failure.type for span in spans(run, "attempt")] == ["ReadTimeout"] * 2


@sync_and_async("create", "stream_helper", "post")
def test_nobody_listens(way: Way, home: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    bare = call(way, client_of(way, url))
    tracekit.init()
    assert call(way, client_of(way, url)) == bare
    run = the_run()
    assert_closed(run)
    llm = the_span(run, "llm")
    assert llm.failure is not None
    assert llm.failure.type == "connection_error"
    assert [span.failure and span.failure.type for span in spans(run, "attempt")] == ["ConnectError"] * 3


def test_request_that_is_never_sent(recording: Path) -> None:
    client = anthropic.Anthropic(base_url="http://127.0.0.1:9", api_key="key")
    with pytest.raises(ValueError, match="Streaming is required"):
        client.messages.create(**{**QUESTION, "max_tokens": 1_000_000})
    client.close()
