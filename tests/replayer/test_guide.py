"""The guide's loop in all its forms, recorded against a server, and replayed without the server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.build import MS
from tests.support.cli import PROGRAMS, environment, nodes, tracekit, tracekit_json
from tests.support.replaying import busy, facts, numbered
from tests.support.waiting import LONG_S
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, text, tool_use
from tracekit.journal.catalog import find_run
from tracekit.journal.reader import read_run

PATHS = {"shop/cart.py": 0.15, "shop/orders.py": 0.3, "shop/mail.py": 0.45}


def shop(asked: ReceivedRequest) -> ScriptedResponse:
    request = asked.json()
    if request["system"] == "You lead.":
        if len(request["messages"]) == 1:
            blocks = [tool_use("analysis_agent", {"path": path}) for path in PATHS]
            return message(text("Three files."), *blocks, model=request["model"], delay_s=0.2)
        return message(text("All done."), model=request["model"], delay_s=0.1)
    path = next(path for path in PATHS if path in request["messages"][0]["content"])
    return message(text(f"{path} is fine."), model=request["model"], delay_s=PATHS[path])


def recorded(mode: str, home: Path) -> dict[str, str]:
    """Record a form of the loop; the environment in which the server is gone."""
    with ScriptedClaude(shop) as claude:
        done = tracekit("run", str(PROGRAMS / "guide.py"), mode, env=environment(home, claude.url))
        assert (done.returncode, done.stdout) == (0, "All done.\n"), done.stderr
    return environment(home, claude.url)


def replayed(mode: str, of: str, env: dict[str, str]) -> Any:
    done = tracekit("replay", of, str(PROGRAMS / "guide.py"), mode, env=env)
    assert (done.returncode, done.stdout) == (0, "All done.\n"), done.stderr
    return tracekit_json("show", "last-replay", env=env)


def shape(node: dict[str, Any], zero: int) -> Any:
    return [
        node["kind"],
        node["name"],
        node["inferred"],
        node["start_ns"] - zero,
        node["end_ns"] - zero,
        [shape(child, zero) for child in node["children"]],
    ]


@pytest.mark.parametrize("mode", ["sync", "async", "threads", "serial", "decorated"])
@pytest.mark.slow
def test_the_loop_is_followed(mode: str, tmp_path: Path) -> None:
    env = recorded(mode, tmp_path)
    before = tracekit_json("show", "last", env=env)
    for _ in range(2):
        after = replayed(mode, before["run"]["id"], env)
        assert after["run"]["replay"] == "followed"
        assert after["run"]["replay_of"] == before["run"]["id"]
        zero = before["root"]["start_ns"]
        assert shape(after["root"], zero) == shape(before["root"], zero)
        assert after["run"]["tokens"] == before["run"]["tokens"]


@pytest.mark.slow
def test_replays_under_load_are_identical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = recorded("threads", tmp_path)
    monkeypatch.setenv("TRACEKIT_HOME", str(tmp_path))
    of = tracekit_json("ls", env=env)[0]["id"]
    expected = facts(read_run(find_run(of).paths))
    with busy():
        for _ in range(3):
            done = tracekit("replay", of, str(PROGRAMS / "guide.py"), "threads", env=env)
            assert done.returncode == 0, done.stderr
            made = read_run(find_run("last-replay").paths)
            assert (made.replay_of, made.replay) == (of, "followed")
            assert facts(made) == expected


@pytest.mark.parametrize("mended", ["async", "decorated"])
@pytest.mark.slow
def test_the_serial_loop_mended_is_projected(mended: str, tmp_path: Path) -> None:
    env = recorded("serial", tmp_path)
    was = tracekit_json("show", "last", env=env)
    run = replayed(mended, was["run"]["id"], env)
    assert run["run"]["replay"] == "projected"
    took_ns, serial_ns = sorted(took_of_workers(run)), sorted(took_of_workers(was))
    assert between(run) >= took_ns[-1]
    # What the program itself took beside its calls in the recording comes on top, once for each lane that waits for it.
    assert between(run) - took_ns[-1] <= 2 * (between(was) - sum(serial_ns)) + 20 * MS


def calls_in(shown: Any) -> list[Any]:
    return sorted(nodes(shown["root"], "llm"), key=lambda call: int(call["start_ns"]))


def took_of_workers(shown: Any) -> list[int]:
    """Nanoseconds that each call between the first and the last took."""
    return [call["end_ns"] - call["start_ns"] for call in calls_in(shown)[1:-1]]


def between(shown: Any) -> int:
    """Nanoseconds from the end of the first call to the begin of the last."""
    first, *_, last = calls_in(shown)
    return int(last["start_ns"] - first["end_ns"])


@pytest.mark.slow
def test_ten_minutes_take_no_time(tmp_path: Path) -> None:
    """The recording's times are stretched, so that it is as if it had taken ten minutes."""
    env = recorded("async", tmp_path / "home")
    file, long = tmp_path / "run.jsonl", tmp_path / "long.jsonl"
    assert tracekit("export", "last", "-o", str(file), env=env).returncode == 0
    starts = [int(each) for each in re.findall(r'"t":(\d{19})', file.read_text())]
    zero, most = min(starts), max(starts)
    factor = 600_000_000_000 // (most - zero)
    stretched = re.sub(
        r'"(t|first|at)":(\d{19})',
        lambda found: f'"{found[1]}":{zero + (int(found[2]) - zero) * factor}',
        file.read_text(),
    )
    long.write_text(stretched)
    program = tmp_path / "timed.py"
    program.write_text(
        "import sys, runpy\n"
        f"sys.argv = ['guide.py', 'async']\nrunpy.run_path({str(PROGRAMS / 'guide.py')!r}, run_name='__main__')\n"
    )
    done = tracekit("replay", str(long), str(program), env=env, timeout=LONG_S)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "All done.\n"
    assert tracekit_json("show", "last-replay", env=env)["run"]["duration_ms"] > 500_000


def test_ambiguous_is_exit_1_and_said(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import anthropic, asyncio\n"
        "async def main():\n"
        "    client = anthropic.AsyncAnthropic()\n"
        "    ask = lambda: client.messages.create(model='claude-sonnet-5', max_tokens=9,\n"
        "        messages=[{'role': 'user', 'content': 'Which?'}])\n"
        "    for each in asyncio.as_completed([ask(), ask(), ask()]):\n"
        "        await each\n"
        "    await client.close()\n"
        "asyncio.run(main())\n"
    )
    with ScriptedClaude(numbered()) as claude:
        env = environment(tmp_path / "home", claude.url)
        assert tracekit("run", str(program), env=env).returncode == 0
    done = tracekit("replay", "last", str(program), env=env)
    assert done.returncode == 1
    assert "the recording cannot tell which one belongs to it" in done.stderr
