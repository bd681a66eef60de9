"""A forked process has totals of its own, which a backend must not take for those of its parent."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import environment
from tests.support.collector import Collector, collector
from tests.support.waiting import eventually
from tests.support.warm import warm_python
from tracekit.demo.claude import ScriptedClaude, message, reply, text

PROGRAM = """
import os, sys, anthropic, tracekit
tracekit.init()
ASK = dict(model="claude-sonnet-5-5", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
child = os.fork()
with anthropic.Anthropic() as client:
    client.messages.create(**ASK)
os.read(0, 1)
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.slow
def test_parent_and_child_are_two_instances(tmp_path: Path) -> None:
    with collector("metrics") as found, ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        asked = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_TRACES_EXPORTER": "none", "OTEL_METRIC_EXPORT_INTERVAL": "500"}
        env = environment(tmp_path, claude.url, **found.variables("http/protobuf"), **asked)
        command = [warm_python(), "-W", "ignore", "-c", PROGRAM]
        with subprocess.Popen(command, env=env, stdin=subprocess.PIPE) as program:
            eventually(lambda: len(instances(found)) == 2)
        # Both end when there is nothing more to read.
        assert program.returncode == 0
    assert len(instances(found)) == 2


def instances(found: Collector) -> set[str]:
    return {*re.findall(r"service\.instance\.id: Str\((\w+)\)", "".join(found.printed))}
