"""Programs that a program starts with an environment of its own: recorded with it, replayed with it, or told of."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import environment, nodes, tracekit, tracekit_json
from tests.support.replaying import echo
from tests.support.warm import warm_python
from tracekit.demo.claude import ScriptedClaude

pytestmark = pytest.mark.slow

ASK = """
import anthropic, sys
with anthropic.Anthropic(api_key="key", base_url=sys.argv[1], max_retries=0) as client:
    print(client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": sys.argv[2]}]).content[0].text)
"""

PROGRAM = """
import asyncio, os, subprocess, sys
url, ask = os.environ["API"], sys.argv[1]
def command(words): return [sys.executable, ask, url, words]
clean = {"PATH": os.environ["PATH"]}
print(subprocess.run(command("first"), env={}, capture_output=True, text=True).stdout)
print(subprocess.run(command("second"), env={**clean, "PYTHONPATH": "/nowhere"}, capture_output=True, text=True).stdout)
async def main():
    child = await asyncio.create_subprocess_exec(*command("third"), env=clean, stdout=subprocess.PIPE)
    print((await child.communicate())[0].decode())
asyncio.run(main())
"""

OPTED_OUT = """
import os, pathlib, subprocess, sys
given = {**os.environ, sys.argv[3]: sys.argv[4]}
print(subprocess.run([sys.executable, sys.argv[1], sys.argv[2], "own"], env=given, capture_output=True, text=True).stdout)
exec(pathlib.Path(sys.argv[1]).read_text().replace("sys.argv[2]", "'host'").replace("sys.argv[1]", "sys.argv[2]"))
"""


@pytest.fixture
def claude() -> Iterator[ScriptedClaude]:
    with ScriptedClaude(echo()) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, code in (("ask", ASK), ("program", PROGRAM), ("opted_out", OPTED_OUT)):
        (tmp_path / f"{name}.py").write_text(code)
    return tmp_path


def test_a_child_with_a_cleaned_environment_is_part_of_the_run(claude: ScriptedClaude, folder: Path) -> None:
    """And of its replay, in which nothing reaches the API."""
    env = environment(folder / "home", API=claude.url)
    program = [str(folder / "program.py"), str(folder / "ask.py")]
    # What is cleaned is what real processes find one another by.
    done = tracekit("run", *program, env=env, python=sys.executable)
    said = ["re: first", "re: second", "re: third"]
    assert done.stdout.split("\n\n")[:3] == said, done.stderr
    shown = tracekit_json("show", "last", env=env)
    assert (shown["run"]["calls"], len(tracekit_json("ls", env=env))) == (3, 1)
    assert {call["status"] for call in nodes(shown["root"], "llm")} == {"ok"}
    again = tracekit("replay", "last", "--", *program, env=env, python=sys.executable)
    assert (again.returncode, again.stdout) == (0, done.stdout), again.stderr
    assert "followed, 3 calls" in again.stderr
    assert len(claude.asked) == 3


@pytest.mark.parametrize(("name", "value"), [("TRACEKIT_SESSION", ""), ("TRACEKIT_DISABLED", "1")])
def test_a_child_that_is_kept_out_stays_out(name: str, value: str, claude: ScriptedClaude, folder: Path) -> None:
    """In a replay its call is refused, and the replay is not one that followed."""
    env = environment(folder / "home", claude.url)
    program = [str(folder / "opted_out.py"), str(folder / "ask.py"), claude.url, name, value]
    assert tracekit("run", *program, env=env).returncode == 0
    assert tracekit_json("show", "last", env=env)["run"]["calls"] == 1


def test_a_replay_that_blocked_the_call_of_a_child_did_not_follow(claude: ScriptedClaude, folder: Path) -> None:
    """Also where the program does not mind."""
    env = environment(folder / "home", claude.url)
    program = [str(folder / "opted_out.py"), str(folder / "ask.py"), claude.url, "TRACEKIT_REPLAY", ""]
    assert tracekit("run", *program, env=env).returncode == 0
    (folder / "home" / "runs").rename(folder / "runs")
    (folder / "home" / "runs").mkdir()
    (journal,) = [path for path in (folder / "runs").rglob("*.jsonl") if "re: host" in path.read_text()]
    asked = len(claude.asked)
    again = tracekit("replay", str(journal), "--", *program, env=env)
    assert again.returncode == 1, again.stderr
    assert "a program that it started, which is not replayed, sent a request to the API" in again.stderr
    assert f"by {warm_python()}" in again.stderr
    assert len(claude.asked) == asked


def test_claude_code_has_no_answers_in_a_replay(claude: ScriptedClaude, folder: Path) -> None:
    (folder / "claude").write_text("#!/bin/sh\n")
    (folder / "claude").chmod(0o755)
    code = f"import subprocess\nsubprocess.run([{str(folder / 'claude')!r}, '-p', 'hi'])\n"
    (folder / "code.py").write_text(code + ASK.replace("sys.argv[1]", repr(claude.url)).replace("sys.argv[2]", "'x'"))
    env = environment(folder / "home", claude.url)
    assert "partial: the program started claude" in tracekit("run", str(folder / "code.py"), env=env).stderr
    again = tracekit("replay", "last", "--", str(folder / "code.py"), env=env)
    assert again.returncode == 1
    assert f"asked: the program {folder}/claude" in again.stderr
