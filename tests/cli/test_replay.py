"""`tracekit replay`: the program runs again, is answered from its recording, and nothing reaches the API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_run_guide import Shop
from tests.support.cli import PROGRAMS, environment, nodes, outline, tracekit, tracekit_json
from tests.support.replays import Watched, untouched
from tracekit.demo.claude import ReceivedRequest, ScriptedResponse, count_tokens, message, reply, text

ASK = """
import anthropic
client = anthropic.Anthropic()
def ask(words):
    messages = [{"role": "user", "content": words}]
    return client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=messages).content[0].text
print(ask("hi"))
"""
GUIDE = (PROGRAMS / "guide.py").read_text()


def write(folder: Path, code: str, name: str = "agent.py") -> str:
    path = folder / name
    path.write_text(code)
    return str(path)


def echo(asked: ReceivedRequest) -> ScriptedResponse:
    return reply(asked, message(text(f"{asked.json()['messages'][0]['content']}!")))


class Recorded:
    """A program that was recorded, and the server that it asked; `python` runs it, the warm one by default."""

    def __init__(self, folder: Path, claude: Watched, code: str, *arguments: str, python: str = "") -> None:
        self.folder = folder
        self.python = python
        self.claude = claude
        self.env = environment(folder / "home", claude.url)
        done = tracekit("run", write(folder, code), *arguments, env=self.env, python=python)
        assert done.returncode == 0, done.stderr
        self.stdout = done.stdout
        self.file = folder / "run.jsonl"
        assert tracekit("export", "last", "-o", str(self.file), env=self.env).returncode == 0
        del self.env["ANTHROPIC_API_KEY"]

    def replay(
        self, code: str | None, *arguments: str, options: tuple[str, ...] = (), command: list[str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Replay, while the server is up and counting; `code` in place of the program's own."""
        script = str(self.folder / "agent.py") if code is None else write(self.folder, code, "other.py")
        with untouched(self.claude):
            return tracekit(
                "replay",
                *options,
                str(self.file),
                "--",
                *(command or [script, *arguments]),
                env=self.env,
                cwd=self.folder,
                python=self.python,
            )


@pytest.fixture(scope="module")
def claude() -> Iterator[Watched]:
    with Watched(echo) as server:
        yield server


