"""Spans with values that no instrumentation should send: the run is there, and each call counts once."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.sources.otlp.test_dialects import MODEL, SDK, agent, chat, tool
from tests.sources.transcripts import imported, nodes, runs
from tests.support.foreign import at, listening, outline, posted, request, run_of, span
from tracekit import semconv
from tracekit.errors import SourceError
from tracekit.sources.otlp.receiver.http import decompressed

LLMETRY = "opentelemetry.instrumentation.anthropic"


def test_the_counts_of_a_stream_are_the_sdks(home: Path, tmp_path: Path) -> None:
    told = {"gen_ai.response.id": "m1"}
    run = run_of(
        tmp_path,
        span(1, 0, "lead", 0, 9, agent("lead")),
        span(2, 1, "anthropic.chat", 1, 2, chat(10, 0), scope=LLMETRY),
        span(3, 2, "anthropic.messages.stream", 1, 2, chat(117, 100), scope=SDK),
        span(4, 1, "anthropic.chat", 3, 4, chat(10, 0, **told), scope=LLMETRY),
        span(5, 1, "anthropic.messages.stream", 3, 4, chat(217, 100, **told), scope=SDK),
    )
    assert [(call.tokens.input, call.tokens.output) for call in nodes(run, "llm")] == [(117, 100), (217, 100)]


def test_attributes_of_other_types(home: Path, tmp_path: Path) -> None:
    named: dict[str, Any] = {
        "gen_ai.request.model": ["a"],
        "gen_ai.agent.name": 5,
        "gen_ai.response.id": 1.5,
        "error.type": ["q"],
    }
    run = run_of(
        tmp_path,
        span(1, 0, "chat", 0, 1, chat("130", "x") | named, code=2),
        span(2, 0, "execute_tool", 2, 3, {"gen_ai.tool.name": [1], "gen_ai.tool.call.id": True}),
        span(3, 0, "x", 0, 1, {"langfuse.observation.type": ["generation"]}),
        span(4, 0, "y", 0, 1, {"mastra.span.type": ["a"]}),
        span(5, 0, "z", 0, 1, {"span.type": ["a"]}, scope="com.anthropic.claude_code.tracing"),
    )
    assert (run.count("llm"), run.count("tool"), run.root.tokens.input) == (1, 1, 130)


def test_langfuse_totals_say_whether_the_input_has_the_cache(home: Path, tmp_path: Path) -> None:
    def generation(id: int, **usage: int) -> dict[str, Any]:
        told = {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": json.dumps(usage)}
        return span(id, 0, "gen", id, id + 0.5, told)

    run = run_of(
        tmp_path,
        generation(1, input=110, output=5, input_cached_tokens=100, total=115),
        generation(2, input=10, output=5, cache_read_input_tokens=100, total=115),
        generation(3, input=10, output=5, cache_read_input_tokens=100),
        generation(4, total=115),
    )
    assert [call.attributes.get(semconv.INPUT_TOKENS) for call in nodes(run, "llm")] == [110, 110, 110, None]


def test_spans_without_times_stand_at_the_begin_of_their_parents(home: Path, tmp_path: Path) -> None:
    bare = {"startTimeUnixNano": "0", "endTimeUnixNano": "0"}
    run = run_of(
        tmp_path,
        span(1, 0, "lead", 1, 9, agent("lead")),
        {**span(2, 1, "chat", 0, 0, chat()), **bare},
        {**span(3, 0, "loose", 0, 0), **bare},
    )
    assert run.root.start_ns == at(1)
    (call,) = nodes(run, "llm")
    assert (call.start_ns, call.end_ns, call.attributes[semconv.INFERRED_BOUNDS]) == (at(1), at(1), True)


def test_a_copy_of_an_open_span_of_any_scope_is_no_call(home: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"scope": "pydantic-ai"}
    copy = {"logfire.span_type": "pending_span"}
    run = run_of(
        tmp_path,
        span(1, 0, "agent run", 0, 9, {"agent_name": "lead"}, **own),
        span(2, 1, "chat x", 1, 4, chat(), **own),
        span(3, 2, "chat x", 1, 1, chat() | copy, **own),
        # The span itself has not come.
        span(5, 4, "chat x", 5, 5, {"gen_ai.operation.name": "chat"} | copy, **own),
    )
    assert run.count("llm") == 1


def test_personal_attributes_of_events_and_encoded_credentials(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-ant-api03-" + "a1B2c3D4" * 12
    encoded = "".join(f"%{ord(letter):02x}" for letter in key)
    body = request(
        span(1, 0, "chat", 0, 1, chat(**{"url.full": f"https://x.test/?key={encoded}"})),
        span(2, 1, "x", 0, 1, {}, events=[("seen", 0.5, {"user.email": "jo@example.com", "n": 1})]),
    )
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps(body))
    imported(path)
    kept = "".join(each.read_text() for each in home.rglob("*.jsonl"))
    assert "jo@example.com" not in kept
    assert encoded not in kept
    assert '"n":1' in kept


def test_logs_with_ids_of_any_length_are_no_spans(home: Path) -> None:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    message = ExportLogsServiceRequest()
    scoped = message.resource_logs.add().scope_logs.add()
    scoped.scope.name = "com.anthropic.claude_code.events"
    log = scoped.log_records.add(trace_id=b"x" * 5_000, span_id=b"y")
    for name, value in (("event.name", "api_request"), ("request_id", "r1")):
        log.attributes.add(key=name).value.string_value = value
    with listening() as receiver:
        sent = posted(receiver, message.SerializeToString(), "/v1/logs", content_type="application/x-protobuf")
    assert sent[0] == 200
    assert runs() == []


def test_a_body_of_two_pieces_is_refused_rather_than_half_read() -> None:
    packing = zlib.compressobj(wbits=31)
    piece = packing.compress(b"{}") + packing.flush()
    assert decompressed(piece, "gzip", 100) == b"{}"
    with pytest.raises(SourceError, match="goes on after the end"):
        decompressed(piece + piece, "gzip", 100)


def test_a_tool_of_the_model_in_the_wrong_place_leaves_no_negative_gap(home: Path, tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        span(1, 0, "lead", 5, 9, agent("lead")),
        span(2, 1, "chat", 1, 4, chat()),
        span(3, 2, "look", 2, 3, tool("look")),
    )
    assert outline(run) == ["agent lead", "  ~turn", f"    llm {MODEL} 130/12", "    tool look"]
