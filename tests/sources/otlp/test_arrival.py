"""Spans in any order, late, twice, cut or of odd forms: the tree is the same but for marks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sources.otlp.test_dialects import MODEL, agent, chat, tool
from tests.sources.transcripts import imported, nodes, runs
from tests.support.foreign import TRACE, attributes, imported_spans, listening, outline, posted, request, run_of, span
from tests.support.waiting import eventually
from tracekit import semconv
from tracekit.analysis.content import Content
from tracekit.journal.home import received_path
from tracekit.model.tree import Node
from tracekit.sources.following import SessionFollower
from tracekit.sources.importing import Imported
from tracekit.sources.otlp import span as limits
from tracekit.sources.otlp.source import Otlp

SECRET = "sk-ant-api03-" + "a1B2c3D4" * 12


def _spans() -> list[dict[str, Any]]:
    return [
        span(1, 0, "invoke_agent lead", 0, 9, agent("lead")),
        span(2, 1, "chat", 1, 2, chat(10, 1)),
        span(3, 1, "execute_tool ask", 2, 6, tool("ask")),
        span(4, 3, "invoke_agent helper", 3, 5, agent("helper")),
        span(5, 4, "chat", 3, 4, chat(20, 2)),
        span(6, 1, "chat", 7, 8, chat(30, 3)),
    ]


WHOLE = [
    "agent lead",
    "  ~turn",
    f"    llm {MODEL} 10/1",
    "    tool ask",
    "      agent helper",
    "        ~turn",
    f"          llm {MODEL} 20/2",
    "  ~turn",
    f"    llm {MODEL} 30/3",
]


def _facts(node: Node) -> list[Any]:
    kept = (node.id, node.kind, node.name, node.start_ns, node.end_ns, node.status, node.tokens, node.lane)
    return [*kept, [_facts(child) for child in node.children]]


def test_children_first_resent_and_a_late_root(home: Path, tmp_path: Path) -> None:
    spans = _spans()
    with listening() as receiver:
        posted(receiver, request(*spans[4:]))
        eventually(lambda: [run.count("llm") for run in runs()] == [2])
        posted(receiver, request(spans[4], spans[1], spans[3]))
        posted(receiver, request(spans[2]))
        eventually(lambda: [run.count("llm") for run in runs()] == [3])
        (run,) = runs()
        # The root may still come.
        assert (run.status, [each.agent for each in nodes(run, "agent")]) == ("open", ["helper"])
        posted(receiver, request(spans[0]))
        eventually(lambda: [outline(run) for run in runs()] == [WHOLE], lambda: [outline(run) for run in runs()])
    (run,) = runs()
    assert run.status == "ok"
    found = _facts(run.root)
    received_path(TRACE).unlink()
    for path in home.rglob("runs/*/*.jsonl"):
        path.unlink()
    assert _facts(run_of(tmp_path, *spans).root) == found


def test_a_root_that_never_comes(home: Path, tmp_path: Path) -> None:
    with listening() as receiver:
        posted(receiver, request(*_spans()[1:]))
    (run,) = runs()
    assert (run.status, run.root.tokens.input, run.count("llm")) == ("ok", 60, 3)
    assert all(each.attributes[semconv.REMOTE_PARENT] == f"{1:016x}" for each in nodes(run, "tool"))


def test_importing_again_or_more_gives_the_same_run(home: Path, tmp_path: Path) -> None:
    spans = _spans()
    assert imported_spans(tmp_path, *spans[:3]).sessions == 1
    more = imported_spans(tmp_path, *spans)
    assert (more.sessions, more.calls, more.input_tokens) == (1, 3, 60)
    again = imported_spans(tmp_path, *spans)
    assert (again.sessions, again.unchanged) == (0, 1)
    (run,) = runs()
    assert (run.id, outline(run)) == (TRACE, WHOLE)
    assert len(list(home.rglob("runs/*/*.jsonl"))) == 1


def test_a_file_that_grows_is_followed(home: Path, tmp_path: Path) -> None:
    path, spans = tmp_path / "spans.jsonl", _spans()
    path.write_text(json.dumps(request(*spans[:3])) + "\n")
    follower, done = SessionFollower(Otlp(), [path]), Imported()
    follower.poll(done)
    assert [run.count("llm") for run in runs()] == [1]
    follower.poll(done)
    assert done.sessions == 1
    with path.open("a") as file:
        file.write(json.dumps(request(*spans[3:])) + "\n")
    follower.poll(done)
    assert [outline(run) for run in runs()] == [WHOLE]
    follower.close()


def test_the_same_span_id_in_two_traces(home: Path, tmp_path: Path) -> None:
    done = imported_spans(
        tmp_path, span(1, 0, "chat", 0, 1, chat(1, 1)), span(1, 0, "chat", 0, 1, chat(2, 2), trace="8" * 32)
    )
    assert (done.sessions, done.input_tokens) == (2, 3)


def test_what_is_no_agents_work_is_no_run(home: Path, tmp_path: Path) -> None:
    done = imported_spans(tmp_path, span(1, 0, "GET /", 0, 1, {"http.request.method": "GET"}))
    assert (done.sessions, runs()) == (0, [])


def test_cycles_skew_and_times_that_run_backwards(home: Path, tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        span(1, 2, "a", 0, 1),
        span(2, 1, "b", 0, 1),
        span(3, 3, "self", 0, 1),
        span(4, 0, "invoke_agent lead", 5, 9, agent("lead")),
        span(5, 4, "chat", 2, 3, chat()),
        span(6, 4, "chat", 8, 7, chat(9, 1)),
    )
    calls = nodes(run, "llm")
    assert [(each.end_ns or 0) - each.start_ns for each in calls] == [1_000_000_000, 0]
    assert calls[1].attributes[semconv.INFERRED_BOUNDS] is True
    marked = [each.name for each in run.root.walk() if each.attributes.get(semconv.ORPHAN)]
    assert len(marked) == 2
    assert "self" in marked


def test_what_is_too_large_is_cut_and_marked(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = limits.SpanLimits(attributes=4, events=2, depth=2, text=50)
    monkeypatch.setattr(limits, "LIMITS", small)
    monkeypatch.setattr(limits.bounded, "__defaults__", (small,))
    many = {f"x.{number}": number for number in range(9)}
    events: list[tuple[str, float, dict[str, Any]]] = [("e", 0.5, {})] * 5
    run = run_of(
        tmp_path,
        span(1, 0, "chat", 0, 1, chat()),
        span(2, 0, "much", 0, 1, many, events=events),
        span(3, 0, "long", 0, 1, {"x": "y" * 90, "deep": [[[[1]]]]}),
    )
    dropped = {each.name: each.attributes.get(semconv.DROPPED) for each in run.root.walk()}
    assert (dropped["chat"], dropped["much"], dropped["long"]) == (None, 8, 2)
    assert len(next(each for each in run.root.walk() if each.name == "long").attributes["x"]) == 51


def test_nothing_secret_or_personal_reaches_the_disk(home: Path, tmp_path: Path) -> None:
    personal = {"user.email": "jo@example.com", "host.name": "jos-laptop", "service.name": "shop"}
    told = chat(**{"user.id": "u-4711", "gen_ai.input.messages": f'[{{"role":"user","parts":["{SECRET}"]}}]'})
    body = request(
        span(1, 0, "chat", 0, 1, told, events=[("gen_ai.user.message", 0.1, {"content": SECRET})]), resource=personal
    )
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps(body) + "\n")
    imported(path)
    kept = "".join(each.read_text() for each in home.rglob("*.jsonl"))
    assert "shop" in kept
    for secret in (SECRET, "jo@example.com", "jos-laptop", "u-4711"):
        assert secret not in kept


@pytest.mark.parametrize("mode", ["metadata", "off"])
def test_no_content_is_kept_where_none_is_wanted(
    mode: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEKIT_CONTENT", mode)
    texts = {
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"marmalade"}]}]',
        "gen_ai.prompt.0.content": "marmalade",
        "llm.input_messages.0.message.content": "marmalade",
        "input.value": "marmalade",
        "langfuse.observation.input": "marmalade",
        "user_prompt": "marmalade",
        "tool_input": "marmalade",
        "mastra.agent_run.input": "marmalade",
        "pydantic_ai.all_messages": "marmalade",
        "request_data": "marmalade",
    }
    events = [
        ("gen_ai.user.message", 0.1, {"content": "marmalade"}),
        ("gen_ai.choice", 0.1, {"message": "marmalade"}),
        ("exception", 0.1, {"exception.message": "marmalade"}),
        ("gen_ai.client.inference.operation.details", 0.1, {"gen_ai.input.messages": "marmalade"}),
    ]
    body = request(span(1, 0, "chat", 0, 1, chat(**texts), events=events))
    body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["status"] = {"code": 2, "message": "marmalade"}
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps(body) + "\n")
    imported(path)
    assert "marmalade" not in "".join(each.read_text() for each in home.rglob("*.jsonl"))
    assert runs()[0].root.tokens.input == 130


def test_content_in_every_old_form(home: Path, tmp_path: Path) -> None:
    holes = {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "One",
        "llm.input_messages.2.message.role": "assistant",
        "llm.input_messages.2.message.tool_calls.0.tool_call.id": "t1",
        "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "look",
        "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": '{"a": 1}',
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.contents.0.message_content.text": "Two",
    }
    old = {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "One", "gen_ai.completion.0.content": "Two"}
    events = [
        ("gen_ai.user.message", 4.1, {"content": "One"}),
        ("gen_ai.choice", 4.2, {"message": '{"content": "Two"}', "finish_reason": "end_turn"}),
    ]
    cut = {"gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "te…'}
    run = run_of(
        tmp_path,
        span(1, 0, "a", 0, 1, chat(1, 1, **holes) | {"openinference.span.kind": "LLM"}),
        span(2, 0, "b", 2, 3, chat(2, 1, **old) | {"llm.request.type": "chat"}),
        span(3, 0, "c", 4, 5, chat(3, 1), events=events),
        span(4, 0, "d", 6, 7, chat(4, 1, **cut)),
    )
    first, second, third, fourth = (each.attributes for each in nodes(run, "llm"))
    one = {"role": "user", "parts": [{"type": "text", "content": "One"}]}
    call = {"type": "tool_call", "id": "t1", "name": "look", "arguments": {"a": 1}}
    assert json.loads(first[semconv.INPUT_MESSAGES]) == [one, {"role": "assistant", "parts": [call]}]
    for each in (first, second, third):
        assert json.loads(each[semconv.INPUT_MESSAGES])[0] == one
        assert json.loads(each[semconv.OUTPUT_MESSAGES])[0]["parts"] == [{"type": "text", "content": "Two"}]
        assert not any(name.startswith(("llm.input", "gen_ai.prompt")) for name in each)
    assert fourth[semconv.INPUT_MESSAGES] == cut["gen_ai.input.messages"]
    content, calls = Content(run), nodes(run, "llm")
    for node in calls[:3]:
        assert (content.question(node), content.answer_text(node), content.is_rebuilt(node)) == ("One", "Two", True)
    assert content.messages(calls[0])[-1] == {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {"a": 1}}],
    }
    assert content.stop_reason(calls[2]) == "end_turn"
    assert content.prompt_text(calls[3]) is None


def test_files_of_other_forms(home: Path, tmp_path: Path) -> None:
    spans = request(*_spans())
    (tmp_path / "tempo.json").write_text(json.dumps({"batches": spans["resourceSpans"]}, indent=1))
    (tmp_path / "tempo2.json").write_text(json.dumps({"trace": {"resourceSpans": spans["resourceSpans"]}}))
    (tmp_path / "collector.json").write_text(json.dumps(spans) + "\n\n" + json.dumps(request(_spans()[0])) + "\n")
    (tmp_path / "jaeger.json").write_text(json.dumps(_jaeger(), indent=1))
    for name in ("jaeger", "tempo", "tempo2", "collector"):
        imported(tmp_path / f"{name}.json")
        (run,) = runs()
        assert (name, outline(run)) == (name, WHOLE)
        received_path(TRACE).unlink()
    (tmp_path / "cut.json").write_text(json.dumps(spans) + '\n{"resourceSpans": [')
    with pytest.raises(Exception, match=r"line 2 of .* is not JSON"):
        imported(tmp_path / "cut.json")


def _jaeger() -> dict[str, Any]:
    def one(each: dict[str, Any]) -> dict[str, Any]:
        kinds = {"intValue": "int64", "stringValue": "string"}
        tags = []
        for pair in each["attributes"]:
            ((kind, value),) = pair["value"].items()
            tags.append({"key": pair["key"], "type": kinds[kind], "value": int(value) if kind == "intValue" else value})
        start, end = int(each["startTimeUnixNano"]) // 1000, int(each["endTimeUnixNano"]) // 1000
        parent = each.get("parentSpanId")
        return {
            "traceID": TRACE,
            # Jaeger leaves leading zeros out.
            "spanID": each["spanId"].lstrip("0"),
            "operationName": each["name"],
            "references": [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": parent}] if parent else [],
            "startTime": start,
            "duration": end - start,
            "tags": [*tags, {"key": "span.kind", "type": "string", "value": "internal"}],
            "logs": [],
            "processID": "p1",
        }

    spans = [one(each) for each in _spans()]
    return {"data": [{"traceID": TRACE, "spans": spans, "processes": {"p1": {"serviceName": "shop"}}}]}


def test_base64_ids_and_numbers_as_numbers(home: Path, tmp_path: Path) -> None:
    import base64

    body = request(*_spans())
    for each in body["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in each:
                each[name] = base64.b64encode(bytes.fromhex(each[name])).decode()
        each["kind"] = "SPAN_KIND_INTERNAL"
        each["attributes"] = [
            {
                **pair,
                "value": {name: int(value) if name == "intValue" else value for name, value in pair["value"].items()},
            }
            for pair in each["attributes"]
        ] + attributes({})
    path = tmp_path / "spans.json"
    path.write_text(json.dumps(body))
    imported(path)
    assert [outline(run) for run in runs()] == [WHOLE]
    assert received_path(TRACE).exists()
