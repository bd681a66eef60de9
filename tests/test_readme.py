"""What the README shows works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment, outline, tracekit, tracekit_json
from tracekit import demo
from tracekit.demo.claude import ScriptedClaude, message, text

DEMO = Path(demo.__file__).parent
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_blocks_run_and_are_recorded_as_they_say(tmp_path: Path) -> None:
    # The pipelines are the demo's own files, which the demo's tests run.
    first, second = [block for block in blocks("python") if "Orchestrator(" not in block and "RULE" not in block]
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
