"""After a bare `init()`, a script is one run, and what reaches it from outside is runs of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anthropic
import pytest

import tracekit
from tests.support.cli import environment, tracekit_json
from tests.support.cli import tracekit as command
from tests.support.recording import recordings, spans, the_run, the_span, tree
from tests.support.waiting import LONG_S
from tests.support.warm import warm_python
from tracekit.analysis.structure import structure
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, count_tokens, message, reply, text
from tracekit.instrument.units import Unit, begin_unit, end_unit
from tracekit.model.recording import Recording

PROGRAMS = Path(__file__).parents[1] / "programs"
FAN_OUT = ["alone", "job 0", "job 1", "process", "task 0", "task 1", "task 2", "thread", "to a thread"]


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    return count_tokens(3) if asked.path.endswith("count_tokens") else reply(asked, message(text("Yes.")))


@pytest.fixture
def claude() -> Iterator[ScriptedClaude]:
    with ScriptedClaude(respond) as server:
        yield server


def run_script(home: Path, claude: ScriptedClaude, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = [warm_python(), str(PROGRAMS / arguments[0]), *arguments[1:]]
    return subprocess.run(
        script, env=environment(home, claude.url), capture_output=True, text=True, timeout=LONG_S, check=False
    )


def words_of(run: Recording) -> list[str]:
    """Return the request text of each call of the run."""
    bodies = [json.loads(exchange.request.body or b"") for exchange in run.exchanges.values()]
    return sorted(body["messages"][0]["content"] for body in bodies)


@pytest.mark.slow
def test_script_is_one_run_and_replays(home: Path, claude: ScriptedClaude) -> None:
    done = run_script(home, claude, "fan_outs.py")
    assert (done.returncode, done.stderr) == (0, "")
    run = the_run()
    assert (run.name, words_of(run)) == ("fan_outs", FAN_OUT)
    root = the_span(run, "run")
    assert {span.parent for span in spans(run, "llm")} == {root.id}
    assert root.start_ns < min(span.start_ns for span in spans(run, "llm"))
    assert {span.status for span in run.spans.values()} == {"ok"}
    assert len(claude.asked) == len(FAN_OUT)
    env = environment(home, claude.url)
    replay = command("replay", run.id, "--", str(PROGRAMS / "fan_outs.py"), env=env)
    assert (replay.returncode, len(claude.asked)) == (0, len(FAN_OUT)), replay.stderr
    (again,) = [each for each in recordings() if each.id != run.id]
    assert words_of(again) == FAN_OUT
    assert tracekit_json("show", "last-replay", env=env)["run"]["replay"] == "followed"


def test_how_a_script_ends(home: Path, claude: ScriptedClaude) -> None:
    assert run_script(home, claude, "fan_outs.py", "count").returncode == 0
    assert recordings() == [], "counting tokens is nothing of interest"
    assert run_script(home, claude, "fan_outs.py", "fail").returncode == 1
    root = the_span(the_run(), "run")
    assert (root.status, root.failure and root.failure.type) == ("error", "ValueError")


def test_what_arrives_is_no_part_of_the_script(home: Path, claude: ScriptedClaude) -> None:
    done = run_script(home, claude, "arrivals.py")
    assert (done.returncode, done.stderr) == (0, "")
    found = sorted((run.name, words_of(run)) for run in recordings())
    assert found == [
        *[("Handler.do_GET", [f"handler/{number}"] * 2) for number in range(3)],
        ("arrivals", ["own"] * 5),
        *[("handle", [f"stream/{number}"] * 2) for number in range(3)],
        ("message", ["consumed"]),
    ]


def test_unit_of_work_replays_as_one_run(recording: Path, claude: ScriptedClaude) -> None:
    """A replay has no span of its own where the recording has none, and holds all requests."""

    def ask() -> None:
        with anthropic.Anthropic(base_url=claude.url, api_key="key") as client:
            for words in ("one", "two"):
                client.messages.create(
                    model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": words}]
                )

    before = begin_unit(Unit("request", "answer"))
    ask()
    end_unit(before)
    run = the_run()
    assert (run.name, words_of(run)) == ("answer", ["one", "two"])
    with tracekit.replay(run) as replay:
        ask()
    assert replay.run is not None
    assert (replay.mode, replay.run.name, replay.run.count("llm")) == ("followed", "answer", 2)
    assert tree(replay.run.recording) == tree(run)
    assert structure(run).root.inferred
    assert len(claude.asked) == 2
