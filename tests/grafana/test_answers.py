"""The dashboards' queries, answered from the spans that a team really exports: the numbers are those of its record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

from grafana.dashboards import FOLDER
from tests.support.cli import nodes
from tests.support.teams import LEAD, WORKER, Script, perform, shown
from tests.support.traceql import Groups, matching, parse, result
from tracekit import Orchestrator, Subagent
from tracekit.demo.claude import Answer, Asked, ScriptedClaude, error, message, text, tool_use

USAGE = {"input_tokens": 30, "cache_creation_input_tokens": 12, "cache_read_input_tokens": 700, "output_tokens": 5}
ASKS = message(tool_use("worker", {"task": "it"}), tool_use("worker", {"task": "nonsense"}), usage=USAGE)
ANSWERS = Script(ASKS, message(text("Done."), usage=USAGE), said=lambda _: message(text("Worked."), usage=USAGE))
BUSY = error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "1"})


def respond(asked: Asked) -> Answer:
    """Overloaded twice, and one task that the API refuses."""
    if asked.number < 2:
        return BUSY
    if "nonsense" in str(asked.json()["messages"]) and "lead" not in asked.json()["system"]:
        return error(400, "invalid_request_error", "Nonsense.")
    return ANSWERS(asked)


def team(client: Any) -> Orchestrator:
    worker = Subagent("worker", "It works.", WORKER, "You work.")
    return Orchestrator("lead", model=LEAD, system="You lead.", client=client, subagents=[worker])


@pytest.fixture
def exported(recording: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sequence[ReadableSpan]]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    with ScriptedClaude(respond) as claude:
        perform(team, claude, "async", "Go.")
    # Another program's trace, which no panel is about.
    with provider.get_tracer("shop").start_as_current_span("GET /cart", attributes={"http.response.status_code": 503}):
        pass
    yield exporter.get_finished_spans()
    provider.shutdown()


def queries(name: str, **variables: str) -> dict[str, str]:
    """The query of each panel, by its title."""
    panels = json.loads((FOLDER / name).read_text("utf-8"))["panels"]
    found = {panel["title"]: panel["targets"][0]["query"] for panel in panels}
    for variable, value in variables.items():
        found = {title: query.replace(f"${{{variable}}}", value) for title, query in found.items()}
    return found


def test_the_overview_counts_what_the_record_counts(exported: Sequence[ReadableSpan]) -> None:
    asked = queries("overview.json")
    run = shown()["run"]
    assert run["retries"] == 2

    def answer(title: str) -> Groups:
        return result(parse(asked[title]), exported)

    assert answer("Runs") == {None: 1}
    assert answer("Calls of the model") == {None: run["calls"]} == {None: 4}
    assert answer("Retries") == {None: run["retries"]}
    assert answer("Failed calls") == {None: 1}
    assert answer("Failed calls by error") == {"invalid_request_error": 1}
    assert answer("Calls by model") == {LEAD: 2, WORKER: 2}
    assert answer("Attempts by status") == {529: 2, 200: 3, 400: 1}
    tokens = run["tokens"]
    assert answer("Tokens in, cached ones included") == {None: tokens["input"]} == {None: 3 * (30 + 12 + 700)}
    assert answer("Tokens out") == {None: tokens["output"]}
    assert answer("Tokens read from the cache") == {None: tokens["cache_read"]}
    assert answer("Tokens written to the cache") == {None: tokens["cache_write"]}
    assert sum(answer("Tokens in by model").values()) == tokens["input"]
    assert sum(answer("Tokens out by model").values()) == tokens["output"]
    agents = matching(parse(asked["Time of an agent"]), exported)
    assert len(agents) == run["agents"]
    assert len(matching(parse(asked["Slowest of the newest runs"]), exported)) == run["calls"]


def test_one_run_shows_what_its_record_shows(exported: Sequence[ReadableSpan]) -> None:
    ids = [f"{span.context.trace_id:x}" for span in exported if span.name == "invoke_agent lead" and span.context]
    asked = queries("run.json", trace=ids[0])
    record = shown()

    def found(title: str) -> list[dict[str, Any]]:
        return [dict(span.attributes or {}) for span in matching(parse(asked[title]), exported)]

    assert asked["Trace"] == ids[0]
    calls = found("Calls of the model (the first 100)")
    assert [each["gen_ai.operation.name"] for each in calls] == ["chat"] * record["run"]["calls"]
    failed = found("Attempts that failed (the first 100)")
    assert sorted(each["error.type"] for each in failed) == ["400", "529", "529"]
    assert {each["http.response.status_code"] for each in failed} == {400, 529}
    assert result(parse(asked["Retries"]), exported) == {None: 2}
    times = result(parse(asked["Time by agent"]), exported)
    recorded = {node["agent"]: 0.0 for node in nodes(record["root"], "agent")}
    for node in nodes(record["root"], "agent"):
        recorded[node["agent"]] += (node["end_ns"] - node["start_ns"]) / 1e9
    assert times == pytest.approx(recorded, rel=0.5, abs=0.05)
    assert sum(result(parse(asked["Tokens in by agent"]), exported).values()) == record["run"]["tokens"]["input"]
    other = queries("run.json", trace="5f")
    assert not matching(parse(other["Calls of the model"]), exported)
    assert not matching(parse(other["Retries"]), exported)
