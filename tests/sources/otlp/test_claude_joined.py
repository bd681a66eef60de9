"""Claude Code's spans and the transcript of the same session: one run, whichever comes first, tokens once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sources.transcripts import BEGIN, MODEL, SESSION, Transcript, imported, nodes, runs, said, shape, uses
from tests.support import foreign
from tests.support.foreign import imported_spans, outline, span
from tests.support.waiting import eventually
from tracekit import semconv
from tracekit.model.tree import Run
from tracekit.sources.ids import run_id

CLAUDE = "com.anthropic.claude_code.tracing"


def _transcript(folder: Path) -> Path:
    main = Transcript(folder / "projects" / "-work" / f"{SESSION}.jsonl")
    main.prompt(0, "Go")
    main.reply(2, "msg_1", uses("Agent", "toolu_1", prompt="Look", subagent_type="Explore"), stop="tool_use")
    agent = main.subagent("a1", {"agentType": "Explore", "toolUseId": "toolu_1"})
    agent.prompt(2.1, "Look")
    agent.reply(3, "msg_2", uses("Bash", "toolu_2", command="ls"), stop="tool_use")
    agent.result(5, "toolu_2")
    agent.reply(6, "msg_3", said("Seen."))
    main.result(6.5, "toolu_1", [said("Seen.")], detail={"agentId": "a1"})
    main.reply(8, "msg_4", said("Done."))
    return main.path


def _spans(*, trace: str = foreign.TRACE) -> list[dict[str, Any]]:
    def each(id: int, parent: int, name: str, start: float, end: float, **named: Any) -> dict[str, Any]:
        events = named.pop("events", ())
        told = {"span.type": name, "session.id": SESSION, **named}
        return span(id, parent, f"claude_code.{name}", start, end, told, scope=CLAUDE, events=events, trace=trace)

    def call(id: int, parent: int, start: float, end: float, message: str, **more: Any) -> dict[str, Any]:
        usage = {"gen_ai.usage.input_tokens": 115, "gen_ai.usage.output_tokens": 90, "ttft_ms": 300, "model": MODEL}
        return each(id, parent, "llm_request", start, end, request_id=f"req_{message}", **usage, **more)

    attempts: list[tuple[str, float, dict[str, Any]]] = [
        ("gen_ai.request.attempt", 0.5, {}),
        ("gen_ai.request.attempt", 1.25, {}),
    ]
    agent = {"agent_id": "a1", "query_source_safe": "agent.builtin.Explore"}
    return [
        each(1, 0, "interaction", 0, 9),
        call(2, 1, 0.5, 2, "msg_1", events=attempts),
        each(3, 1, "tool", 1.9, 6.5, **{"gen_ai.tool.name": "Agent", "gen_ai.tool.call.id": "toolu_1"}),
        each(4, 3, "tool.blocked_on_user", 1.9, 2.1),
        each(5, 3, "tool.execution", 2.1, 6.5),
        call(6, 5, 2.25, 3, "msg_2", **agent),
        each(7, 5, "tool", 3, 5, **{"gen_ai.tool.name": "Bash", "gen_ai.tool.call.id": "toolu_2"}, **agent),
        call(8, 5, 5.5, 6, "msg_3", **agent),
        call(9, 1, 7, 8, "msg_4"),
    ]


@pytest.fixture(autouse=True)
def _same_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "BEGIN_NS", int(BEGIN.timestamp() * 1e9))


def _assert_one(run: Run) -> None:
    assert run.id == run_id("claude-code", SESSION)
    assert shape(run.root) == ["main", ["Agent", ["Explore", ["Bash"]]]]
    assert (run.count("llm"), run.count("tool"), run.count("agent")) == (4, 2, 2)
    assert (run.root.tokens.input, run.root.tokens.output) == (460, 360)


def test_the_spans_alone_give_the_tree_of_the_transcript(home: Path, tmp_path: Path) -> None:
    imported(_transcript(tmp_path))
    (by_transcript,) = runs()
    expected = [line for line in outline(by_transcript) if "attempt" not in line]
    for path in home.rglob("*.jsonl"):
        path.unlink()
    imported_spans(tmp_path, *_spans())
    (by_spans,) = runs()
    _assert_one(by_spans)
    found = [line.replace("~", "") for line in outline(by_spans) if "attempt" not in line and "span" not in line]
    assert found == [line.replace("~", "") for line in expected]


@pytest.mark.parametrize("order", ["transcript first", "spans first"])
def test_both_are_one_run(order: str, home: Path, tmp_path: Path) -> None:
    path = _transcript(tmp_path)
    steps = ["transcript", "spans"]
    for step in steps if order == "transcript first" else reversed(steps):
        done = imported(path) if step == "transcript" else imported_spans(tmp_path, *_spans())
        assert done.warnings == []
    (run,) = runs()
    _assert_one(run)
    assert run.source == "claude-code"
    first = nodes(run, "llm")[0]
    # The transcript alone would only know that the call began after the prompt.
    assert first.start_ns == foreign.at(0.5)
    assert semconv.INFERRED_BOUNDS not in first.attributes
    assert (first.attributes[semconv.TIME_TO_FIRST_CHUNK], run.root.retries) == (0.3, 1)
    names = [each.name for each in nodes(run, "span")]
    assert sorted(names) == ["claude_code.tool.blocked_on_user", "claude_code.tool.execution"]
    # What was said is still there.
    assert any(exchange.body for exchange in run.recording.exchanges.values())


def test_two_traces_of_one_session_are_one_run(home: Path, tmp_path: Path) -> None:
    one, other = _spans()[:2], _spans(trace="9" * 32)[-1:]
    imported_spans(tmp_path, *one)
    imported_spans(tmp_path, *one, *other)
    (run,) = runs()
    assert (run.count("llm"), [agent.agent for agent in nodes(run, "agent")]) == (2, ["main"])
    assert run.root.tokens.input == 230


def test_logs_add_the_cost_and_nothing_else(home: Path) -> None:
    def log(message: str, cost: float) -> dict[str, Any]:
        told = {"event.name": "api_request", "request_id": f"req_{message}", "cost_usd": cost, "input_tokens": 10}
        return {
            "traceId": foreign.TRACE,
            "spanId": f"{1:016x}",
            "timeUnixNano": str(foreign.at(2)),
            "attributes": foreign.attributes({**told, "session.id": SESSION}),
        }

    scope = {"name": "com.anthropic.claude_code.events"}
    logs = {"resourceLogs": [{"scopeLogs": [{"scope": scope, "logRecords": [log("msg_1", 0.5), log("gone", 0.25)]}]}]}
    with foreign.listening() as receiver:
        for _ in range(2):
            assert foreign.posted(receiver, logs, "/v1/logs")[0] == 200
        eventually(lambda: receiver.intake.spans == 2)
    assert runs() == []
    with foreign.listening() as receiver:
        assert foreign.posted(receiver, foreign.request(*_spans()))[0] == 200
    (run,) = runs()
    costs = [call.attributes.get(semconv.RECORDED_COST_USD) for call in nodes(run, "llm")]
    assert (run.root.tokens.input, costs) == (460, [0.5, None, None, None])
