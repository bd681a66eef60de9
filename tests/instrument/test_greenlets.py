"""Calls in greenlets stay in their run, whenever gevent replaces threads; a replay of them is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment, nodes, tracekit, tracekit_json
from tests.support.waiting import LONG_S
from tracekit.demo.claude import ScriptedClaude, message, reply, text

pytestmark = pytest.mark.slow

PATCH = "from gevent import monkey; monkey.patch_all()\n"
INIT = "import tracekit; tracekit.init()\n"
AGENT = """
import threading, anthropic, gevent, gevent.pool, tracekit
tracekit.init()
client = anthropic.Anthropic(max_retries=0)

class Sub(gevent.Greenlet):
    def _run(self):
        ask("a class")

def ask(what):
    with tracekit.agent(what):
        client.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": what}])

with tracekit.run("outer"), tracekit.agent("lead"):
    thread = threading.Thread(target=ask, args=("thread",))
    thread.start()
    sub = Sub()
    sub.start()
    greenlets = [gevent.spawn(ask, "greenlet"), gevent.pool.Pool(2).spawn(ask, "pool"), sub]
    gevent.joinall(greenlets, raise_error=True)
    thread.join()
with tracekit.run("after"):
    ask("after")
"""
REPLAYED = """
import anthropic
print(anthropic.Anthropic().messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": "q"}]).id)
"""


def run(code: str, env: dict[str, str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "agent.py").write_text(code)
    return subprocess.run(
        [sys.executable, "agent.py"], env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=LONG_S
    )


@pytest.mark.parametrize("first", [PATCH, INIT + PATCH, ""], ids=["patched first", "patched after", "not patched"])
def test_greenlets_stay_in_their_run(first: str, tmp_path: Path) -> None:
    with ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        env = environment(tmp_path / "home", claude.url)
        done = run(first + AGENT, env, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert {run["name"]: run["calls"] for run in tracekit_json("ls", env=env)} == {"outer": 4, "after": 1}
    (lead,) = tracekit_json("show", "outer", env=env)["root"]["children"]
    below = sorted(node["agent"] for node in nodes(lead, "agent"))
    assert below == ["a class", "greenlet", "lead", "pool", "thread"]
    assert all(node["agent"] != "lead" or node is lead for node in nodes(lead, "agent"))
    assert [len(nodes(child, "agent")) for child in nodes(lead, "agent")[1:]] == [1, 1, 1, 1]


def test_a_replay_under_gevent_is_refused(tmp_path: Path) -> None:
    with ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        env = environment(tmp_path / "home", claude.url)
        (tmp_path / "agent.py").write_text(REPLAYED)
        assert tracekit("run", "agent.py", env=env, cwd=tmp_path).returncode == 0
        assert tracekit("export", "last", "-o", "run.jsonl", env=env, cwd=tmp_path).returncode == 0
    (tmp_path / "agent.py").write_text(PATCH + REPLAYED)
    done = tracekit("replay", "run.jsonl", "--", "agent.py", env=env, cwd=tmp_path)
    assert done.returncode == 125
    assert "runs on gevent can be recorded but not replayed" in done.stderr
    code = PATCH + "import tracekit\nwith tracekit.replay('run.jsonl'): print('in the block')"
    done = run(code, env, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ReplayError: a program that runs on gevent can be recorded but not replayed" in done.stderr
