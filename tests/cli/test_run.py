"""Tests `tracekit run`: the program behaves as without tracekit, and its requests are recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import environment, nodes, outline, tracekit, tracekit_json
from tests.support.waiting import LONG_S
from tests.support.warm import warm_python
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, reply, text

COLD = sys.executable
"""For what is about a program's start: a real new process of Python, which imports the SDK after our hook."""

CALL = """
import anthropic
with anthropic.Anthropic() as client:
    print(client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": "hi"}]).content[0].text)
"""


@pytest.fixture
def claude() -> Iterator[ScriptedClaude]:
    with ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as server:
        yield server


def write(folder: Path, code: str, name: str = "agent.py") -> str:
    path = folder / name
    path.write_text(code)
    return str(path)


def test_a_script_is_recorded_under_its_name(claude: ScriptedClaude, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url)
    done = tracekit("run", write(tmp_path, CALL), env=env, python=COLD)
    assert (done.returncode, done.stdout) == (0, "hello\n")
    shown = tracekit_json("show", "agent", env=env)
    assert outline(shown["root"]) == ["run", "  agent agent-1 ~", "    turn ~", "      llm"]
    assert shown["root"]["attributes"] == {"process.command_args": [str(tmp_path / "agent.py")], "process.exit.code": 0}
    assert f"show {shown['run']['id'][:8]}" in done.stderr


@pytest.mark.slow
def test_a_name_and_a_module(claude: ScriptedClaude, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url)
    write(tmp_path, CALL, "agent_module.py")
    for arguments in (
        ["--name", "mine", "-m", "agent_module"],
        ["--", sys.executable, "-m", "agent_module"],
        ["-m", "agent_module"],
    ):
        assert tracekit("run", *arguments, env=env, python=COLD, cwd=tmp_path).returncode == 0
    names = [run["name"] for run in tracekit_json("ls", env=env)]
    assert names == ["agent_module", Path(sys.executable).stem, "mine"]


def test_arguments_stdin_and_options_reach_the_program(claude: ScriptedClaude, tmp_path: Path) -> None:
    script = write(tmp_path, "import sys; print(sys.argv[1:], __name__, sys.path[0])")
    done = tracekit("run", script, "--name", "x", "-v", "--", "y", env=environment(tmp_path / "home"), python=COLD)
    assert done.stdout == f"['--name', 'x', '-v', '--', 'y'] __main__ {tmp_path}\n"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("raise SystemExit(7)", 7),
        ("1/0", 1),
        ("import os; os._exit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", 137),
    ],
)
def test_the_exit_code_is_the_programs(code: str, exit_code: int, claude: ScriptedClaude, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url)
    assert tracekit("run", write(tmp_path, CALL + code), env=env).returncode == exit_code
    (run,) = tracekit_json("ls", env=env)
    assert run["status"] == "error"
    assert run["calls"] == 1


def test_a_killed_program_with_a_call_open_is_interrupted(tmp_path: Path) -> None:
    def kill(asked: ReceivedRequest) -> ScriptedResponse:
        os.kill(int(asked.json()["messages"][0]["content"]), signal.SIGKILL)
        return message(text("too late"))

    with ScriptedClaude(kill) as claude:
        env = environment(tmp_path / "home", claude.url)
        code = "import os\n" + CALL.replace('"hi"', "str(os.getpid())")
        assert tracekit("run", write(tmp_path, code), env=env).returncode == 137
    shown = tracekit_json("show", "last", env=env)
    assert shown["run"]["status"] == "interrupted"
    assert shown["run"]["end_ns"] is None
    assert [call["status"] for call in nodes(shown["root"], "llm")] == ["interrupted"]


