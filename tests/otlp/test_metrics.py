"""Metrics of calls: sent to a real collector when asked for, or counted by the application's own MeterProvider."""

from __future__ import annotations

import inspect
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from tests.support.cli import environment, tracekit_json
from tests.support.collector import Collector, collector
from tests.support.ports import free_port
from tests.support.waiting import eventually
from tests.support.warm import warm_python
from tracekit import semconv
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, error, message, reply, text
from tracekit.model.measured import Measured
from tracekit.otlp.instruments import SECONDS, TOKENS, Instruments
from tracekit.semconv import Metric

PROGRAM = """
import anthropic, tracekit
tracekit.init()
ASK = dict(model="claude-sonnet-5-5", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
with anthropic.Anthropic() as client, tracekit.run("task"), tracekit.agent("lead of ACME-1"):
    client.messages.create(**ASK)
    with client.messages.stream(**ASK) as events:
        events.until_done()
    try:
        client.messages.create(**{**ASK, "max_tokens": 1})
    except anthropic.APIError:
        pass
"""

LATER = "import time; time.sleep(1)"

JOINED = """
from opentelemetry import metrics
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
"""
PRINT = """
print(reader.get_metrics_data().to_json(indent=None))
"""


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Overloaded once; then an answer, and at last a refusal."""
    if asked.number == 0:
        return error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "1"})
    if asked.json()["max_tokens"] == 1:
        return error(400, "invalid_request_error", "so not")
    return reply(asked, message(text("hello"), model="claude-sonnet-5-5", usage={"input_tokens": 300}))


def perform(home: Path, program: str, **more: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run the program; returns what it said, and the cost of its run."""
    home.mkdir(exist_ok=True)
    (home / "pyproject.toml").write_text("[tool.tracekit.redact]\nticket = 'ACME-[0-9]+'\n")
    with ScriptedClaude(respond) as claude:
        env = environment(home, claude.url, **more)
        done = subprocess.run(
            [warm_python(), "-c", program], env=env, capture_output=True, text=True, check=False, cwd=home
        )
        assert done.returncode == 0, done.stderr
        (shown,) = tracekit_json("ls", env=environment(home))
    return done, shown["cost_usd"]


def printed_by(found: Collector, *wanted: str) -> str:
    """Return what the collector printed, once all of `wanted` is in it."""

    def printed() -> str:
        return "".join(found.printed)

    eventually(lambda: all(text in printed() for text in wanted), printed)
    return printed()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_collector_receives_totals_when_they_are_asked_for(protocol: str, tmp_path: Path) -> None:
    with collector("metrics") as found:
        asked = {**found.variables(protocol), "OTEL_METRICS_EXPORTER": "otlp", "OTEL_TRACES_EXPORTER": "none"}
        perform(tmp_path, PROGRAM + LATER, OTEL_METRIC_EXPORT_INTERVAL="500", **asked)
        names = [f"{name}\n" for name in (Metric.OPERATION_DURATION, Metric.TOKEN_USAGE, Metric.COST, Metric.RETRIES)]
        units = [f"Unit: {unit}\n" for unit in ("s", "{token}", "{USD}", "{retry}")]
        said = printed_by(found, *names, *units, "81.92", "67108864", "lead of [redacted:ticket]", "service.name")
    assert "ACME" not in said


def test_metrics_are_off_unless_asked_for(tmp_path: Path) -> None:
    with collector("metrics") as found:
        perform(tmp_path, PROGRAM, **found.variables("http/protobuf"))
        time.sleep(0.3)
        assert "gen_ai.client" not in "".join(found.printed)


def test_an_endpoint_that_is_down_is_said_once_and_shows_no_password(tmp_path: Path) -> None:
    address = f"http://user:s3cr3tpass@127.0.0.1:{free_port()}/v1/metrics?token=t0ps3cret"
    done, _ = perform(tmp_path, PROGRAM, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=address)
    (line,) = done.stderr.splitlines()
    assert line.startswith("tracekit: metrics are not exported to http://127.0.0.1")
    assert "s3cr3t" not in line


def points_of(data: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """By metric: its points."""
    (resource,) = data["resource_metrics"]
    (scope,) = resource["scope_metrics"]
    assert scope["scope"]["name"] == semconv.TRACEKIT_SCOPE
    return {metric["name"]: metric["data"]["data_points"] for metric in scope["metrics"]}


def test_the_applications_own_provider_gets_them(tmp_path: Path) -> None:
    with collector("metrics") as found:
        asked = {**found.variables("http/protobuf"), "OTEL_METRICS_EXPORTER": "otlp", "OTEL_TRACES_EXPORTER": "none"}
        done, cost = perform(tmp_path, JOINED + PROGRAM + PRINT, **asked)
        assert "gen_ai.client" not in "".join(found.printed)
    points = points_of(json.loads(done.stdout))
    common = {
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "anthropic",
        semconv.REQUEST_MODEL: "claude-sonnet-5-5",
        semconv.RESPONSE_MODEL: "claude-sonnet-5-5",
        semconv.SERVER_ADDRESS: "127.0.0.1",
        semconv.AGENT_NAME: "lead of [redacted:ticket]",
    }
    answered, refused = points[Metric.OPERATION_DURATION]
    assert (answered["attributes"], answered["count"]) == (common, 2)
    assert (refused["attributes"][semconv.ERROR_TYPE], refused["count"]) == ("invalid_request_error", 1)
    by_type = {point["attributes"][semconv.TOKEN_TYPE]: point for point in points[Metric.TOKEN_USAGE]}
    assert (by_type["input"]["sum"], by_type["input"]["count"]) == (600, 2)
    if "explicit_bucket_boundaries_advisory" in inspect.signature(Meter.create_histogram).parameters:
        # Older releases of OpenTelemetry leave the boundaries to the application's views.
        assert tuple(answered["explicit_bounds"]) == SECONDS
        assert tuple(by_type["output"]["explicit_bounds"]) == TOKENS
    (paid,) = points[Metric.COST]
    assert paid["value"] == pytest.approx(cost)
    assert [point["value"] for point in points[Metric.RETRIES]] == [1, 0]


def test_names_without_number_become_one_series() -> None:
    reader = InMemoryMetricReader()
    instruments = Instruments(MeterProvider([reader], shutdown_on_exit=False).get_meter("tracekit"), str)
    for number in range(1000):
        instruments.record(Measured({semconv.REQUEST_MODEL: "m"}, f"agent {number}", 0, 1.0, f"E{number}", 1))
    data = reader.get_metrics_data()
    assert data is not None
    metrics = {each.name: each.data for each in data.resource_metrics[0].scope_metrics[0].metrics}
    retries = {
        str((point.attributes or {})[semconv.AGENT_NAME]): point for point in metrics[Metric.RETRIES].data_points
    }
    assert len(retries) == 101
    assert getattr(retries["_OTHER"], "value", None) == 900
    assert len(metrics[Metric.OPERATION_DURATION].data_points) == 101