@pytest.fixture(scope="module")
def hi(claude: Watched, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return Recorded(tmp_path_factory.mktemp("hi"), claude, ASK)


@pytest.fixture(scope="module", params=["async", pytest.param("decorated", marks=pytest.mark.slow)])
def guide(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with Watched(Shop()) as server:
        # One of them in processes of its own: what the hook does at their start is what a user gets.
        python = sys.executable if request.param == "async" else ""
        recorded = Recorded(tmp_path_factory.mktemp("guide"), server, GUIDE, request.param, python=python)
        recorded.mode = request.param  # type: ignore[attr-defined]
        yield recorded


# ── what it is ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_guides_loop(guide: Any) -> None:
    done = guide.replay(None, guide.mode)
    assert (done.returncode, done.stdout) == (0, guide.stdout), done.stderr
    assert "Warning" not in done.stderr
    was = tracekit_json("show", str(guide.file), env=guide.env)
    now = tracekit_json("show", "last-replay", env=guide.env)
    assert outline(now["root"], attempts=True) == outline(was["root"], attempts=True)
    assert now["run"]["id"] != was["run"]["id"]
    assert (now["run"]["replay_of"], now["run"]["replay"]) == (was["run"]["id"], "followed")
    assert (was["run"]["replay_of"], was["run"]["replay"]) == (None, None)
    for name in ("start_ns", "end_ns", "tokens", "calls", "status"):
        assert now["run"][name] == was["run"][name], name
    assert now["run"]["recorded_at_ns"] > was["run"]["recorded_at_ns"]
    assert now["run"]["cost_usd"] == 0 < was["run"]["cost_usd"]
    (listed,) = [run for run in tracekit_json("ls", "--replays", env=guide.env) if run["id"] == now["run"]["id"]]
    assert (listed["replay_of"], listed["replay"]) == (was["run"]["id"], "followed")


@pytest.mark.slow
def test_one_changed_word(guide: Any) -> None:
    done = guide.replay(GUIDE.replace('"You analyse."', '"You analyse hastily."'), guide.mode)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    at = "lead > turn 1 > analysis_agent > turn 1 > call"
    assert "the replay left its recording: this request is not in the recording" in done.stderr
    assert at in done.stderr
    assert "  system:\n" in done.stderr
    assert "- You analyse.\n" in done.stderr
    assert "+ You analyse hastily.\n" in done.stderr


@pytest.mark.slow
def test_last_and_names_mean_no_replay(claude: Watched, tmp_path: Path) -> None:
    made = Recorded(tmp_path, claude, ASK)
    (recorded,) = tracekit_json("ls", env=made.env)
    program = str(tmp_path / "agent.py")
    for named in ("last", recorded["name"]):
        done = tracekit("replay", named, "--", program, env=made.env)
        assert (done.returncode, done.stdout) == (0, "hi!\n"), done.stderr
    changed = write(tmp_path, ASK.replace('"hi"', '"ho"'), "changed.py")
    left = tracekit("replay", "last", "--", changed, env=made.env)
    assert left.returncode == 1
    assert f"record again: tracekit run -- {changed}, and replay that run" in left.stderr

    # Listed, counted and summed up: the recorded run alone, unless replays are asked for.
    assert [run["id"] for run in tracekit_json("ls", env=made.env)] == [recorded["id"]]
    listed = tracekit_json("ls", "--replays", env=made.env)
    assert [run["replay"] for run in listed] == ["diverged", "followed", "followed", None]
    assert [run["replay_of"] for run in listed] == [recorded["id"]] * 3 + [None]
    assert [run["cost_usd"] for run in listed] == [0, 0, 0, recorded["cost_usd"]]
    assert recorded["cost_usd"] > 0
    assert "↻ followed" in tracekit("ls", "--replays", env={**made.env, "COLUMNS": "160"}).stdout
    counts = ", ".join(
        f"(SELECT count(DISTINCT run) FROM {view}) AS {view}"
        for view in ("spans", "agents", "attempts", "llm_calls", "tools", "messages", "findings")
    )
    sums = "(SELECT sum(cost_usd) FROM runs) AS run_usd, (SELECT sum(cost_usd) FROM llm_calls) AS call_usd"
    query = f"SELECT {counts}, {sums}, (SELECT count(*) FROM runs) AS runs"
    for options, runs in ((), 1), (("--replays",), 4):
        (row,) = tracekit_json("sql", query, *options, env=made.env)
        assert row["run_usd"] == row["call_usd"] == pytest.approx(recorded["cost_usd"])
        assert {row["runs"], row["spans"]} == {runs}
        assert max(row[view] for view in ("agents", "attempts", "llm_calls", "tools", "messages", "findings")) <= runs

    # What names a run, everywhere.
    assert tracekit_json("show", "last", env=made.env)["run"]["id"] == recorded["id"]
    assert tracekit("export", recorded["name"], "-o", str(tmp_path / "out.jsonl"), env=made.env).returncode == 0
    assert json.loads((tmp_path / "out.jsonl").read_text().partition("\n")[0])["run"] == recorded["id"]
    assert tracekit_json("show", "last-replay", env=made.env)["run"]["id"] == listed[0]["id"]
    tables = tracekit("export", "last-replay", "--format", "parquet", "-o", str(tmp_path / "tables"), env=made.env)
    assert tables.returncode == 0, tables.stderr
    fork = tracekit("show", "last-fork", env=made.env)
    assert (fork.returncode, "there is no fork" in fork.stderr) == (2, True)
    again = tracekit("replay", "last-replay", "--", program, env=made.env)
    assert again.returncode == 125
    assert f"this run is a replay itself, of run {recorded['id'][:8]}" in again.stderr


def test_where_there_are_replays_only_last_means_none(hi: Recorded, tmp_path: Path) -> None:
    env = {**hi.env, "TRACEKIT_HOME": str(tmp_path / "other")}
    assert tracekit("replay", str(hi.file), "--", str(hi.folder / "agent.py"), env=env).returncode == 0
    for named in ("last", "agent"):
        shown = tracekit("show", named, env=env)
        assert (shown.returncode, "use `last-replay`" in shown.stderr) == (2, True), shown.stderr


@pytest.mark.slow
def test_one_changed_word_as_json(guide: Any) -> None:
    code = GUIDE.replace('"You lead."', '"You lead them."')
    done = guide.replay(code, guide.mode, options=("--format", "json"))
    told = json.loads(done.stdout)
    assert done.returncode == told["exit_code"] == 1
    assert told["replay"] == "diverged"
    found = told["divergence"]
    assert found["why"] == "unrecorded"
    assert found["path"].endswith("lead > turn 1 > call")
    assert found["asked"] == "POST /v1/messages claude-opus-5-5"
    assert found["differences"] == [{"place": "system", "recorded": "You lead.", "asked": "You lead them."}]
    assert len(found["unplayed"]) == 0
    assert told["untestable"] is None


@pytest.mark.slow
def test_bisect_finds_the_commit(hi: Recorded, tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        mine = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", *mine, *arguments],
            cwd=tmp_path,
            env=hi.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    git("init", "-q", ".")
    commits = []
    for number in range(6):
        code = ASK.replace('ask("hi")', 'ask("hello")' if number >= 3 else 'ask("hi")')
        # One commit that cannot be tested is skipped.
        write(tmp_path, f"# {number}\n" + (code if number != 1 else "print('asks nothing')"))
        git("add", "-A")
        git("commit", "-qm", f"{number}")
        commits.append(git("rev-parse", "HEAD"))
    git("bisect", "start", commits[5], commits[0])
    replay = [sys.executable, "-m", "tracekit", "replay", str(hi.file), "--", "agent.py"]
    with untouched(hi.claude):
        said = git("bisect", "run", *replay)
    assert f"{commits[3]} is the first" in said
    assert "+ hello" in said


def test_a_request_that_counts_tokens_is_counted_as_no_call(tmp_path: Path) -> None:
    counting = (
        ASK + 'client.messages.count_tokens(model="claude-sonnet-5", messages=[{"role": "user", "content": "hi"}])\n'
    )
    with Watched(lambda asked: count_tokens(7) if asked.path.endswith("count_tokens") else echo(asked)) as server:
        done = Recorded(tmp_path, server, counting).replay(None)
    assert "followed, 1 call, 1 other request\n" in done.stderr
    assert tracekit_json("show", "last-replay", env=environment(tmp_path / "home", ""))["run"]["calls"] == 1


def test_data_is_not_mixed_with_what_the_program_prints(hi: Recorded) -> None:
    done = hi.replay(None, options=("--format", "json"))
    told = json.loads(done.stdout)
    assert (done.returncode, told["replay"], told["divergence"], told["untestable"]) == (0, "followed", None, None)
    assert hi.stdout in done.stderr
    assert tracekit_json("show", told["run"], env=hi.env)["run"]["replay"] == "followed"


# ── the program's own end ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("raise SystemExit(3)", 3),
        ("raise SystemExit(125)", 1),
        ("1/0", 1),
        ("import os; os._exit(4)", 4),
        ("import os; os.kill(os.getpid(), 9)", 137),
    ],
)
def test_the_exit_code_is_the_programs(code: str, exit_code: int, hi: Recorded) -> None:
    done = hi.replay(ASK + code)
    assert done.returncode == exit_code, done.stderr
    assert "followed, 1 call" in done.stderr


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (ASK + "raise SystemExit(0) if not print(ask('more')) else 1", "not in the recording"),
        (ASK + "try:\n  ask('more')\nexcept BaseException:\n  pass\nraise SystemExit(0)", "not in the recording"),
        (ASK + "ask('hi')", "each of its recorded responses was already used"),
        (ASK + "while True:\n  ask('hi')", "was already used"),
        (ASK + "while True:\n  try:\n    ask('hi')\n  except Exception:\n    pass", "was already used"),
        (ASK + "while True:\n  try:\n    ask('hi')\n  except BaseException:\n    pass", "it was stopped"),
    ],
)
@pytest.mark.slow
def test_diverged(code: str, says: str, hi: Recorded) -> None:
    done = hi.replay(code)
    assert done.returncode == 1, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_connection_of_its_own(hi: Recorded) -> None:
    done = hi.replay(f"{ASK}import urllib.request\nurllib.request.urlopen({hi.claude.url!r})")
    assert done.returncode == 1, done.stderr
    assert f"asked: {hi.claude.url.removeprefix('http://')}" in done.stderr


