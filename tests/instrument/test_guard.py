"""Our own faults never reach the program: they are logged once, and the program's own behaviour is what it was."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from anthropic import beta_tool

import tracekit
from tests.instrument.test_tool_runner import respond, run_async, run_sync
from tests.support.calling import ANSWER, QUESTION, Way, call, client_of, in_turn, sync_and_async
from tests.support.recording import stop
from tracekit.demo.claude import ScriptedClaude, cut, error, stream
from tracekit.instrument import guard, recorder

RETRIED = error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "1"})


class Broken(Exception):  # noqa: N818  a fault, whatever it is called
    """The exception that a broken part of tracekit raises."""


class BrokenSink:
    """A sink that can do nothing."""

    def _fail(self, *_: Any) -> Any:
        raise Broken("the disk is on fire")

    write = release = forked = exit = has_others = _fail


class BrokenClock:
    """A clock that has stopped."""

    def now_ns(self) -> int:
        raise Broken("no time")


@pytest.fixture
def unraised(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A process like a user's, in which the guard does not raise; the faults are counted and then forgiven."""
    monkeypatch.delenv("TRACEKIT_RAISE")
    before = guard.faults.count
    yield lambda: guard.faults.count - before
    recorder.install(None)
    stop()
    guard.faults.count = before


def break_down(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tracekit.init()
    active = recorder.active()
    assert active is not None
    if what == "sink":
        active.sink = BrokenSink()
    elif what == "clock":
        active.clock = BrokenClock()
    elif what == "lanes":
        monkeypatch.setattr("tracekit.instrument.lanes.current_lane", BrokenSink()._fail)
        monkeypatch.setattr("tracekit.instrument.recorder.current_lane", BrokenSink()._fail)
    else:
        monkeypatch.setattr(f"tracekit.instrument.sdk.{what}", BrokenSink()._fail)


BROKEN = pytest.mark.parametrize(
    "what",
    [
        "sink",
        "clock",
        "lanes",
        "attempt.request_of",
        "attempt.answer_of",
        "attempt.Reading",
        "body.observed",
        "call.current_span",
        "call.usage_attributes",
        "spans.AdoptedSpan",
        "seam.Call",
        "seam.RecordingTracer",
    ],
)


@BROKEN
@sync_and_async("create", "create_stream")
def test_calls_go_on(
    way: Way, what: str, unraised: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedClaude(in_turn(RETRIED, ANSWER)) as claude:
        bare = call(way, client_of(way, claude.url))
    with ScriptedClaude(in_turn(RETRIED, ANSWER)) as claude:
        break_down(what, monkeypatch)
        assert call(way, client_of(way, claude.url)) == bare
        assert call(way, client_of(way, claude.url)).values
    assert not bare.raised
    warnings = [record for record in caplog.records if record.name == "tracekit"]
    assert len({record.getMessage() for record in warnings}) == len(warnings)
    assert all(record.levelno == logging.WARNING for record in warnings)
    if unraised():
        assert warnings


@BROKEN
@sync_and_async("create_stream")
def test_errors_are_the_sdks(way: Way, what: str, unraised: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedClaude(lambda _: cut(stream(ANSWER), after=3)) as claude:
        bare = call(way, client_of(way, claude.url, max_retries=0))
        break_down(what, monkeypatch)
        assert call(way, client_of(way, claude.url, max_retries=0)) == bare
    assert bare.raised


@pytest.mark.parametrize("what", ["sink", "clock", "lanes"])
def test_everything_else_goes_on(what: str, unraised: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    break_down(what, monkeypatch)

    @tracekit.tool
    def add(one: int, other: int) -> int:
        return one + other

    @tracekit.agent
    def count(to: int) -> Any:
        yield from range(to)
        return "done"

    async def work() -> int:
        await asyncio.sleep(0)
        return add(1, 2)

    async def main() -> list[int]:
        return [*await asyncio.gather(work(), asyncio.create_task(work()), asyncio.to_thread(add, 1, 2))]

    with tracekit.run("task"), tracekit.agent("lead"), tracekit.turn():
        assert add(1, 2) == 3
        assert list(count(3)) == [0, 1, 2]
        assert asyncio.run(main()) == [3, 3, 3]
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(add, [1], [2])) == [3]
        thread = threading.Thread(target=add, args=(1, 2))
        thread.start()
        thread.join()
    with pytest.raises(TypeError, match="unsupported operand"):
        add(1, "2")  # type: ignore[arg-type]
    assert unraised()


@pytest.mark.parametrize("what", ["sink", "clock", "spans.AdoptedSpan"])
def test_tool_runner_goes_on(what: str, unraised: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    break_down(what, monkeypatch)
    with ScriptedClaude(respond) as claude:
        assert run_sync(claude.url, decorated=True) == ["read_file", "ask_expert", "fail"]
        assert run_async(claude.url, stream=True) == ["read_file", "ask_expert", "fail"]


def test_said_once_and_helpfully(
    unraised: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    break_down("sink", monkeypatch)
    for _ in range(5):
        with tracekit.agent("lead"):
            pass
    records = [record for record in caplog.records if record.name == "tracekit"]
    assert len(records) == len({record.getMessage() for record in records}) <= 2
    assert "your program continues" in records[0].getMessage()
    assert "on fire" in caplog.text
    assert unraised() >= 5


def test_raised_in_our_own_tests(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_down("sink", monkeypatch)
    before = guard.faults.count
    with pytest.raises(Broken):
        tracekit.agent("lead").__enter__()
    assert guard.faults.count == before + 1
    guard.faults.count = before
    recorder.install(None)


def test_interrupt_in_our_code_is_the_users(unraised: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tracekit.init()
    active = recorder.active()
    assert active is not None

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(active, "begin", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tracekit.agent("lead").__enter__()


def test_tool_with_a_fault_runs_once(unraised: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    @beta_tool
    @tracekit.tool
    def look(at: str) -> str:
        """Look at it."""
        ran.append(at)
        return at

    break_down("sink", monkeypatch)
    assert look.call({"at": "it"}) == "it"
    assert ran == ["it"]
    assert QUESTION["model"]
