"""`tracekit export --format pytest`: the test that it writes runs and passes as written, and fails where it should."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import PROGRAMS, environment, tracekit
from tests.support.waiting import LONG_S
from tracekit.demo.claude import ScriptedClaude, message, reply, text

FIXTURES = Path(__file__).parents[2] / "fixtures" / "runs"
AGENT = """\
import asyncio
import sys

import anthropic
from helper import QUESTION

async def main() -> None:
    client = anthropic.AsyncAnthropic()
    asked = [{"role": "user", "content": f"{QUESTION} {word}"} for word in sys.argv[1:]]
    answers = [client.messages.create(model="claude-sonnet-5-5", max_tokens=50, messages=[each]) for each in asked]
    print(len(await asyncio.gather(*answers)))

if __name__ == "__main__":
    asyncio.run(main())
    sys.exit(0)
"""


def pytest_run(file: Path, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file.name)],
        cwd=file.parent,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with an agent in a package's folder, and a module beside it."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "ask.py").write_text(AGENT)
    (tmp_path / "agents" / "helper.py").write_text('QUESTION = "What is"\n')
    (tmp_path / "tests").mkdir()
    return tmp_path


@pytest.mark.parametrize("command", [["agents/ask.py"], ["-m", "agents_main"]], ids=["script", "module"])
def test_a_program_is_replayed(project: Path, command: list[str]) -> None:
    if command[0] == "-m":
        shutil.copy(project / "agents" / "ask.py", project / "agents_main.py")
        shutil.copy(project / "agents" / "helper.py", project / "helper.py")
    home = project / "home"
    with ScriptedClaude(lambda asked: reply(asked, message(text("Yes.")))) as claude:
        env = environment(home, claude.url)
        done = tracekit("run", "--name", "ask twice", "--", *command, "love", "life", env=env, cwd=project)
        assert done.returncode == 0, done.stderr
    target = project / "tests" / "test_ask.py"
    done = tracekit("export", "last", "--format", "pytest", "-o", "tests/test_ask.py", env=env, cwd=project)
    assert done.returncode == 0, done.stderr
    assert "runs the program against tests/recordings/test_ask/test_ask_twice.jsonl" in done.stderr
    passed = pytest_run(target, home)
    assert passed.returncode == 0, passed.stdout
    assert "1 passed" in passed.stdout
    folder = project if command[0] == "-m" else project / "agents"
    (folder / "helper.py").write_text('QUESTION = "Who is"\n')
    failed = pytest_run(target, home)
    assert failed.returncode == 1
    assert "Who is" in failed.stdout


@pytest.mark.parametrize("name", ["support-team", "guide-sync"])
def test_without_the_program_the_recording_is_checked(name: str, project: Path) -> None:
    env = environment(project / "home")
    target = project / "tests" / "test_it.py"
    done = tracekit(
        "export", str(FIXTURES / f"{name}.jsonl"), "--format", "pytest", "-o", str(target), env=env, cwd=project
    )
    assert done.returncode == 0, done.stderr
    assert "which checks" in done.stderr
    passed = pytest_run(target, project / "home")
    assert passed.returncode == 0, passed.stdout
    source = target.read_text()
    target.write_text(source.replace('"  ', '"    other_'))
    assert pytest_run(target, project / "home").returncode == 1


def test_a_guide_program_in_its_own_folder(tmp_path: Path) -> None:
    shutil.copy(PROGRAMS / "guide.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    env = environment(tmp_path / "home")
    recorded = str(FIXTURES / "guide-async.jsonl")
    done = tracekit("export", recorded, "--format", "pytest", "-o", "test_guide.py", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    passed = pytest_run(tmp_path / "test_guide.py", tmp_path / "home")
    assert passed.returncode == 0, passed.stdout


def test_a_name_that_is_no_test(tmp_path: Path) -> None:
    recorded = str(FIXTURES / "guide-sync.jsonl")
    done = tracekit("export", recorded, "--format", "pytest", "-o", "x.txt", env=environment(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "give a name like test_agent.py" in done.stderr
    assert list(tmp_path.glob("recordings")) == []