def test_calls_that_are_never_made(claude: Watched, tmp_path: Path) -> None:
    recorded = Recorded(tmp_path, claude, ASK + "ask('b'); ask('c')")
    done = recorded.replay(ASK + "ask('b')")
    assert done.returncode == 1
    assert "had made all recorded calls" in done.stderr
    assert "recorded, but not requested (1):" in done.stderr


# ── what cannot be tested, and what cannot be meant ──────────────────────────────────────────────────────────────────


def test_a_program_that_asks_nothing(hi: Recorded) -> None:
    done = hi.replay("print('x')")
    assert (done.returncode, done.stdout) == (125, "x\n")
    assert "could not be tested: the program made no call to Claude" in done.stderr


def test_another_program(hi: Recorded) -> None:
    code = (
        ASK.replace('"hi"', '"hi"')
        .replace("claude-sonnet-5", "claude-opus-4-8")
        .replace("messages=messages", "messages=[{'role': 'user', 'content': 'z' * 900}], system='Quite another one.'")
    )
    done = hi.replay(code)
    assert done.returncode == 125, done.stderr
    assert "another program" in done.stderr


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
@pytest.mark.slow
def test_a_python_that_ignores_the_hook(flag: str, hi: Recorded) -> None:
    done = hi.replay(None, command=[sys.executable, flag, str(hi.folder / "agent.py")])
    assert done.returncode == 125, done.stderr
    assert "no Python process of the program loaded tracekit's hook" in done.stderr


