"""A real Prometheus answers the metrics dashboard and the alert rules: with the numbers that were counted.

It is one binary, Debian's `prometheus`, and is asked only where it is installed, or named by ``TRACEKIT_PROMETHEUS``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server

from grafana.dashboards import FOLDER
from grafana.dashboards.alerts import RULES
from tests.support.ports import free_port
from tests.support.waiting import LONG_S, eventually
from tracekit import semconv
from tracekit.model.measured import Measured
from tracekit.otlp.instruments import SECONDS, Instruments

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(180)]

COMMAND = os.environ.get("TRACEKIT_PROMETHEUS") or shutil.which("prometheus")
OPUS, HAIKU = "claude-opus-5", "claude-haiku-4-5"
CALLS = ((OPUS, 2.0, None), (OPUS, 4.0, None), (HAIKU, 1.0, None), (HAIKU, 1.0, "overloaded_error"))
"""Model, seconds and error of each call; it has 1,000,000 tokens in, none out, and one retry."""
CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - {{job_name: agents, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}
"""
VARIABLES = {"$__range": "1h", "$__interval": "1h", "$service": ".*"}


def count_calls() -> None:
    """Count what a program counts that ends soon after."""
    meter = MeterProvider(metric_readers=[PrometheusMetricReader()]).get_meter(semconv.TRACEKIT_SCOPE)
    instruments = Instruments(meter, str)
    for model, seconds, error in CALLS:
        attributes = {semconv.REQUEST_MODEL: model, semconv.INPUT_TOKENS: 1_000_000, semconv.OUTPUT_TOKENS: 0}
        instruments.record(Measured(attributes, "lead", time.time_ns(), seconds, error, retries=1))


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that has read the metrics of one program; its address."""
    if COMMAND is None:
        pytest.skip("Prometheus is not installed")
    folder, port, metrics = tmp_path_factory.mktemp("prometheus"), free_port(), free_port()
    count_calls()
    server, thread = start_http_server(metrics, "127.0.0.1")
    (folder / "prometheus.yml").write_text(CONFIG.format(port=metrics), "utf-8")
    command = [
        COMMAND,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, folder / "log")
            yield url
        finally:
            process.terminate()
            server.shutdown()
            server.server_close()
            stop(thread)


def stop(thread: threading.Thread) -> None:
    thread.join(timeout=LONG_S)


def wait_for(url: str, log: Path) -> None:
    def has_scraped() -> bool:
        try:
            return bool(ask(url, "last_over_time(tracekit_client_cost_total[1h])"))
        except (urllib.error.URLError, OSError):
            return False

    eventually(has_scraped, lambda: log.read_text("utf-8"))


def ask(url: str, query: str) -> dict[str, float]:
    """Return the value of each series, by its labels' values."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}", timeout=LONG_S) as response:
        answer = json.load(response)
    assert answer["data"]["resultType"] == "vector"
    return {" ".join(each["metric"].values()): float(each["value"][1]) for each in answer["data"]["result"]}


def panels() -> dict[str, str]:
    loaded: list[dict[str, Any]] = json.loads((FOLDER / "metrics.json").read_text("utf-8"))["panels"]
    found = {panel["title"]: panel["targets"][0]["expr"] for panel in loaded if panel.get("targets")}
    for variable, value in VARIABLES.items():
        found = {title: expression.replace(variable, value) for title, expression in found.items()}
    return found


def test_the_panels_show_what_was_counted(prometheus: str) -> None:
    shown = {title: ask(prometheus, expression) for title, expression in panels().items()}
    medians, highest = (shown.pop(f"Time of a call by model: {each}") for each in ("median", "95th percentile"))
    assert shown == {
        "Calls of the model": {"": 4},
        "Failed calls": {"": 1},
        "Retries": {"": 4},
        "Cost": {"": 12},
        "Tokens in, cached ones included": {"": 4_000_000},
        "Tokens out": {"": 0},
        "Calls by model": {OPUS: 2, HAIKU: 2},
        "Cost by model": {OPUS: 10, HAIKU: 2},
        "Tokens in by model": {OPUS: 2_000_000, HAIKU: 2_000_000},
        "Tokens out by model": {OPUS: 0, HAIKU: 0},
        "Mean time of a call by model": {OPUS: 3, HAIKU: 1},
        "Retries by model": {OPUS: 2, HAIKU: 2},
        "Failed calls by error": {"overloaded_error": 1},
        "Cost by service": {"agents": 12},
        "Cost by agent": {"lead": 12},
    }
    assert medians.keys() == highest.keys() == {OPUS, HAIKU}
    assert medians[OPUS] <= highest[OPUS]


def test_increase_would_not_see_a_program_that_exports_once(prometheus: str) -> None:
    assert sum(ask(prometheus, "increase(tracekit_client_cost_total[1h])").values()) == 0


def test_an_alert_rule_asks_for_a_number(prometheus: str) -> None:
    values = {rule.uid: ask(prometheus, rule.query).get("") for rule in RULES}
    slow = values.pop("tracekit-slow-calls")
    assert slow is not None
    # Beyond its last boundary a histogram knows no number.
    assert next(rule.threshold for rule in RULES if rule.uid == "tracekit-slow-calls") < SECONDS[-1]
    assert values == {"tracekit-failed-calls": 0.25, "tracekit-retries": 1, "tracekit-cost": 12}
    assert ask(prometheus, RULES[0].query.replace("gen_ai", "none")) == {}
