"""`tracekit export RUN --otlp`: a recorded run, later, as it was; again, the same."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.cli.test_run_guide import Shop
from tests.otlp.test_live import PROTOCOLS, flat
from tests.support.cli import PROGRAMS, environment, tracekit, tracekit_json
from tests.support.collector import collector
from tests.support.conventions import assert_conventional
from tests.support.ports import free_port
from tracekit import semconv
from tracekit.demo.claude import ScriptedClaude


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guide's loop, recorded without OpenTelemetry: most of its levels are inferred."""
    home = tmp_path_factory.mktemp("home")
    with ScriptedClaude(Shop()) as claude:
        done = tracekit("run", str(PROGRAMS / "guide.py"), "async", env=environment(home, claude.url))
    assert done.returncode == 0, done.stderr
    return home


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_run_is_sent_with_its_ids_and_times_and_twice_the_same(protocol: str, recorded: Path) -> None:
    env = environment(recorded)
    shown = tracekit_json("show", "last", env=env)
    nodes = flat(shown["root"])
    with collector() as found:
        url = found.grpc if protocol == "grpc" else found.http
        for _ in range(2):
            done = tracekit("export", "last", "--otlp", url, "--protocol", protocol, env=env)
            assert done.returncode == 0, done.stderr
            assert f"sent {len(nodes)} spans" in done.stderr
        received = found.received(2 * len(nodes))
        printed = "".join(found.printed)
    by_id = {span.id: span for span in received}
    assert len(by_id) == len(nodes)
    assert_conventional(list(by_id.values()))
    for span in received:
        assert re.fullmatch("[0-9a-f]{16}", span.id)
        assert (span.name, span.start_ns, span.parent) == (
            by_id[span.id].name,
            by_id[span.id].start_ns,
            by_id[span.id].parent,
        )
        assert span.trace == shown["run"]["id"]
        assert span.parent in by_id or span.attributes[semconv.KIND] == "run"
    for parent, node in nodes:
        if not node["inferred"]:
            span = by_id[node["id"]]
            assert (span.name, span.start_ns, span.end_ns) == (node["name"], node["start_ns"], node["end_ns"])
            assert parent is None or len(parent) > 16 or span.parent == parent
    inferred = [span for span in by_id.values() if semconv.INFERRED in span.attributes]
    assert len(inferred) == sum(node["inferred"] for _, node in nodes) > 0
    assert "findings" not in printed


def test_content_where_it_is_asked_for(recorded: Path) -> None:
    with collector() as found:
        done = tracekit("export", "last", "--otlp", found.http, "--content", env=environment(recorded))
        assert done.returncode == 0, done.stderr
        number = int(re.findall(r"sent (\d+) spans", done.stderr)[0])
        calls = [span for span in found.received(number) if span.attributes[semconv.KIND] == "llm"]
    for call in calls:
        assert json.loads(call.attributes[semconv.INPUT_MESSAGES])[0]["role"] == "user"
        (output,) = json.loads(call.attributes[semconv.OUTPUT_MESSAGES])
        assert output["finish_reason"] == call.attributes[semconv.STOP_REASON]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_endpoint_that_is_not_there(protocol: str, recorded: Path) -> None:
    env = environment(recorded, OTEL_EXPORTER_OTLP_TIMEOUT="3")
    url = f"http://127.0.0.1:{free_port()}"
    done = tracekit("export", "last", "--otlp", url, "--protocol", protocol, env=env)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"tracekit: {url}")
    assert "refused" in line


def test_variables_that_cannot_be_read_are_named(recorded: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for variable, code, says in (
        (
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            2,
            "have values that cannot be used: OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=few is not a number",
        ),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", 1, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=few is not a positive number"),
    ):
        # The SDK reads its limits when it is imported, so nothing may have imported it before.
        env = environment(recorded, **{variable: "few"})
        done = tracekit("export", "last", "--otlp", url, env=env, python=sys.executable)
        assert done.returncode == code, done.stderr
        assert says in done.stderr.splitlines()[0]


def test_an_endpoint_that_refuses(recorded: Path) -> None:
    with collector() as found:
        done = tracekit("export", "last", "--otlp", f"{found.http}/elsewhere", env=environment(recorded))
    assert done.returncode == 1
    assert re.fullmatch(
        rf"tracekit: {found.http}/elsewhere/v1/traces does not take \d+ spans: 404 Not Found\n", done.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--otlp", "localhost:4318"], "is not an address"),
        ([], "give either -o FILE or --otlp URL"),
        (["-o", "x", "--otlp", "http://127.0.0.1:1"], "give either -o FILE or --otlp URL"),
        (["-o", "x", "--content"], "--content is for --otlp"),
    ],
)
def test_what_cannot_be_meant(arguments: list[str], says: str, recorded: Path) -> None:
    done = tracekit("export", "last", *arguments, env=environment(recorded))
    assert done.returncode == 2
    assert says in done.stderr
