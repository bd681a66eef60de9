"""`tracekit run` is out of the way: of signals, of warnings that are errors, of a user without a home."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment, tracekit
from tests.support.waiting import LONG_S
from tracekit.demo.claude import ScriptedClaude, message, reply, text

COUNTING = """
import signal, sys, time
got = []
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, lambda number, _: got.append(number))
print("ready", flush=True)
until = time.monotonic() + 20
while not got and time.monotonic() < until:
    time.sleep(0.02)
time.sleep(0.5)
print("got", got, flush=True)
"""


def program(tmp_path: Path) -> list[str]:
    (tmp_path / "counting.py").write_text(COUNTING)
    return [sys.executable, "-m", "tracekit", "run", str(tmp_path / "counting.py")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_that_is_sent_to_it_reaches_the_program_once(number: signal.Signals, tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    with subprocess.Popen(
        program(tmp_path), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(number)
        output, _ = child.communicate(timeout=LONG_S)
    assert (child.returncode, output) == (0, f"got [{number.value}]\n")


def test_ctrl_c_of_a_terminal_reaches_the_program_once(tmp_path: Path) -> None:
    env, command = environment(tmp_path / "home"), program(tmp_path)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, env)
    seen = b""
    while b"ready" not in seen:
        seen += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    while b"got" not in seen:
        seen += os.read(terminal, 1000)
    while b"]" not in seen:
        seen += os.read(terminal, 1000)
    assert b"got [2]" in seen
    os.close(terminal)
    os.waitpid(pid, 0)


def test_pytest_where_warnings_are_errors(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
    )
    (tmp_path / "test_a.py").write_text("def test_a():\n    assert 1\n")
    done = tracekit("run", "--", sys.executable, "-m", "pytest", "-q", env=environment(tmp_path / "home"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.slow
def test_a_user_without_a_home_gets_one_warning_and_the_program_runs(tmp_path: Path) -> None:
    # The system's own table of users is what is not ours here.
    (tmp_path / "sitecustomize.py").write_text(
        "import pwd\n\ndef getpwuid(uid):\n    raise KeyError(uid)\n\npwd.getpwuid = getpwuid\n"
    )
    script = tmp_path / "agent.py"
    script.write_text(
        "import os, anthropic, tracekit\ntracekit.init()\n"
        "for _ in range(3):\n"
        "    with tracekit.run('r'):\n"
        "        with anthropic.Anthropic(api_key='k', base_url=os.environ['URL']) as client:\n"
        "            client.messages.create(model='m', max_tokens=5, messages=[{'role': 'user', 'content': 'q'}])\n"
        "print('done')\n"
    )
    with ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        # Older SDKs fail themselves without a home or a folder of settings.
        env = environment(
            tmp_path / "home",
            claude.url,
            URL=claude.url,
            PYTHONPATH=str(tmp_path),
            ANTHROPIC_CONFIG_DIR=str(tmp_path / "settings"),
        )
        for name in ("HOME", "TRACEKIT_HOME", "XDG_DATA_HOME", "ANTHROPIC_API_KEY"):
            env.pop(name, None)
        recorded = tracekit("run", str(script), env=env)
        by_itself = subprocess.run(
            [sys.executable, str(script)], env=env, capture_output=True, text=True, check=False, timeout=LONG_S
        )
    for done in (recorded, by_itself):
        assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "HOME is not set" in done.stderr
        assert "set TRACEKIT_HOME" in done.stderr
    assert tracekit("ls", env=env).returncode == 2
