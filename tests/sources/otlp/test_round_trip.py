"""Runs that tracekit exports and receives: the same tree, tokens and cost, over each wire, however often."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fixtures.make_runs import RUNS
from tests.sources.otlp.wire import in_json
from tests.sources.transcripts import imported, runs
from tests.support.cli import environment, tracekit
from tests.support.collector import collector
from tests.support.foreign import listening, posted
from tests.support.receiver import receiver
from tests.support.waiting import eventually
from tracekit.analysis.structure import structure
from tracekit.journal.reader import read_run
from tracekit.model.tree import Node

FIXTURES = ("guide-async", "support-team")


def _original(name: str) -> Any:
    return structure(read_run([RUNS / f"{name}.jsonl"]))


def _told(node: Node) -> list[Any]:
    """Return all of a node that an export says, and its children."""
    kept = [node.kind, node.name, node.agent, node.start_ns, node.status, node.inferred, node.model]
    sums = [node.tokens, node.retries, node.cost_usd, node.cost_complete]
    return [*kept, *sums, node.failure and node.failure.type, [_told(child) for child in node.children]]


def _assert_same(name: str) -> None:
    original = _original(name)
    (run,) = runs()
    assert (run.id, run.name, run.status) == (original.id, original.name, original.status)
    assert _told(run.root) == _told(original.root)


@pytest.mark.parametrize("name", FIXTURES)
def test_over_each_wire(name: str, home: Path, tmp_path: Path) -> None:
    env = environment(tmp_path / "elsewhere")
    path = str(RUNS / f"{name}.jsonl")
    with listening() as found:
        for protocol, port in (("grpc", found.grpc_port), ("http/protobuf", found.http_port)):
            url = f"http://127.0.0.1:{port}"
            done = tracekit("export", path, "--otlp", url, "--protocol", protocol, "--content", env=env)
            assert done.returncode == 0, done.stderr
        for body in _bodies(path, env):
            assert posted(found, body)[0] == 200
        # Each wire brought the same spans.
        assert found.intake.spans == _original(name).count()
    _assert_same(name)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_through_a_real_collector(protocol: str, home: Path, tmp_path: Path) -> None:
    with listening() as found:
        port = found.grpc_port if protocol == "grpc" else found.http_port
        options = ["--exporter", "otlp", "--otlp-exporter-endpoint", f"http://127.0.0.1:{port}"]
        options += ["--otlp-exporter-protocol", protocol, "--otlp-exporter-compression", "gzip"]
        with collector(passing_on=[*options, "--batch-timeout", "100ms"]) as between:
            path = str(RUNS / "support-team.jsonl")
            done = tracekit(
                "export", path, "--otlp", between.http, "--content", env=environment(tmp_path / "elsewhere")
            )
            assert done.returncode == 0, done.stderr
            eventually(lambda: found.intake.spans == _original("support-team").count())
    _assert_same("support-team")


def _bodies(path: str, env: dict[str, str]) -> list[dict[str, Any]]:
    """Return the requests of an export in JSON, with the ids in hex."""
    with receiver() as heard:
        done = tracekit("export", path, "--otlp", heard.url, "--content", env=env)
        assert done.returncode == 0, done.stderr
    return [in_json(ExportTraceServiceRequest.FromString(body)) for body in heard.bodies]


def test_from_a_file_and_again(home: Path, tmp_path: Path) -> None:
    bodies = _bodies(str(RUNS / "guide-async.jsonl"), environment(tmp_path / "elsewhere"))
    path = tmp_path / "spans.jsonl"
    path.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    assert imported(path).sessions == 1
    _assert_same("guide-async")
    before = {each: each.stat().st_mtime_ns for each in home.rglob("*.jsonl")}
    again = imported(path)
    assert (again.sessions, again.unchanged) == (0, 1)
    assert {each: each.stat().st_mtime_ns for each in home.rglob("*.jsonl")} == before


def test_a_run_that_was_recorded_here_stays_as_it_is(home: Path, tmp_path: Path) -> None:
    recorded = home / "runs" / "2026-11-28" / f"{_original('guide-async').id}.box.12.jsonl"
    recorded.parent.mkdir(parents=True)
    recorded.write_bytes((RUNS / "guide-async.jsonl").read_bytes())
    os.environ.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
    with listening() as found:
        url = f"http://127.0.0.1:{found.http_port}"
        assert tracekit("export", str(recorded), "--otlp", url, env=environment(home)).returncode == 0
    assert [path.name for path in home.rglob("runs/*/*.jsonl")] == [recorded.name]
    _assert_same("guide-async")