@pytest.mark.slow
def test_a_python_without_tracekit(hi: Recorded, tmp_path: Path) -> None:
    """Make a Python environment that has the SDK, but neither tracekit nor its hook."""
    venv.create(tmp_path / "bare", with_pip=False)
    (site,) = (tmp_path / "bare" / "lib").glob("python*/site-packages")
    import anthropic

    for package in (Path(anthropic.__file__).parent.parent).iterdir():
        if "tracekit" not in package.name and not package.name.endswith(".pth"):
            (site / package.name).symlink_to(package)
    python = str(tmp_path / "bare" / "bin" / "python")
    assert subprocess.run([python, "-c", "import anthropic"], check=False, cwd=tmp_path).returncode == 0
    assert (
        subprocess.run([python, "-c", "import tracekit"], check=False, capture_output=True, cwd=tmp_path).returncode
        == 1
    )
    done = hi.replay(None, command=[python, str(hi.folder / "agent.py")])
    assert done.returncode == 125, done.stderr
    assert f"{python} cannot import tracekit" in done.stderr
    # As a child of a program that is replayed it reaches nothing either.
    fixed = write(
        tmp_path, ASK.replace("Anthropic()", f"Anthropic(base_url={hi.claude.url!r}, max_retries=0)"), "child.py"
    )
    for environment_given in ("None", "dict(os.environ, ANTHROPIC_BASE_URL=" + repr(hi.claude.url) + ")", "{}"):
        code = f"{ASK}import os, subprocess\nprint(subprocess.run([{python!r}, {fixed!r}], env={environment_given}).returncode)"
        done = hi.replay(code)
        assert (done.returncode, done.stdout) == (0, f"{hi.stdout}1\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["{file}"], 2, "give the program to replay"),
        (["{file}", "--"], 2, "give the program to replay"),
        (["{file}", "--", "nope.py"], 2, "there is no script 'nope.py'"),
        (["{file}", "--", "no-such-command"], 2, "'no-such-command' cannot be started"),
        (["--nope", "{file}", "agent.py"], 2, "--nope"),
        (["--speed", "0", "{file}", "agent.py"], 2, "--speed"),
        (["--ignore", "/(/", "{file}", "agent.py"], 2, "cannot be ignored"),
        (["nope.jsonl", "agent.py"], 2, "there is no file 'nope.jsonl'"),
        (["nope", "agent.py"], 2, "there is no run 'nope'"),
        (["{newer}", "agent.py"], 125, "upgrade tracekit-agents"),
        (["{foreign}", "agent.py"], 125, "is not a tracekit journal"),
        (["{empty}", "agent.py"], 125, "no journal"),
        (["{cut}", "agent.py"], 125, "cut"),
        (["{damaged}", "agent.py"], 125, "damaged"),
        (["{asks_nothing}", "agent.py"], 125, "no exchange"),
    ],
)
def test_bad_input(arguments: list[str], code: int, says: str, hi: Recorded) -> None:
    files = {"file": hi.file, **bad_files(hi)}
    given = [argument.format(**files) for argument in arguments]
    with untouched(hi.claude):
        done = tracekit("replay", *given, env=hi.env, cwd=hi.folder)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def bad_files(hi: Recorded) -> dict[str, Path]:
    lines = hi.file.read_bytes().splitlines(keepends=True)
    made = {
        "newer": lines[0].replace(b'"version":1', b'"version":99') + b"".join(lines[1:]),
        "foreign": b'{"some": "json"}\n',
        "empty": b"",
        "cut": b"".join(lines)[:-30],
        "damaged": b"".join([*lines[:2], b'{"no json\n', *lines[2:]]),
        "asks_nothing": lines[0],
    }
    for name, data in made.items():
        (hi.folder / f"{name}.jsonl").write_bytes(data)
    return {name: hi.folder / f"{name}.jsonl" for name in made}


