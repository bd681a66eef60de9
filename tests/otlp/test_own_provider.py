"""An application with a provider of its own exports by itself: we send nothing, so nothing is sent twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment
from tests.support.collector import collector
from tracekit.demo.claude import ScriptedClaude, message, reply, text

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
        env = environment(tmp_path, claude.url, **found.variables("http/protobuf"))
        done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
        spans = found.received(len(names))
    assert done.stderr == ""
    assert [span.name for span in spans] == names
    assert len({span.id for span in spans}) == len(names)
