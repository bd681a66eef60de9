"""An application with a provider of its own exports by itself: we send nothing, so nothing is sent twice."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.collector import Received, collector
from tests.support.receiver import receiver
from tests.support.warm import warm_python
from tracekit import semconv
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    count_tokens,
    error,
    message,
    reply,
    text,
)

PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
"""
SET = "trace.set_tracer_provider(provider)\n"
START = "import tracekit; tracekit.init()\n"
WORK = """
import anthropic
def work(client):
    with tracekit.run("task"), tracekit.agent("lead"), tracekit.tool("look"):
        client.messages.create(model="claude-sonnet-5-5", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
"""
CALM = {"PYTHONWARNINGS": "default,ignore::ResourceWarning"}
"""urllib3 warns of a socket of its own once an exporter has sent twice, as it does in a program that takes over 5 s."""
CALL = "with anthropic.Anthropic() as client: work(client)\n"
NAMES = ["task", "invoke_agent lead", "execute_tool look", "anthropic.messages.create", "POST"]
OURS = [*NAMES[:3], "chat claude-sonnet-5-5", "POST"]


@pytest.mark.parametrize(
    ("program", "names"),
    [
        (PROVIDER + SET + START + WORK + CALL, NAMES),
        (START + PROVIDER + SET + WORK + CALL, NAMES),
        (START + PROVIDER + WORK + CALL + SET + CALL, OURS + NAMES),
        (START + PROVIDER + WORK + "trace.set_tracer_provider(trace.NoOpTracerProvider())\n" + CALL, []),
        (
            START
            + PROVIDER
            + WORK
            + CALL.replace("Anthropic()", "Anthropic(open_telemetry={'tracer_provider': provider})"),
            [*OURS[:3], *NAMES[3:]],
        ),
    ],
    ids=["set before", "set after", "set between", "set to nothing", "of a client"],
)
def test_each_span_is_sent_once(program: str, names: list[str], tmp_path: Path) -> None:
    with collector() as found, ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        env = environment(tmp_path, claude.url, **found.variables("http/protobuf"), **CALM)
        done = subprocess.run([warm_python(), "-c", program], env=env, capture_output=True, text=True, check=True)
        spans = found.received(len(names))
    assert done.stderr == ""
    assert [span.name for span in spans] == names
    assert len({span.id for span in spans}) == len(names)


OF_THE_MOMENT = {semconv.RUN_ID, semconv.SERVER_PORT, semconv.URL_FULL, semconv.TIME_TO_FIRST_CHUNK, semconv.WAIT_MS}
"""Attributes whose values differ between two recordings of one program."""

SEVERAL = """
import asyncio, anthropic
ASK = dict(model="claude-sonnet-5-5", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
async def late(client):
    client.messages.create(**ASK)
@tracekit.tool(reads=["docs/{path}"], writes=[])
def look(path, deep=None):
    return {"found": path}
@tracekit.tool
def broken(of):
    raise ValueError(f"there is no {of}")
with anthropic.Anthropic(max_retries=1) as client, tracekit.run("task of ACME-1"), tracekit.agent("lead for ACME-1"):
    client.messages.create(**ASK)
    with tracekit.turn(), tracekit.tool("ask", call_id="toolu_1", input={"about": ["ACME-2"]}), tracekit.agent("helper"):
        with client.messages.stream(**ASK) as events:
            events.until_done()
        with client.messages.with_streaming_response.create(**ASK) as response:
            response.json()
    look("a", deep={"x": 1})
    asyncio.run(late(client))
    client.messages.count_tokens(model=ASK["model"], messages=ASK["messages"])
    for fail in (lambda: broken("ACME-3"), lambda: client.messages.create(**{**ASK, "model": "claude-haiku-4-5"})):
        try:
            fail()
        except (ValueError, anthropic.BadRequestError):
            pass
"""


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Overloaded once; then an answer with two iterations, as after a compaction; a refusal of the other model."""
    if asked.number == 0:
        return error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "1"})
    if asked.path.endswith("count_tokens"):
        return count_tokens(12)
    if asked.json()["model"] == "claude-haiku-4-5":
        return error(400, "invalid_request_error", "not this model for ACME-4")
    part = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    usage = {**part, "iterations": [{"type": "compaction", **part}, {"type": "message", **part}]}
    return reply(asked, message(text("hello"), model="claude-sonnet-5-5", usage=usage))


def form(span: Received, *, of_sdk: bool) -> tuple[Any, ...]:
    """Return the values of a span that both ways may show, except the name and status of SDK spans."""
    told = {name: (span.types[name], span.attributes[name]) for name in span.attributes if name not in OF_THE_MOMENT}
    return (told, span.kind, span.scope, *(() if of_sdk else (span.name, span.status, span.message)))


@pytest.mark.parametrize("content", ["", "SPAN_ONLY"])
def test_each_span_is_the_same_whoever_exports(content: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tracekit.redact]\nticket = 'ACME-[0-9]+'\n")
    seen = []
    for number, start in enumerate((START, PROVIDER + SET + START)):
        with collector() as found, ScriptedClaude(respond) as claude:
            more = {**CALM, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": content}
            env = environment(tmp_path / str(number), claude.url, **found.variables("http/protobuf"), **more)
            command = [warm_python(), "-c", start + SEVERAL]
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=tmp_path)
            assert done.returncode == 0, done.stderr[-1500:]
            (shown,) = tracekit_json("ls", env=env)
            spans = found.received(20)
        assert done.stderr == ""
        assert {span.attributes[semconv.RUN_ID] for span in spans} == {shown["id"]}
        costs = [span.attributes[semconv.COST_USD] for span in spans if semconv.COST_USD in span.attributes]
        assert sum(costs) == pytest.approx(shown["cost_usd"])
        seen.append(spans)
    own, applications = seen
    for mine, other in zip(own, applications, strict=True):
        of_sdk = mine.scope == semconv.SDK_SCOPE_PREFIX
        without_messages = mine
        if of_sdk and content:
            # The SDK itself puts these on its span, where a client is told to.
            messages = (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES)
            kept = {name: value for name, value in mine.attributes.items() if name not in messages}
            without_messages = replace(mine, attributes=kept)
        assert form(without_messages, of_sdk=of_sdk) == form(other, of_sdk=of_sdk), (mine.name, other.name)
    assert own[0].attributes[semconv.RUN_NAME] == "task of [redacted:ticket]"
    agents = [each.attributes.get(semconv.AGENT_NAME) for each in own if each.attributes[semconv.KIND] == "llm"]
    lead = "lead for [redacted:ticket]"
    assert agents == [lead, "helper", "helper", lead, lead]
    results = [each.attributes.get(semconv.TOOL_CALL_ARGUMENTS) for each in applications if each.name.endswith(" ask")]
    assert results == ['{"about":["[redacted:ticket]"]}' if content else None]


EVERYWHERE = """
import os, pathlib, anthropic
from tracekit.journal.catalog import all_runs
from tracekit.journal.export import export
from tracekit.testing.recording import TestRecording
folder = os.getcwd()
def work():
    with tracekit.run("task of ACME-1"), tracekit.agent("lead for ACME-1"):
        client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": "hi ACME-2"}])
