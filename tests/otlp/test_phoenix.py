"""Phoenix reads the same agents, tools, calls, tokens and costs from exported spans.

It is 850 MB and takes a while to start, so it is asked only where it is installed, in an environment of its own:
`pip install arize-phoenix`, and its `phoenix` on the PATH or named by ``TRACEKIT_PHOENIX``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import environment, nodes, tracekit, tracekit_json
from tests.support.ports import free_port
from tests.support.waiting import eventually

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(300)]

COMMAND = os.environ.get("TRACEKIT_PHOENIX") or shutil.which("phoenix")
QUERY = """{ projects { edges { node { spans(first: 500) { edges { node {
    name spanKind tokenCountPrompt tokenCountCompletion costSummary { total { cost } }
} } } } } } }"""


@pytest.fixture
def phoenix(tmp_path: Path) -> Iterator[str]:
    """A Phoenix that has seen nothing yet; its address."""
    if COMMAND is None:
        pytest.skip("arize-phoenix is not installed")
    port = free_port()
    env = {
        **environment(tmp_path),
        "PHOENIX_WORKING_DIR": str(tmp_path / "phoenix"),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    }
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "phoenix.log").open("w") as log:
        process = subprocess.Popen([COMMAND, "serve"], env=env, stdout=log, stderr=log)
        try:
            wait_for(f"{url}/healthz")
            yield url
        finally:
            process.terminate()
            process.wait()


def wait_for(url: str) -> None:
    def is_up() -> bool:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            return False
        return True

    eventually(is_up, lambda: "Phoenix did not start", within_s=180)


def spans_of(url: str) -> list[dict[str, Any]]:
    body = json.dumps({"query": QUERY}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        projects = json.load(answer)["data"]["projects"]["edges"]
    return [edge["node"] for project in projects for edge in project["node"]["spans"]["edges"]]


def test_phoenix_counts_and_prices_as_we_do(phoenix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    env = environment(tmp_path / "home", OTEL_EXPORTER_OTLP_ENDPOINT=phoenix)
    assert tracekit("demo", "--pipeline", "support", env=env).returncode == 0
    shown = tracekit_json("show", "last", env=env)
    run, root = shown["run"], shown["root"]

    def calls_in(received: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [span for span in received if span["spanKind"] == "llm"]

    def priced() -> list[dict[str, Any]]:
        """Phoenix receives and prices spans a little later."""
        received = spans_of(phoenix)
        calls = calls_in(received)
        return received if len(calls) == run["calls"] and all(span["costSummary"] for span in calls) else []

    received = eventually(priced)
    calls = calls_in(received)
    kinds = Counter(span["spanKind"] for span in received)
    assert kinds["llm"] == run["calls"] == 16
    assert kinds["agent"] == run["agents"] == 9
    assert kinds["tool"] == len(nodes(root, "tool"))
    assert sum(span["tokenCountPrompt"] for span in calls) == run["tokens"]["input"]
    assert sum(span["tokenCountCompletion"] for span in calls) == run["tokens"]["output"]
    cost = sum(span["costSummary"]["total"]["cost"] for span in calls)
    assert cost == pytest.approx(run["cost_usd"], rel=1e-6)
