"""`tracekit import` as a user runs it."""

from __future__ import annotations

import signal
import subprocess
import threading
from pathlib import Path

from tests.sources.transcripts import SESSION, Transcript, nodes, runs, said, uses
from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.warm import warm_python


def test_the_command_imports_follows_and_says_what_it_did(home: Path, tmp_path: Path) -> None:
    main = Transcript(tmp_path / "config" / "projects" / "-work" / f"{SESSION}.jsonl")
    main.prompt(0, "Go")
    main.reply(1, "msg_1", said("Gone."))
    env = environment(home, CLAUDE_CONFIG_DIR=str(tmp_path / "config"))
    done = tracekit("import", "claude-code", "--since", "7d", env=env)
    assert (done.returncode, done.stdout) == (0, "")
    assert "imported 1 session: 1 agent, 1 call, 115 → 90 tokens, $" in done.stderr
    again = tracekit_json("import", str(main.path), env=env)
    assert (again["sessions"], again["unchanged"]) == (0, 1)
    assert [run["source"] for run in tracekit_json("ls", env=env)] == ["claude-code"]
    refused = tracekit("replay", "last", "--", "true", env=env)
    assert refused.returncode == 125
    assert "imported from claude-code" in refused.stderr
    wrong = tracekit("import", str(tmp_path / "nowhere"), env=env)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "there is nothing at" in wrong.stderr
    old = tracekit("import", "claude-code", "--since", "7d", env={**env, "CLAUDE_CONFIG_DIR": str(tmp_path)})
    assert (old.returncode, old.stdout) == (2, "")
    assert f"{tmp_path / 'projects'} is not there; if they lie elsewhere, give the path" in old.stderr
    _follow(main, env)


def _follow(main: Transcript, env: dict[str, str]) -> None:
    """Start the command, add a line, and see it in the journal; Ctrl-C ends it."""
    command = [warm_python(), "-m", "tracekit", "import", "claude-code", "--follow"]
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    assert any("following" in line for line in lines)
    main.prompt(2, "Further")
    main.reply(3, "msg_2", uses("Bash", "toolu_1", command="ls"))
    wait = threading.Event()
    while [tool.status for tool in nodes(runs()[0], "tool")] != ["open"]:
        wait.wait(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert [tool.status for tool in nodes(runs()[0], "tool")] == ["interrupted"]