@pytest.mark.parametrize("content", ["metadata", "off"])
@pytest.mark.slow
def test_a_recording_without_content(content: str, claude: Watched, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", claude.url, TRACEKIT_CONTENT=content)
    script = write(tmp_path, ASK)
    assert tracekit("run", script, env=env).returncode == 0
    with untouched(claude):
        done = tracekit("replay", "last", script, env=env)
    assert done.returncode == 125
    assert f"TRACEKIT_CONTENT={content}" in done.stderr


def test_a_recording_that_was_killed(tmp_path: Path) -> None:
    def kill(asked: ReceivedRequest) -> ScriptedResponse:
        if "die" in str(asked.json()["messages"]):
            os.kill(int(asked.json()["messages"][0]["content"].split()[1]), 9)
        return message(text("x"))

    with Watched(kill) as claude:
        env = environment(tmp_path / "home", claude.url)
        script = write(tmp_path, ASK + "import os\nask(f'die {os.getpid()}')")
        assert tracekit("run", script, env=env).returncode == 137
        with untouched(claude):
            done = tracekit("replay", "last", script, env=env)
    assert done.returncode == 125
    assert "cut" in done.stderr


@pytest.mark.slow
def test_replays_do_not_nest(hi: Recorded) -> None:
    inner = f"{ASK}import subprocess, sys\n"
    inner += (
        f"print(subprocess.run([sys.executable, '-m', 'tracekit', 'replay', {str(hi.file)!r}, 'agent.py']).returncode)"
    )
    done = hi.replay(inner)
    assert (done.returncode, done.stdout) == (0, f"{hi.stdout}2\n"), done.stderr
    assert "a replay cannot start another replay" in done.stderr
    api = f"import tracekit\ntry:\n  with tracekit.replay({str(hi.file)!r}):\n    pass\nexcept tracekit.ReplayError as e:\n  print(e)\n"
    done = hi.replay(api + ASK)
    assert done.returncode == 0, done.stderr
    assert "a replay cannot start another replay" in done.stdout


@pytest.mark.parametrize(
    ("loop", "main"), [("uvloop", "import uvloop; uvloop.run(main())"), ("trio", "import trio; trio.run(main)")]
)
@pytest.mark.slow
def test_another_loop(loop: str, main: str, claude: Watched, tmp_path: Path) -> None:
    code = f"""
import anthropic
async def main():
    async with anthropic.AsyncAnthropic() as client:
        messages = [{{"role": "user", "content": "hi"}}]
        print((await client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=messages)).content[0].text)
{main}
"""
    recorded = Recorded(tmp_path, claude, code)
    done = recorded.replay(None)
    assert (done.returncode, done.stdout) == (125, ""), done.stderr
    assert f"runs on {loop.capitalize() if loop == 'trio' else loop} can be recorded but not replayed" in done.stderr
    assert "Traceback" not in done.stderr


# ── several processes ────────────────────────────────────────────────────────────────────────────────────────────────

BY_SUBPROCESS = """
import subprocess, sys
if len(sys.argv) > 1:
    CALL
    if len(sys.argv) > 2:
        subprocess.run([sys.executable, __file__, *sys.argv[2:]], check=True)
else:
    started = [subprocess.Popen([sys.executable, __file__, word, f"{word}'s own"]) for word in ("one", "two")]
    assert [child.wait() for child in started] == [0, 0]
    sys.argv.append("last")
    CALL
""".replace(
    "CALL",
    ASK.replace('"hi"', "sys.argv[1]").replace("print(ask(sys.argv[1]))", "ask(sys.argv[1])").replace("\n", "\n    "),
)
BY_MULTIPROCESSING = """
import multiprocessing, sys
def ask(words):
    import anthropic
    with anthropic.Anthropic() as client:
        messages = [{"role": "user", "content": words}]
        return client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=messages).content[0].text
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2) as pool:
        print(pool.map(ask, ["one", "two", "three"], chunksize=1))
        pool.close()
        pool.join()
    process = context.Process(target=ask, args=("four",))
    process.start()
    process.join()
    print(ask("five"), process.exitcode)
"""


@pytest.mark.parametrize(
    ("code", "arguments"),
    [(BY_SUBPROCESS, []), (BY_MULTIPROCESSING, ["spawn"]), (BY_MULTIPROCESSING, ["fork"])],
    ids=["subprocess", "spawn", "fork"],
)
@pytest.mark.slow
def test_every_process_of_the_program(code: str, arguments: list[str], claude: Watched, tmp_path: Path) -> None:
    recorded = Recorded(tmp_path, claude, code, *arguments)
    done = recorded.replay(None, *arguments)
    assert (done.returncode, done.stdout) == (0, recorded.stdout), done.stderr
    was = tracekit_json("show", str(recorded.file), env=recorded.env)
    now = tracekit_json("show", "last-replay", env=recorded.env)
    assert now["run"]["calls"] == was["run"]["calls"] == 5
    assert sorted(outline(now["root"])) == sorted(outline(was["root"]))
    # The threads of a pool of processes poll, which lets the parent's time pass while it waits for its children.
    assert now["run"]["replay"] in (["followed"] if not arguments else ["followed", "projected"])
    times = [sorted((node["start_ns"], node["end_ns"]) for node in nodes(shown["root"], "llm")) for shown in (was, now)]
    assert times[0] == times[1] or now["run"]["replay"] == "projected"
    hasty = recorded.replay(code.replace("max_tokens=9", "max_tokens=8"), *arguments)
    assert hasty.returncode == 1, hasty.stderr
    assert "max_tokens" in hasty.stderr


def test_a_forked_process_that_projects_is_told_though_it_ends_without_another_word(
    claude: Watched, tmp_path: Path
) -> None:
    head, _, _ = BY_MULTIPROCESSING.partition("    context = ")
    code = f"""{head}    process = multiprocessing.get_context("fork").Process(target=ask, args=("four",))
    process.start()
    process.join()
"""
    recorded = Recorded(tmp_path, claude, code)
    late = code.replace("    import anthropic\n", "    import anthropic, time\n    time.sleep(9)\n")
    done = recorded.replay(late, options=("--format", "json"))
    told = json.loads(done.stdout)
    assert (done.returncode, told["replay"]) == (0, "projected"), done.stderr
    assert tracekit_json("show", told["run"], env=recorded.env)["run"]["replay"] == "projected"


# ── the order of a set ───────────────────────────────────────────────────────────────────────────────────────────────

SETS = ASK.replace(
    'print(ask("hi"))',
    "import os, subprocess, sys\n"
    'names = {"research", "analysis", "fact_check", "style", "budget", "law", "press", "travel"}\n'
    'print(ask(" ".join([*sys.argv[1:], *names])), os.environ.get("PYTHONHASHSEED"), flush=True)\n'
    'if len(sys.argv) < 2: subprocess.run([sys.executable, __file__, "child"], check=True)\n',
)


@pytest.mark.slow
def test_the_hashes_of_a_replay_are_those_of_the_recording(
    claude: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    recorded = Recorded(tmp_path, claude, SETS, python=sys.executable)
    seeds = {json.loads(line)["hash_seed"] for line in recorded.file.read_text().splitlines() if '"header"' in line}
    assert {f"{seed}" for seed in seeds} == {line.split()[-1] for line in recorded.stdout.splitlines()}
    done = recorded.replay(None)
    assert (done.returncode, done.stdout) == (0, recorded.stdout), done.stderr
    # The user's own setting wins, and nothing but the order of the names differs.
    recorded.env["PYTHONHASHSEED"] = f"{(seeds.pop() + 1) % 100}"
    done = recorded.replay(None)
    assert done.returncode == 1
    assert "PYTHONHASHSEED" in done.stderr


@pytest.mark.slow
def test_a_users_own_seed_is_kept(claude: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "11")
    recorded = Recorded(tmp_path, claude, SETS, python=sys.executable)
    assert {line.split()[-1] for line in recorded.stdout.splitlines()} == {"11"}
    del recorded.env["PYTHONHASHSEED"]
    done = recorded.replay(None)
    assert (done.returncode, done.stdout) == (0, recorded.stdout), done.stderr
