"""`tracekit git-setup`, in a real repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment, tracekit
from tests.support.replaying import echo, question, record, sync_client, words_of
from tracekit.journal.catalog import segments_of
from tracekit.journal.export import export

ME = ["-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**environment(tmp_path / "other"), "PATH": path, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}


def _git(folder: Path, env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(["git", *ME, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _record(path: Path, words: str) -> None:
    def program(url: str) -> list[str]:
        with sync_client(url) as client:
            return [words_of(client.messages.create(**question(each))) for each in ("one", words, "three")]

    _, recording = record(program, echo())
    path.parent.mkdir(parents=True, exist_ok=True)
    export(segments_of(recording.id), path, shared=True)


@pytest.mark.slow
def test_a_reviewer_sees_what_was_changed(home: Path, tmp_path: Path, env: dict[str, str]) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    _git(repository, env, "init", "-q")
    (repository / ".gitattributes").write_text("*.png binary")
    recording = repository / "tests/recordings/test_it/test_it.jsonl"
    _record(recording, "two words")

    said = tracekit("git-setup", env=env, cwd=recording.parent)
    assert said.returncode == 0, said.stderr
    assert "to be committed" in said.stderr
    assert "set diff.tracekit.textconv" in said.stderr
    attributes = (repository / ".gitattributes").read_text()
    assert attributes.splitlines()[0] == "*.png binary"
    again = tracekit("git-setup", env=env, cwd=repository)
    assert again.returncode == 0
    assert "already" in again.stderr
    assert (repository / ".gitattributes").read_text() == attributes
    config = _git(repository, env, "config", "--local", "--get-all", "diff.tracekit.textconv")
    assert config == "tracekit git-setup --textconv\n"

    _git(repository, env, "add", ".")
    _git(repository, env, "commit", "-qm", "recorded")
    _record(recording, "two words")
    assert _git(repository, env, "diff") == "", "to record again is no change"
    _record(recording, "two other words")
    lines = [line.strip() for line in _git(repository, env, "diff").splitlines() if line[0] in "+-"]
    changed = [line for line in lines if not line.startswith(("+++", "---"))]
    words = [line[0] + line[1:].strip() for line in changed if "tokens" not in line]
    assert words == [
        "-user: two words",
        "-assistant: re: two words",
        "+user: two other words",
        "+assistant: re: two other words",
    ]
    assert len(changed) == len(words) + 2, "the tokens of the call"

    # A shell's <(…) is a pipe, which is read once.
    shown = subprocess.run(
        ["bash", "-c", f"tracekit diff <(git show HEAD:./test_it.jsonl) <(cat {recording.name})"],
        cwd=recording.parent,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (shown.returncode, "two other words" in shown.stdout) == (1, True), shown.stderr

    # Git wants a text of whatever lies there.
    recording.write_text("<<<<<<< no recording\n")
    text = _git(repository, env, "diff")
    assert "+<<<<<<< no recording" in text
    assert "is not a tracekit journal" in text


def test_where_there_is_no_repository_it_says_so(tmp_path: Path, env: dict[str, str]) -> None:
    done = tracekit("git-setup", env={**env, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}, cwd=tmp_path)
    assert done.returncode == 2
    assert "run this within the repository" in done.stderr
    done = tracekit("git-setup", env={**env, "PATH": str(tmp_path)}, cwd=tmp_path)
    assert done.returncode == 2
    assert "git cannot be run" in done.stderr
