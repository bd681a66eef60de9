"""What the README shows works."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from tracekit_viewer.app import Viewer
from tracekit_viewer.screens.help import keys_of
from tracekit_viewer.screens.runs import RunsScreen

from fixtures.make_runs import RUNS
from tests.support.cli import environment, outline, tracekit, tracekit_json
from tests.support.listed import Listed
from tests.support.screens import drive
from tests.support.warm import warm_python
from tracekit import demo
from tracekit.demo import support_team_script
from tracekit.demo.claude import ScriptedClaude, message, text
from tracekit.journal.writer import JournalSink

DEMO = Path(demo.__file__).parent
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_blocks_run_and_are_recorded_as_they_say(tmp_path: Path) -> None:
    # The pipelines are the demo's own files, which the demo's tests run.
    told = [block for block in blocks("python") if "Orchestrator(" not in block and "RULE" not in block]
    first, second, third = [block for block in told if "def test_" not in block]
    assert first.strip().endswith("tracekit.init()")
    env = environment(tmp_path)
    subprocess.run([warm_python(), "-c", first], env=env, check=True)
    with ScriptedClaude(lambda asked: message(text("Nothing."))) as claude:
        env = environment(tmp_path, claude.url, PYTHONWARNINGS="ignore")
        done = subprocess.run([warm_python(), "-c", second], env=env, capture_output=True, text=True, check=True)
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
    replayed = subprocess.run([warm_python(), "-c", third], env=env, capture_output=True, text=True, check=True)
    assert replayed.stdout.endswith("followed 16 calls\n")


def test_the_tests_pass_against_recordings(tmp_path: Path) -> None:
    (tests,) = [block for block in blocks("python") if "def test_" in block]
    recordings = tmp_path / "recordings"
    (recordings / "test_support").mkdir(parents=True)
    shutil.copy(RUNS / "support-team.jsonl", recordings / "test_support" / "test_support_team.jsonl")
    env = environment(tmp_path / "home")
    with ScriptedClaude(support_team_script.respond) as claude:
        made = environment(tmp_path / "home", claude.url)
        command = [warm_python(), "-c", "from tracekit.demo.support_team import *\nasyncio.run(main(TICKETS[1:]))"]
        subprocess.run([warm_python(), "-m", "tracekit", "run", "--", *command], env=made, check=True)
    assert tracekit("export", "last", "-o", str(recordings / "one_ticket.jsonl"), env=env).returncode == 0
    (tmp_path / "test_support.py").write_text(tests)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [warm_python(), "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio", "--snapshot-update"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("name", ["support_team.py", "refactoring_team.py"])
def test_the_pipelines_are_shown_as_they_are(name: str) -> None:
    assert f"```python\n{(DEMO / name).read_text(encoding='utf-8')}```" in README


def test_the_keys_are_those_of_the_viewer(home: Path) -> None:
    Listed("a run").write(JournalSink())
    found: dict[str, set[tuple[str, str]]] = {}

    async def look(pilot: Pilot[Any]) -> None:
        where = "list" if isinstance(pilot.app.screen, RunsScreen) else "run"
        found[where] = {(" ".join(key.shown.split()), key.does) for key in keys_of(pilot.app.screen)}

    drive(Viewer(), look)
    drive(Viewer("last"), look)
    found |= {"detail": found["run"], "everywhere": found["list"] & found["run"]}
    rows = re.findall(r"^\| (list|run|detail|everywhere) \| (`.*`) \| (.*) \|$", README, re.MULTILINE)
    assert len(rows) > 20
    for where, keys, does in rows:
        assert (keys.replace("`", ""), does) in found[where], f"{where}: {keys} {does}"


def test_the_pictures_are_there() -> None:
    pictures = re.findall(r"!\[.+\]\((.+)\)", README)
    assert len(pictures) > 3
    for picture in pictures:
        text = (Path(__file__).parent.parent / picture).read_text(encoding="utf-8")
        assert text.startswith("<svg")
        assert len(text) < 200_000


def test_every_command_is_named_and_exists(tmp_path: Path) -> None:
    listed = tracekit("--help", env=environment(tmp_path)).stdout
    commands = re.findall(r"^  ([\w-]+)  ", listed.partition("Commands:")[2], re.MULTILINE)
    assert commands
    for command in commands:
        assert f"tracekit {command}" in README, command
        assert tracekit(command, "--help", env=environment(tmp_path)).returncode == 0
    for named in re.findall(r"\$ tracekit (\w+)", README):
        assert named in commands, named
