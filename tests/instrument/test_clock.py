"""Recorded times are the system's, whatever the program has done to `time`, and agree within a run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import tracekit
from tests.support.cli import environment, nodes, tracekit_json
from tests.support.cli import tracekit as cli
from tests.support.recording import recordings
from tests.support.waiting import LONG_S
from tracekit.configure import SESSION_VARIABLE
from tracekit.demo.claude import ScriptedClaude, message, reply, text
from tracekit.instrument import recorder
from tracekit.instrument.clock import AnchoredClock
from tracekit.journal.process import boot_id
from tracekit.model.run import ProcessRoot, RunInfo, Session

HOUR_NS = 3_600_000_000_000
ASK = """
def ask(what):
    import anthropic
    anthropic.Anthropic(max_retries=0).messages.create(
        model="m", max_tokens=5, messages=[{"role": "user", "content": what}])
"""
FROZEN_BEFORE = "with freeze('2020-01-01'):\n    tracekit.init()\n    with tracekit.run('r'): ask('in')\n"
FROZEN_INSIDE = "tracekit.init()\nwith tracekit.run('r'):\n    ask('before')\n    with freeze('2020-01-01'): ask('in')\n    ask('after')\n"
LIBRARIES = {
    "freezegun": "from freezegun import freeze_time as freeze\n",
    "time-machine": "import time_machine\nfreeze = lambda to: time_machine.travel(to, tick=False)\n",
}


@pytest.mark.parametrize("code", [FROZEN_BEFORE, FROZEN_INSIDE], ids=["before init", "inside a run"])
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.slow
def test_a_frozen_time_moves_no_recorded_time(library: str, code: str, tmp_path: Path) -> None:
    begin_ns = time.time_ns()
    with ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        env = environment(tmp_path / "home", claude.url, PYTHONWARNINGS="ignore::ResourceWarning")
        program = [sys.executable, "-c", f"{LIBRARIES[library]}{ASK}import tracekit\n{code}"]
        done = subprocess.run(program, env=env, capture_output=True, text=True, check=False, timeout=LONG_S)
    assert (done.returncode, done.stderr) == (0, "")
    end_ns = time.time_ns()
    shown = tracekit_json("show", "r", env=env)
    assert abs(shown["run"]["recorded_at_ns"] - shown["root"]["start_ns"]) < 10**9
    times = [shown["root"]["start_ns"]]
    for call in nodes(shown["root"], "llm"):
        times += [call["start_ns"], call["end_ns"]]
    times.append(shown["root"]["end_ns"])
    assert times == sorted(times)
    assert begin_ns - 10**9 < times[0]
    assert times[-1] < end_ns + 10**9
    assert {path.parent.name[:4] for path in (tmp_path / "home" / "runs").glob("*/*.jsonl")} == {time.strftime("%Y")}


class Clocks:
    """A wall clock that can be set, and a steady one."""

    def __init__(self) -> None:
        self.steady_ns = 5 * HOUR_NS
        self.offset_ns = 1_000 * HOUR_NS

    def steady(self) -> int:
        self.steady_ns += 1_000
        return self.steady_ns

    def wall(self) -> int:
        return self.steady() + self.offset_ns


@pytest.mark.parametrize("jump_ns", [HOUR_NS, -HOUR_NS])
def test_a_clock_that_is_set_cuts_no_span_and_dates_the_next_run(recording: Path, jump_ns: int) -> None:
    clocks = Clocks()
    active = recorder.active()
    assert active is not None
    active.clock = AnchoredClock(steady=clocks.steady, wall=clocks.wall)
    with tracekit.run("one"), tracekit.agent("lead"):
        clocks.offset_ns += jump_ns
        with tracekit.agent("sub"):
            pass
        with tracekit.run("within"), tracekit.agent("lead"):
            pass
    with tracekit.run("two"), tracekit.agent("lead"):
        pass
    runs = {run.name: run for run in recordings()}
    for run in runs.values():
        for span in run.spans.values():
            assert span.end_ns is not None
            assert 0 <= span.end_ns - span.start_ns < 10**9
    between_ns = runs["two"].recorded_at_ns - runs["one"].recorded_at_ns
    assert abs(between_ns - jump_ns) < 10**9
    assert abs(runs["within"].recorded_at_ns - runs["one"].recorded_at_ns) < 10**9


@pytest.mark.parametrize(("boot", "is_shared"), [(boot_id(), True), ("another machine's", False)])
def test_processes_of_a_run_share_its_clock(
    home: Path, boot: str, is_shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offset_ns = AnchoredClock().offset_ns + HOUR_NS
    session = Session(RunInfo("a" * 32, "r", 1, ProcessRoot("b" * 16, 1, ())), str(tmp_path), "", boot, offset_ns)
    assert Session.loads(session.dumps()) == session
    monkeypatch.setenv(SESSION_VARIABLE, session.dumps())
    tracekit.init()
    active = recorder.active()
    assert active is not None
    assert isinstance(active.clock, AnchoredClock)
    assert (active.clock.offset_ns == offset_ns) is is_shared
    assert active.clock.has_jumped is is_shared


@pytest.mark.slow
def test_fresh_processes_of_multiprocessing_share_the_clock(tmp_path: Path) -> None:
    code = f"""
import multiprocessing, tracekit
from tracekit.instrument.recorder import active
{ASK}
if __name__ == "__main__":
    tracekit.init()
    with tracekit.run("r"), tracekit.agent("lead"):
        active().clock.offset_ns -= {HOUR_NS}
        process = multiprocessing.get_context("spawn").Process(target=ask, args=("child",))
        process.start()
        process.join()
        active().clock.offset_ns += {HOUR_NS}
"""
    (tmp_path / "agent.py").write_text(code)
    with ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        env = environment(tmp_path / "home", claude.url)
        done = subprocess.run(
            [sys.executable, "agent.py"],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONG_S,
        )
    assert (done.returncode, done.stderr) == (0, "")
    shown = tracekit_json("show", "r", env=env)
    (call,) = nodes(shown["root"], "llm")
    assert abs(call["start_ns"] + HOUR_NS - shown["root"]["start_ns"]) < 120 * 10**9
    assert cli("check", "r", env=env).returncode in (0, 1)
