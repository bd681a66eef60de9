"""A forked process has totals of its own, which a backend must not take for those of its parent."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from tests.support.cli import environment
from tests.support.collector import collector
from tracekit.demo.claude import ScriptedClaude, message, reply, text

PROGRAM = """
import os, anthropic, tracekit
tracekit.init()
ASK = dict(model="claude-sonnet-5-5", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
child = os.fork()
with anthropic.Anthropic() as client:
    client.messages.create(**ASK)
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


def test_parent_and_child_are_two_instances(tmp_path: Path) -> None:
    with collector("metrics") as found, ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        more = {**found.variables("http/protobuf"), "OTEL_METRICS_EXPORTER": "otlp", "OTEL_TRACES_EXPORTER": "none"}
        env = environment(tmp_path, claude.url, **more)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        until, instances = time.monotonic() + 20, list[str]()
        while len(instances) < 2:
            assert time.monotonic() < until, "".join(found.printed)
            time.sleep(0.05)
            instances = re.findall(r"service\.instance\.id: Str\((\w+)\)", "".join(found.printed))
    assert len({*instances}) == len(instances) == 2
