"""An endpoint that is down or never answers: the program ends soon, says it once, and `doctor` knows."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.otlp.test_live import PROTOCOLS
from tests.support.cli import environment, tracekit_json
from tests.support.collector import collector, silent
from tests.support.ports import free_port
from tests.support.waiting import LONG_S
from tests.support.warm import warm_python
from tracekit.formatting import format_count

FOR_EVER = {"OTEL_EXPORTER_OTLP_TIMEOUT": "3600"}
"""How long an exporter waits by itself: a program that waits for it never ends. tests/bench/bench_export.py measures the end."""

PROGRAM = """
import os, sys, time, tracekit
tracekit.init()
with tracekit.agent("lead"):
    with tracekit.tool("look"):
        time.sleep(float(sys.argv[1]))
with tracekit.agent("last"):
    pass
"""


def perform(home: Path, protocol: str, url: str, sleep_s: float) -> str:
    """Run the program, which must end; return what it said."""
    env = environment(home, OTEL_EXPORTER_OTLP_PROTOCOL=protocol, OTEL_EXPORTER_OTLP_ENDPOINT=url, **FOR_EVER)
    command = [warm_python(), "-c", PROGRAM, str(sleep_s)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=LONG_S).stderr


def check(name: str, home: Path, **more: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = tracekit_json("doctor", env=environment(home, **more))
    return {check["name"]: check for check in found}.get(name, {})


@pytest.mark.parametrize("sleep_s", [0.0, 2.5])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.slow
def test_an_endpoint_that_never_answers(protocol: str, sleep_s: float, tmp_path: Path) -> None:
    with silent() as endpoint:
        said = perform(tmp_path, protocol, endpoint.url, sleep_s)
    (line,) = said.splitlines()
    assert f"spans are not exported to {endpoint.url}" in line
    lost = check("lost spans", tmp_path)
    assert lost["says"].startswith("not exported: 3 spans of 1 process")
    assert not lost["ok"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.slow
def test_an_endpoint_that_is_down(protocol: str, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for number in (1, 2):
        said = perform(tmp_path, protocol, url, 1.5)
        (line,) = said.splitlines()
        assert f"spans are not exported to {url}" in line
        # Older exporters over gRPC say no more than the code.
        assert "refused" in line or (protocol == "grpc" and "UNAVAILABLE" in line)
        assert (
            f"{3 * number} spans of {format_count(number, 'process', 'processes')}"
            in check("lost spans", tmp_path)["says"]
        )


def test_doctor_asks_the_endpoint(tmp_path: Path) -> None:
    assert check("export", tmp_path) == {}
    with collector() as found:
        answered = check("export", tmp_path, **found.variables("http/protobuf"))
        assert answered["ok"]
        assert "without message content" in answered["says"]
        assert check("export", tmp_path, **found.variables("grpc"))["ok"]
    refused = check("export", tmp_path, **found.variables("http/protobuf"))
    assert not refused["ok"]
    assert "refused" in refused["says"]
    assert check("lost spans", tmp_path) == {}


def test_a_program_without_an_endpoint_loads_nothing(tmp_path: Path) -> None:
    program = "import sys, tracekit; tracekit.init()\nprint([name for name in sys.modules if name.startswith('tracekit.otlp')])"
    env = {**environment(tmp_path), "OTEL_SERVICE_NAME": "x"}
    done = subprocess.run([warm_python(), "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_with_an_endpoint_the_agents_thread_loads_no_sdk(tmp_path: Path) -> None:
    program = (
        "import sys, tracekit; tracekit.init()\nprint([name for name in sys.modules if 'opentelemetry.sdk' in name])"
    )
    env = environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    done = subprocess.run([warm_python(), "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


FORKING = """
import os, sys, tracekit
tracekit.init()
with tracekit.agent("parent"):
    pid = os.fork()
    if not pid:
        with tracekit.tool("child"):
            pass
        sys.exit(0)
    os.waitpid(pid, 0)
"""

PROCESSES = """
import multiprocessing, sys, tracekit

def work(name):
    with tracekit.tool(name):
        pass

if __name__ == "__main__":
    tracekit.init()
    context = multiprocessing.get_context(sys.argv[1])
    with tracekit.agent("parent"):
        process = context.Process(target=work, args=("child",))
        process.start()
        process.join()
"""


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("how", ["os.fork", "fork", "spawn", "forkserver"])
def test_a_child_exports_what_it_does_itself(how: str, protocol: str, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(FORKING if how == "os.fork" else PROCESSES)
    with collector() as found:
        env = environment(tmp_path / "home", **found.variables(protocol), PYTHONWARNINGS="ignore")
        done = subprocess.run(
            [warm_python(), str(script), how], env=env, capture_output=True, text=True, check=True, timeout=LONG_S
        )
        agent, tool = found.received(2)
    assert done.stderr == ""
    assert (agent.name, tool.name) == ("invoke_agent parent", "execute_tool child")
    assert (tool.parent, tool.trace) == (agent.id, agent.trace)
    assert agent.resource["process.pid"] != os.getpid()
