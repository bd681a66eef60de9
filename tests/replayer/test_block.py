"""`with tracekit.replay(…)`: what it refuses, what it tells after, and that it leaves nothing behind."""

import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import anthropic
import pytest

import tracekit
from tests.support.calling import QUESTION
from tests.support.recording import as_json
from tests.support.replays import Watched, record, untouched
from tracekit.demo.claude import message, text
from tracekit.errors import ReplayDivergence, ReplayError, RunNotFoundError
from tracekit.model.recording import Recording


def ask(url: str, **more: Any) -> Any:
    with anthropic.Anthropic(base_url=url, api_key="key") as client:
        return as_json(client.messages.create(**{**QUESTION, **more}))


@pytest.fixture
def claude() -> Any:
    with Watched(lambda _: message(text("x"))) as server:
        yield server


@pytest.fixture
def run(claude: Watched, home: Path) -> Recording:
    return record(lambda: ask(claude.url))[1]


def test_nested(claude: Watched, run: Recording) -> None:
    with untouched(claude):
        with tracekit.replay(run) as outer, tracekit.run("recorded"):
            with pytest.raises(ReplayError, match="cannot start another replay"), tracekit.replay(run):
                pass
            ask(claude.url)
        assert outer.mode == "followed"
        with pytest.raises(ReplayError, match="this replay is over"), outer:
            pass


def test_a_program_that_asks_nothing(run: Recording) -> None:
    with pytest.raises(ReplayDivergence, match="had made all recorded calls"), tracekit.replay(run):
        pass


def test_the_programs_own_exception_comes_out(claude: Watched, run: Recording) -> None:
    with untouched(claude), pytest.raises(LookupError, match="own"), tracekit.replay(run) as replay:
        raise LookupError("its own")
    assert replay.divergence is None
    assert len(replay.unplayed) == 1


@pytest.mark.parametrize("source", ["nope", "nope.jsonl", "./nope"])
def test_no_such_recording(source: str, home: Path) -> None:
    with pytest.raises(RunNotFoundError):
        tracekit.replay(source)


def test_it_leaves_nothing_behind(claude: Watched, run: Recording) -> None:
    def state() -> list[Any]:
        return [
            time.sleep,
            threading.Thread.start,
            threading.Condition.wait,
            subprocess.Popen.__init__,
            {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        ]

    before = state()
    with tracekit.replay(run), tracekit.run("recorded"):
        ask(claude.url)
        assert state() != before
    assert state() == before
    with pytest.raises(ReplayDivergence), tracekit.replay(run):
        ask(claude.url, max_tokens=7)
    assert state() == before
    # And what is asked now is asked, and recorded.
    assert record(lambda: ask(claude.url))[0] == ask(claude.url)
    assert len(claude.asked) == 3
