"""The viewer in a real terminal, from end to end."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import PROGRAMS, environment, tracekit_json
from tests.support.terminal import Open, needs_tmux, terminal
from tests.support.waiting import eventually
from tests.support.warm import warm_python
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, stream, text, tool_use

__all__ = ["terminal"]

pytestmark = [pytest.mark.slow, needs_tmux, pytest.mark.timeout(180)]

TRACEKIT = (sys.executable, "-m", "tracekit")


def test_the_demo_is_seen_while_it_runs_and_summed_up_when_the_viewer_is_left(terminal: Open, tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    screen = terminal(*TRACEKIT, "demo", env=env, size=(100, 30))
    screen.shows("live", "lead", "analysis_agent")
    screen.press("j", "j", "j", "Enter")
    screen.shows("analysed")
    screen.resize(80, 24)
    screen.shows("refactoring", "lead")
    screen.resize(160, 50)
    screen.shows("lead", "ok", "10 calls")
    assert max(map(len, screen.screen.splitlines())) > 120, "the screen is filled after it has grown"
    # Out of the pane with the messages; the footer shows the keys of where one is.
    screen.press("Escape")
    screen.shows("space Play")
    screen.press("q")
    said = screen.shows("recorded run", "exit=0")
    assert "Traceback" not in said
    (run,) = tracekit_json("ls", env=env)
    assert (run["status"], run["calls"]) == ("ok", 10)


def test_leaving_early_waits_for_the_demo(terminal: Open, tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    screen = terminal(*TRACEKIT, "demo", "--pipeline", "support", env=env, size=(100, 50))
    screen.shows("live")
    screen.press("q")
    screen.shows("not done yet")
    screen.shows("recorded run", "exit=0")
    (run,) = tracekit_json("ls", env=env)
    assert (run["status"], run["name"]) == ("ok", "support-team")


def test_the_demo_can_do_without_the_viewer(terminal: Open, tmp_path: Path) -> None:
    screen = terminal(*TRACEKIT, "demo", "--no-view", env=environment(tmp_path / "home"), size=(100, 60))
    screen.shows("agent lead", "recorded run", "exit=0")


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    body = asked.json()
    if body.get("tools") and len(body["messages"]) == 1:
        return stream(message(*(tool_use(f"worker_{number}", {"task": f"w{number}"}) for number in range(2))))
    return stream(message(text(" ".join(f"word-{number}" for number in range(3000)))), gap_s=0.02)


def test_the_followed_process_is_killed(terminal: Open, tmp_path: Path) -> None:
    with ScriptedClaude(respond) as claude:
        env = environment(tmp_path / "home", claude.url)
        program = subprocess.Popen([warm_python(), str(PROGRAMS / "streaming.py"), "2"], env=env)
        try:
            eventually(lambda: tracekit_json("ls", env=env))
            list_screen = terminal(*TRACEKIT, "view", env=env)
            list_screen.shows("1 live")
            screen = terminal(*TRACEKIT, "view", "last", env=env, size=(120, 40))
            screen.shows("live", "worker_0", "worker_1")
            screen.press("f", "d")
            screen.shows("word-1")
            program.send_signal(signal.SIGKILL)
            screen.shows("interrupted", "its process is gone")
            screen.press("j", "Enter", "Escape")
            screen.shows("interrupted")
            screen.press("q")
            screen.shows("exit=0")
            list_screen.shows("◌ lead")
            assert "live" not in list_screen.screen
            list_screen.press("Enter")
            list_screen.shows("interrupted", "worker_0")
            list_screen.press("Escape")
            list_screen.shows("recorded↓")
            list_screen.press("q")
            list_screen.shows("exit=0")
        finally:
            program.kill()
            program.wait()


def test_what_means_nothing_is_said_before_the_screen_is_taken_over(terminal: Open, tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    screen = terminal(*TRACEKIT, "view", "nonesuch", env=env)
    screen.shows("there is no run 'nonesuch'", "exit=2")
    empty = terminal(*TRACEKIT, "view", env=env)
    empty.shows("Nothing is recorded yet", "tracekit demo")
    empty.press("q")
    empty.shows("exit=0")