@pytest.mark.slow
def test_while_it_runs_it_is_open(tmp_path: Path) -> None:
    with ScriptedClaude(lambda asked: message(text("x"))) as claude:
        env = environment(tmp_path / "home", claude.url)
        script = write(tmp_path, CALL + "print('called', flush=True); input()")
        arguments = [sys.executable, "-m", "tracekit", "run", script]
        with subprocess.Popen(arguments, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert [child.stdout.readline() for _ in range(2)][-1] == "called\n"
            shown = tracekit_json("show", "last", env=env)
            assert shown["run"]["status"] == "open"
            assert shown["root"]["end_ns"] is None
            assert {call["status"] for call in nodes(shown["root"], "llm")} == {"ok"}
            child.communicate("\n")
    assert tracekit_json("show", "last", env=env)["run"]["status"] == "ok"


def test_sigterm_reaches_the_program(claude: ScriptedClaude, tmp_path: Path) -> None:
    code = "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(5))\nprint('ready', flush=True)\ntime.sleep(30)"
    arguments = [sys.executable, "-m", "tracekit", "run", write(tmp_path, code)]
    env = environment(tmp_path / "home", claude.url)
    with subprocess.Popen(arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=LONG_S)
        assert child.returncode == 5


@pytest.mark.slow
def test_processes_of_the_program_join_its_run(claude: ScriptedClaude, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url)
    inner = write(tmp_path, CALL, "inner.py")
    outer = write(tmp_path, CALL + f"import subprocess, sys; subprocess.run([sys.executable, {inner!r}], check=True)")
    assert tracekit("run", outer, env=env, python=COLD).returncode == 0
    (run,) = tracekit_json("ls", env=env)
    assert (run["calls"], run["status"]) == (2, "ok")


def test_a_run_block_is_a_run_of_its_own(claude: ScriptedClaude, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url)
    indented = CALL.replace("\n", "\n    ")
    script = write(
        tmp_path,
        f"import tracekit\nfor n in range(2):\n  with tracekit.run(f'ticket-{{n}}') as r:\n    {indented}\n    print(r.id)",
    )
    done = tracekit("run", script, env=env)
    runs = tracekit_json("ls", env=env)
    assert [run["name"] for run in runs] == ["ticket-1", "ticket-0"]
    assert done.stdout.split()[1::2] == [run["id"] for run in reversed(runs)]
    assert all(run["id"][:8] in done.stderr for run in runs)


def test_the_program_does_not_notice(tmp_path: Path) -> None:
    """The path, the next sitecustomize and the modules that are loaded are those of a plain run."""
    site = tmp_path / "site"
    site.mkdir()
    write(site, "import builtins; builtins.next_site = __file__", "sitecustomize.py")
    script = write(tmp_path, "import sys, json; print(json.dumps([sys.path, next_site, 'anthropic' in sys.modules]))")
    env = environment(tmp_path / "home", PYTHONPATH=str(site))
    bare = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, check=True).stdout
    assert json.loads(tracekit("run", script, env=env, python=COLD).stdout) == json.loads(bare)


