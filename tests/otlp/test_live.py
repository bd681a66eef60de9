"""A real collector receives what a program does while it does it: the record's ids, parents, kinds and times."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import PROGRAMS, environment, tracekit, tracekit_json
from tests.support.collector import Collector, Received, collector
from tests.support.conventions import assert_conventional
from tests.support.warm import warm_python
from tracekit import semconv
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    error,
    message,
    reply,
    text,
    tool_use,
)

PROTOCOLS = ("http/protobuf", "grpc")

PROGRAM = """
import anthropic, tracekit

tracekit.init()

@tracekit.tool
def look(at: str) -> str:
    return "the secret garden"

with anthropic.Anthropic() as client, tracekit.run("task"), tracekit.agent("lead"):
    with tracekit.turn():
        client.messages.create(
            model="claude-sonnet-5-5", max_tokens=9, system="Be terse.",
            messages=[{"role": "user", "content": "What of sk-ant-api03-0123456789abcdef0123456789?"}],
        )
        look("it")
    with client.messages.stream(
        model="claude-sonnet-5-5", max_tokens=9, messages=[{"role": "user", "content": "again"}]
    ) as events:
        events.until_done()
"""

SHORT = """
import tracekit
tracekit.init()
with tracekit.agent("lead"), tracekit.tool("look"):
    pass