with anthropic.Anthropic() as client:
    work()
    export(all_runs()[0].paths, pathlib.Path("run.jsonl"))
    os.chdir("/")
    work()
    with tracekit.replay(f"{folder}/run.jsonl"):
        work()
    os.chdir(folder)
    recording = TestRecording("test of ACME-3", ())
    work()
    recording.stop()
"""


def test_rules_hold_for_the_applications_exporter_wherever_the_process_stands(tmp_path: Path) -> None:
    """After a change of folder, in a replay, and in the recording of a test."""
    (tmp_path / "pyproject.toml").write_text("[tool.tracekit.redact]\nticket = 'ACME-[0-9]+'\n")
    with receiver() as heard, ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        env = environment(tmp_path / "home", claude.url, OTEL_EXPORTER_OTLP_ENDPOINT=heard.url, **CALM)
        command = [warm_python(), "-c", PROVIDER + SET + START + EVERYWHERE]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-1500:]
    assert heard.names().count("invoke_agent lead for [redacted:ticket]") == 4
    assert not [body for body in heard.bodies if b"ACME-" in body]


@pytest.mark.slow
def test_a_run_is_found_by_the_trace_in_which_the_application_exports(tmp_path: Path) -> None:
    """As a link in a dashboard has it; the run's own id is another."""
    with receiver() as heard:
        env = environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=heard.url)
        program = (
            PROVIDER + SET + START + "for name in 'ab':\n    with tracekit.agent(name), tracekit.tool('look'): pass\n"
        )
        subprocess.run([warm_python(), "-c", program], env=env, check=True)
    traces = {span.trace_id.hex() for span in heard.spans}
    assert len(traces) == 2
    names = set()
    for trace in traces:
        shown = tracekit_json("show", trace, env=env)["run"]
        assert shown["id"] != trace
        names.add(shown["name"])
        assert tracekit("check", trace.upper(), env=env).returncode == 0
        assert tracekit("export", trace, "-o", str(tmp_path / f"{trace}.jsonl"), env=env).returncode == 0
    assert names == {"a", "b"}
    missing = tracekit("show", "0" * 31 + "1", env=env)
    assert missing.returncode == 2
    assert "none has this id, prefix, name or trace" in missing.stderr


def test_a_trace_in_which_several_runs_take_part_names_them(tmp_path: Path) -> None:
    trace = "0123456789abcdef0123456789abcdef"
    env = environment(tmp_path, TRACEPARENT=f"00-{trace}-0123456789abcdef-01")
    program = (
        START + "for name in 'ab':\n    with tracekit.agent(name), tracekit.tool(f'the \"trace\":\"{9:032x}\"'): pass\n"
    )
    subprocess.run([warm_python(), "-c", program], env=env, check=True)
    done = tracekit("show", trace, env=env)
    assert done.returncode == 2
    for run in tracekit_json("ls", env=env):
        assert run["id"][:8] in done.stderr
    assert tracekit("show", f"{9:032x}", env=env).returncode == 2
