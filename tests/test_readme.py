"""What the README shows works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.make_runs import RUNS
from tests.support.cli import environment, outline, tracekit, tracekit_json
from tracekit import demo
from tracekit.demo import support_team_script
from tracekit.demo.claude import ScriptedClaude, message, text

DEMO = Path(demo.__file__).parent
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_blocks_run_and_are_recorded_as_they_say(tmp_path: Path) -> None:
    # The pipelines are the demo's own files, which the demo's tests run.
    told = [block for block in blocks("python") if "Orchestrator(" not in block]
    first, second, third = [block for block in told if "def test_" not in block]
    assert first.strip().endswith("tracekit.init()")
    env = environment(tmp_path)
    subprocess.run([sys.executable, "-c", first], env=env, check=True)
    with ScriptedClaude(lambda asked: message(text("Nothing."))) as claude:
        env = environment(tmp_path, claude.url, PYTHONWARNINGS="ignore")
        done = subprocess.run([sys.executable, "-c", second], env=env, capture_output=True, text=True, check=True)
    shown = tracekit_json("show", "review", env=env)
    assert done.stdout == f"{shown['run']['id']} Nothing.\n"
    assert outline(shown["root"]) == [
        "run",
        "  agent lead",
        "    agent analysis_agent",
        "      tool read_file",
        "      turn ~",
        "        llm",
    ]

    assert tracekit("demo", "--pipeline", "support", env=env).returncode == 0
    replayed = subprocess.run([sys.executable, "-c", third], env=env, capture_output=True, text=True, check=True)
    assert replayed.stdout.endswith("followed 16 calls\n")


def test_the_tests_pass_against_recordings(tmp_path: Path) -> None:
    (tests,) = [block for block in blocks("python") if "def test_" in block]
    recordings = tmp_path / "recordings"
    (recordings / "test_support").mkdir(parents=True)
    shutil.copy(RUNS / "support-team.jsonl", recordings / "test_support" / "test_support_team.jsonl")
    env = environment(tmp_path / "home")
    with ScriptedClaude(support_team_script.respond) as claude:
        made = environment(tmp_path / "home", claude.url)
        command = [sys.executable, "-c", "from tracekit.demo.support_team import *\nasyncio.run(main(TICKETS[1:]))"]
        subprocess.run([sys.executable, "-m", "tracekit", "run", "--", *command], env=made, check=True)
    assert tracekit("export", "last", "-o", str(recordings / "one_ticket.jsonl"), env=env).returncode == 0
    (tmp_path / "test_support.py").write_text(tests)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio", "--snapshot-update"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("name", ["support_team.py", "refactoring_team.py"])
def test_the_pipelines_are_shown_as_they_are(name: str) -> None:
    assert f"```python\n{(DEMO / name).read_text(encoding='utf-8')}```" in README


def test_every_command_is_named_and_exists(tmp_path: Path) -> None:
    listed = tracekit("--help", env=environment(tmp_path)).stdout
    commands = re.findall(r"^  (\w+)  ", listed.partition("Commands:")[2], re.MULTILINE)
    assert commands
    for command in commands:
        assert f"tracekit {command}" in README, command
        assert tracekit(command, "--help", env=environment(tmp_path)).returncode == 0
    for named in re.findall(r"\$ tracekit (\w+)", README):
        assert named in commands, named