"""


def flat(node: dict[str, Any], parent: str | None = None) -> list[tuple[str | None, dict[str, Any]]]:
    """The node and all below it, each with its parent's id."""
    return [(parent, node), *(each for child in node["children"] for each in flat(child, node["id"]))]


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Overloaded once; then an answer that thinks and asks for a tool."""
    if asked.number == 0:
        return error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "1"})
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    return reply(
        asked, message(thinking, text("Well."), tool_use("look", {"at": "it"}, "toolu_1"), model="claude-sonnet-5-5")
    )


def perform(
    found: Collector, home: Path, protocol: str, program: str = PROGRAM, **more: str
) -> subprocess.CompletedProcess[str]:
    with ScriptedClaude(respond) as claude:
        env = environment(home, claude.url, **found.variables(protocol), **more)
        done = subprocess.run([warm_python(), "-c", program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def compare(received: list[Received], shown: dict[str, Any]) -> None:
    """The collector has every span of the run, as the record has it, and as the conventions want it."""
    assert_conventional(received)
    by_id = {span.id: span for span in received}
    assert len(by_id) == len(received)
    recorded = flat(shown["root"])
    assert {node["id"] for _, node in recorded} == set(by_id)
    for parent, node in recorded:
        span = by_id[node["id"]]
        assert (span.trace, span.parent or None, span.name) == (shown["run"]["id"], parent, node["name"])
        assert (span.start_ns, span.end_ns) == (node["start_ns"], node["end_ns"])
        assert span.attributes[semconv.KIND] == node["kind"]
        assert span.attributes[semconv.RUN_ID] == shown["run"]["id"]
        assert span.kind == ("SPAN_KIND_CLIENT" if node["kind"] in ("llm", "attempt") else "SPAN_KIND_INTERNAL")
        assert span.status == ("STATUS_CODE_ERROR" if node["status"] == "error" else "STATUS_CODE_UNSET")
        if node["kind"] == "llm":
            assert span.attributes[semconv.INPUT_TOKENS] == node["tokens"]["input"]
            assert span.attributes[semconv.OUTPUT_TOKENS] == node["tokens"]["output"]
            assert span.attributes[semconv.COST_USD] == pytest.approx(node["cost_usd"])
            assert span.types[semconv.COST_USD] == "Double"
        else:
            assert semconv.INPUT_TOKENS not in span.attributes
            assert semconv.COST_USD not in span.attributes


@pytest.mark.parametrize(("protocol", "pipeline"), [("http/protobuf", "support"), ("grpc", "refactoring")])
@pytest.mark.slow
def test_the_demo_as_it_is_recorded_and_without_content(protocol: str, pipeline: str, tmp_path: Path) -> None:
    with collector() as found:
        env = environment(tmp_path, **found.variables(protocol))
        done = tracekit("demo", "--pipeline", pipeline, env=env)
        assert done.returncode == 0, done.stderr
        shown = tracekit_json("show", "last", env=env)
        compare(found.received(len(flat(shown["root"]))), shown)
        printed = "".join(found.printed)
    assert "not exported" not in done.stderr
    for said in ("kettle", "Refactor the modules", "You are the", "You lead", "def test_"):
        assert said not in printed


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_attempts_are_http_client_spans_and_calls_bear_their_usage(protocol: str, tmp_path: Path) -> None:
    with collector() as found:
        perform(found, tmp_path, protocol)
        spans = found.received(9)
    by_kind = [span.attributes[semconv.KIND] for span in spans]
    assert by_kind == ["run", "agent", "turn", "llm", "attempt", "attempt", "tool", "llm", "attempt"]
    first, second = spans[4:6]
    assert (first.name, first.kind, first.status) == ("POST", "SPAN_KIND_CLIENT", "STATUS_CODE_ERROR")
    assert first.attributes[semconv.HTTP_STATUS] == 529
    assert first.attributes[semconv.ERROR_TYPE] == "529"
    assert semconv.HTTP_RESEND_COUNT not in first.attributes
    assert second.attributes[semconv.HTTP_RESEND_COUNT] == 1
    assert second.attributes[semconv.HTTP_METHOD] == "POST"
    assert second.attributes[semconv.URL_PATH] == "/v1/messages"
    address, port = second.attributes[semconv.SERVER_ADDRESS], second.attributes[semconv.SERVER_PORT]
    assert second.attributes[semconv.URL_FULL] == f"http://{address}:{port}/v1/messages"
    assert second.parent == first.parent == spans[3].id
    call = spans[3]
    assert (call.name, call.scope, call.status) == (
        "chat claude-sonnet-5-5",
        semconv.SDK_SCOPE_PREFIX,
        "STATUS_CODE_UNSET",
    )
    assert call.attributes["http.request.resend_count"] == 1
    assert spans[1].scope == semconv.TRACEKIT_SCOPE
    assert spans[0].resource["service.name"] == "python"
    printed = "".join(found.printed)
    for said in ("garden", "Well.", "What of", "Be terse", '"it"', "Hm."):
        assert said not in printed


@pytest.mark.parametrize(
    "asked",
    [
        {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"},
        {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event"},
        {"ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content"},
    ],
)
def test_content_in_the_conventions_form_where_it_is_asked_for(asked: dict[str, str], tmp_path: Path) -> None:
    with collector() as found:
        perform(found, tmp_path, "http/protobuf", **asked)
        spans = found.received(9)
    tool = spans[6].attributes
    assert json.loads(tool[semconv.TOOL_CALL_ARGUMENTS]) == {"at": "it"}
    assert tool[semconv.TOOL_CALL_RESULT] == "the secret garden"
    call = spans[3].attributes
    asked_redacted = {"type": "text", "content": "What of [redacted:anthropic-key]?"}
    assert json.loads(call[semconv.INPUT_MESSAGES]) == [{"role": "user", "parts": [asked_redacted]}]
    assert json.loads(call[semconv.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "Be terse."}]
    parts = [
        {"type": "reasoning", "content": "Hm."},
        {"type": "text", "content": "Well."},
        {"type": "tool_call", "id": "toolu_1", "name": "look", "arguments": {"at": "it"}},
    ]
    for span in (spans[3], spans[7]):
        (output,) = json.loads(span.attributes[semconv.OUTPUT_MESSAGES])
        assert (output["role"], output["parts"]) == ("assistant", parts)


@pytest.mark.parametrize("kept", ["off", "metadata"])
def test_what_is_not_even_kept_does_not_leave(kept: str, tmp_path: Path) -> None:
    with collector() as found:
        perform(
            found,
            tmp_path,
            "http/protobuf",
            OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_ONLY",
            ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE="content",
            TRACEKIT_CONTENT=kept,
        )
        found.received(9)
    printed = "".join(found.printed)
    for said in ("garden", "Well.", "What of", "Be terse", "Hm."):
        assert said not in printed
        assert not any(said in path.read_text() for path in tmp_path.rglob("*.jsonl")), said


def test_the_projects_own_rules_hold_for_what_leaves(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tracekit.redact]\nplace = 'garden|lead'\n")
    with collector() as found, ScriptedClaude(respond) as claude:
        asked = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}
        env = environment(tmp_path / "home", claude.url, **found.variables("http/protobuf"), **asked)
        subprocess.run([warm_python(), "-c", PROGRAM], env=env, check=True, cwd=tmp_path)
        spans = found.received(9)
    assert spans[6].attributes[semconv.TOOL_CALL_RESULT] == "the secret [redacted:place]"
    assert spans[1].name == "invoke_agent [redacted:place]"
    assert "garden" not in "".join(found.printed)


def test_the_variables_of_the_sdk_are_honoured(tmp_path: Path) -> None:
    with collector() as found:
        perform(
            found,
            tmp_path,
            "http/protobuf",
            OTEL_SERVICE_NAME="support",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test,team=blue",
            OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="4",
            OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="2",
            OTEL_EXPORTER_OTLP_HEADERS="x-team=blue",
            OTEL_EXPORTER_OTLP_TIMEOUT="5",
        )
        spans = found.received(9)
    resource = spans[0].resource
    assert (resource["service.name"], resource["deployment.environment.name"], resource["team"]) == (
        "support",
        "test",
        "blue",
    )
    call = spans[3].attributes
    for name in (
        semconv.INPUT_TOKENS,
        semconv.OUTPUT_TOKENS,
        semconv.REQUEST_MODEL,
        semconv.COST_USD,
        semconv.RUN_ID,
        semconv.KIND,
    ):
        assert name in call
    assert "url.scheme" in call or "anthropic.response.service_tier" not in call


@pytest.mark.parametrize(
    "off",
    [
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "console"},
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_SAMPLER": "always_off"},
        {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"},
        {"TRACEKIT_DISABLED": "1"},
    ],
)
def test_nothing_is_exported_where_a_variable_says_so(off: dict[str, str], tmp_path: Path) -> None:
    with collector() as found:
        perform(found, tmp_path, "http/protobuf", SHORT, **off)
        assert found.received(0) == []
    assert len(list(tmp_path.rglob("*.jsonl"))) == ("TRACEKIT_DISABLED" not in off)


def test_a_client_that_traces_nothing_exports_no_call(tmp_path: Path) -> None:
    for program, more in (
        (PROGRAM, {"ANTHROPIC_OPEN_TELEMETRY": "false"}),
        (PROGRAM.replace("Anthropic()", "Anthropic(open_telemetry=False)"), {}),
    ):
        with collector() as found:
            perform(found, tmp_path, "http/protobuf", program, **more)
            kinds = [span.attributes[semconv.KIND] for span in found.received(4)]
        assert kinds == ["run", "agent", "turn", "tool"]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"OTEL_BSP_SCHEDULE_DELAY": "soon"}, "OTEL_BSP_SCHEDULE_DELAY=soon"),
        ({"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "9999"}, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=9999"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "http/json"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "long"}, "long"),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "zip"}, "zip"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "no header"}, "Header format invalid"),
        ({"OTEL_TRACES_SAMPLER": "mine"}, "mine"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "half"}, "OTEL_TRACES_SAMPLER"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "team"}, "team"),
        ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "few", "OTEL_TRACES_SAMPLER": "always_on"}, "COUNT_LIMIT=few"),
    ],
)
def test_a_bad_value_is_said_once_and_the_agent_goes_on(bad: dict[str, str], says: str, tmp_path: Path) -> None:
    with collector() as found:
        done = perform(found, tmp_path, "http/protobuf", SHORT, **bad)
        # With a limit that is no number the SDK itself cannot be imported.
        assert found.received(0 if "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" in bad else 2) is not None
    (line,) = done.stderr.splitlines()
    assert line.startswith("tracekit: ")
    assert says in line


def test_a_certificate_that_is_none_is_said_and_the_agent_goes_on(tmp_path: Path) -> None:
    with collector() as found:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": found.http.replace("http:", "https:")}
        env = environment(tmp_path, OTEL_EXPORTER_OTLP_CERTIFICATE="/nowhere.pem", **variables)
        done = subprocess.run([warm_python(), "-c", SHORT], env=env, capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    assert "not exported" in line


def test_a_team_by_the_runtime_tells_what_it_notes(tmp_path: Path) -> None:
    with collector() as found, ScriptedClaude(lambda asked: reply(asked, message(text("Done.")))) as claude:
        env = environment(tmp_path, claude.url, **found.variables("grpc"))
        subprocess.run([warm_python(), str(PROGRAMS / "team.py"), "run"], env=env, check=True)
        shown = tracekit_json("show", "last", env=env)
        spans = found.received(len(flat(shown["root"])))
    (agent,) = [span for span in spans if span.attributes[semconv.KIND] == "agent"]
    assert agent.attributes[semconv.AGENT_STOP_REASON] == "end_turn"
    assert agent.attributes[semconv.OPERATION_NAME] == "invoke_agent"