def test_a_program_without_calls_leaves_no_run(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    done = tracekit("run", write(tmp_path, "print('x')"), env=env, python=COLD)
    assert "made no call to Claude" in done.stderr
    assert tracekit_json("ls", env=env) == []


def test_a_program_that_ignores_the_path_is_told_of(tmp_path: Path) -> None:
    done = tracekit("run", "--", sys.executable, "-I", "-c", "print('x')", env=environment(tmp_path / "home"))
    assert done.stdout == "x\n"
    assert "no Python process of the program loaded tracekit's hook" in done.stderr


@pytest.mark.slow
def test_a_python_without_tracekit_runs_and_says_so(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = str(tmp_path / "bare" / "bin" / "python")
    done = tracekit("run", "--", python, "-c", "print('x')", env=environment(tmp_path / "home"))
    assert (done.returncode, done.stdout) == (0, "x\n")
    assert f"{python} cannot import tracekit" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "nope.py"], "there is no script 'nope.py'"),
        (["run", "--", "no-such-command"], "'no-such-command' cannot be started"),
        (["run"], "Missing argument"),
        (["show", "nope"], "there is no run 'nope'"),
        (["show", "nope.jsonl"], "there is no file"),
        (["nope"], "No such command"),
        (["ls", "--limit", "0"], "Invalid value"),
    ],
)
def test_what_cannot_be_used_exits_with_2(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = tracekit(*arguments, env=environment(tmp_path / "home"), cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["ls"], ["show"], ["run", "-m", "this"], ["demo"]])
def test_a_home_that_is_a_file(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = tracekit(*command, env=environment(tmp_path / "file"))
    assert done.returncode == 2
    assert "TRACEKIT_HOME" in done.stderr
    assert "folder" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_home_that_is_a_file_does_not_break_an_agent(claude: ScriptedClaude, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    script = write(tmp_path, "import tracekit; tracekit.init()\n" + CALL)
    env = environment(tmp_path / "file", claude.url, TRACEKIT_RAISE="0")
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert done.stderr.count("tracekit:") == 1


@pytest.mark.slow
def test_a_prefix_of_several_runs_is_ambiguous(claude: ScriptedClaude, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url)
    code = "import tracekit; tracekit.init()\nimport anthropic\nclient = anthropic.Anthropic()\nfor n in range(40):\n  with tracekit.run('same'):\n"
    code += "    client.messages.create(model='claude-sonnet-5', max_tokens=9, messages=[{'role': 'user', 'content': 'hi'}])\n"
    subprocess.run([warm_python(), write(tmp_path, code + "client.close()")], env=env, check=True)
    ids = [run["id"] for run in tracekit_json("ls", env=env)]
    assert len(ids) == len(set(ids)) == 40
    several = next(id[0] for id in ids if sum(other[0] == id[0] for other in ids) > 1)
    done = tracekit("show", several, env=env)
    assert done.returncode == 2
    assert "give more digits" in done.stderr
    assert tracekit_json("show", ids[7], env=env)["run"]["id"] == ids[7]
    assert tracekit_json("show", ids[7][:12], env=env)["run"]["id"] == ids[7]
    assert tracekit_json("show", "same", env=env)["run"]["id"] == ids[0]


def test_an_export_shows_as_the_run_does(claude: ScriptedClaude, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url)
    tracekit("run", write(tmp_path, CALL), env=env)
    assert tracekit("export", "last", "-o", str(tmp_path / "run.jsonl"), env=env).returncode == 0
    assert tracekit_json("show", str(tmp_path / "run.jsonl"), env=env) == tracekit_json("show", "last", env=env)
    elsewhere = environment(tmp_path / "other")
    assert tracekit_json("show", str(tmp_path / "run.jsonl"), env=elsewhere)["run"]["calls"] == 1


def test_a_newer_and_a_cut_journal(claude: ScriptedClaude, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url)
    tracekit("run", write(tmp_path, CALL), env=env)
    tracekit("export", "last", "-o", str(tmp_path / "run.jsonl"), env=env)
    lines = (tmp_path / "run.jsonl").read_bytes().splitlines(keepends=True)
    newer = tmp_path / "newer.jsonl"
    newer.write_bytes(lines[0].replace(b'"version":1', b'"version":99') + b"".join(lines[1:]))
    done = tracekit("show", str(newer), env=env)
    assert done.returncode == 2
    assert "upgrade tracekit-agents" in done.stderr
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(b"".join(lines)[:-30])
    done = tracekit("show", str(cut), env=env)
    assert done.returncode == 0
    assert "cut" in done.stderr


def test_doctor_tells_what_is_set_up(claude: ScriptedClaude, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url, OTEL_SERVICE_NAME="shop")
    tracekit("run", write(tmp_path, CALL), env=env)
    checks = {check["name"]: check for check in tracekit_json("doctor", env=env)}
    assert "1 run" in checks["journals"]["says"]
    assert str(tmp_path / "home") in checks["journals"]["says"]
    assert checks["anthropic"]["ok"]
    assert "OTEL_SERVICE_NAME" in checks["OpenTelemetry"]["says"]
    assert tracekit("doctor", env={**env, "TRACEKIT_DISABLED": "1"}).stdout.count("look") == 1


def test_disabled_records_nothing(claude: ScriptedClaude, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url, TRACEKIT_DISABLED="1")
    assert tracekit("run", write(tmp_path, CALL), env=env).stdout == "hello\n"
    assert tracekit_json("ls", env=env) == []


def test_output_into_a_closed_pipe_is_no_error(claude: ScriptedClaude, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url)
    tracekit("run", write(tmp_path, CALL), env=env)
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "tracekit", "show"], env=env, stdout=writer, stderr=subprocess.PIPE, text=True
    ) as child:
        os.close(reader)
        os.close(writer)
        time.sleep(0)
        _, errors = child.communicate(timeout=LONG_S)
    assert errors == ""
