"""W3C trace context: in from whoever started the program, and out to what it starts."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.collector import collector
from tests.support.warm import warm_python
from tracekit import semconv
from tracekit.instrument.remote import Remote, incoming

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"

PROGRAM = """
import json, os, subprocess, sys, tracekit

tracekit.init()
SHOW = "import json, os; print(json.dumps({n: os.environ[n] for n in ('TRACEPARENT', 'TRACESTATE', 'X') if n in os.environ}))"

def show(**options):
    return json.loads(subprocess.run([sys.executable, "-c", SHOW], capture_output=True, check=True, **options).stdout)

outside = show()
with tracekit.agent("lead") as lead, tracekit.tool("look") as tool:
    inherited = show()
    copied = show(env={**os.environ, "X": "1"})
    clean = show(env={"PATH": os.environ["PATH"]})
    own = show(env={**os.environ, "TRACEPARENT": "00-11111111111111111111111111111111-2222222222222222-01"})
print(json.dumps([tool.id, outside, inherited, copied, clean, own]))
"""

CHILD = """
import subprocess, sys, tracekit
tracekit.init()
with tracekit.agent("lead"), tracekit.tool("shell"):
    subprocess.run([sys.executable, "-c", "import tracekit; tracekit.init()\\nwith tracekit.agent('inner'): pass"], check=True)
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (PARENT, Remote(TRACE, SPAN, is_sampled=True)),
        (f" {PARENT[:-2]}00 ", Remote(TRACE, SPAN, is_sampled=False)),
        ("", None),
        ("no", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
    ],
)
def test_what_comes_in(text: str, found: Remote | None) -> None:
    assert incoming({"TRACEPARENT": text}) == found


def test_what_comes_in_goes_out_as_it_was() -> None:
    variables = {"TRACEPARENT": PARENT, "TRACESTATE": "vendor=1,other=2"}
    remote = incoming(variables)
    assert remote is not None
    assert remote.variables() == variables


@pytest.mark.parametrize("variables", [{}, {"TRACEPARENT": PARENT, "TRACESTATE": "vendor=1"}])
def test_a_subprocess_is_told_the_span_that_started_it(variables: dict[str, str], tmp_path: Path) -> None:
    with collector() as found:
        env = environment(tmp_path, **found.variables("http/protobuf"), **variables)
        done = subprocess.run([warm_python(), "-c", PROGRAM], env=env, capture_output=True, text=True, check=True)
        agent, tool = found.received(2)
    said = json.loads(done.stdout)
    assert said[0] == tool.id
    outside, inherited, copied, clean, own = said[1:]
    assert outside == variables
    expected = {"TRACEPARENT": f"00-{tool.trace}-{tool.id}-01"}
    if variables:
        expected["TRACESTATE"] = "vendor=1"
        assert (agent.trace, agent.parent) == (TRACE, SPAN)
    else:
        assert agent.parent == ""
    assert inherited == clean == expected
    assert copied == {**expected, "X": "1"}
    assert own["TRACEPARENT"].startswith("00-1111")


def test_without_an_endpoint_nothing_is_told(tmp_path: Path) -> None:
    env = environment(tmp_path, TRACEPARENT=PARENT)
    done = subprocess.run([warm_python(), "-c", PROGRAM], env=env, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert said[1] == said[2] == {"TRACEPARENT": PARENT}
    assert said[4] == {}
    # The record knows where it hangs, so that it can be sent there later.
    root = tracekit_json("show", "last", env=env)["root"]
    (agent,) = root["children"]
    assert agent["attributes"][semconv.REMOTE_PARENT] == SPAN
    with collector() as found:
        assert tracekit("export", "last", "--otlp", found.http, env=env).returncode == 0
        run, sent_agent, tool = found.received(3)
    assert {span.trace for span in (run, sent_agent, tool)} == {TRACE}
    assert (run.parent, sent_agent.parent, tool.parent) == (SPAN, run.id, sent_agent.id)


def test_one_that_is_not_sampled_is_not_exported(tmp_path: Path) -> None:
    with collector() as found:
        env = environment(tmp_path, **found.variables("http/protobuf"), TRACEPARENT=f"{PARENT[:-2]}00")
        done = subprocess.run([warm_python(), "-c", PROGRAM], env=env, capture_output=True, text=True, check=True)
        assert found.received(0) == []
    assert json.loads(done.stdout)[2]["TRACEPARENT"].endswith("-00")


@pytest.mark.parametrize("variables", [{}, {"TRACEPARENT": PARENT}])
def test_a_whole_process_run_is_one_trace(variables: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(CHILD)
    with collector() as found:
        env = environment(tmp_path / "home", **found.variables("http/protobuf"), **variables)
        done = tracekit("run", str(script), env=env)
        assert done.returncode == 0, done.stderr
        run, agent, tool, inner = found.received(4)
    shown = tracekit_json("show", "last", env=env)
    trace = TRACE if variables else shown["run"]["id"]
    assert {span.trace for span in (run, agent, tool, inner)} == {trace}
    assert run.parent == (SPAN if variables else "")
    assert (agent.parent, tool.parent, inner.parent) == (run.id, agent.id, tool.id)
    assert run.name == "program"
    assert run.resource["service.name"] == inner.resource["service.name"] == "program"
    (lead,) = shown["root"]["children"]
    assert [node["id"] for node in lead["children"]] == [tool.id]
    assert [node["id"] for node in lead["children"][0]["children"]] == [inner.id]


def test_a_subprocess_hangs_under_its_tool_whether_or_not_anything_is_exported(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(CHILD)
    env = environment(tmp_path / "home")
    assert tracekit("run", str(script), env=env).returncode == 0
    (lead,) = tracekit_json("show", "last", env=env)["root"]["children"]
    assert [node["agent"] for node in lead["children"][0]["children"]] == ["inner"]
    assert "TRACEPARENT" not in os.environ
