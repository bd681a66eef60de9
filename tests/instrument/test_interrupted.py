"""Exceptions of the program that are raised within tracekit reach the program, and the record stays whole."""

from __future__ import annotations

import ctypes
import gc
import random
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import anthropic
import pytest

import tracekit
from tests.support.recording import name_of_current, recordings, spans, the_run
from tracekit.demo.claude import ScriptedClaude, message, reply, text
from tracekit.instrument import guard

_PACKAGE = str(Path(tracekit.__file__).parent)

_UNGUARDED = ("__exit__",)
"""The first step of a function is before any `try` in it, so a block that is left right then is not ended."""


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Connections that were cut off are collected within the test that has cut them, which expects it."""
    yield
    gc.collect()


def _is_in_finaliser(frame: FrameType) -> bool:
    """Return whether the interpreter drops an exception that is raised there, since nothing can receive it."""
    at: FrameType | None = frame
    while at is not None and at.f_code.co_name != "__del__":
        at = at.f_back
    return at is not None


class Late(Exception):  # noqa: N818  a time limit, as Celery's is
    """The program's time limit."""


def ask(client: anthropic.Anthropic, size: int, *, stream: bool) -> None:
    question: Any = {
        "model": "claude-sonnet-5",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "lorem ipsum " * size}],
    }
    if stream:
        for _ in client.messages.create(**question, stream=True):
            pass
    else:
        client.messages.create(**question)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # one that lands in a finaliser
@pytest.mark.parametrize(
    ("size", "kind"),
    [
        (10, Late),
        (10, ValueError),
        (40_000, TimeoutError),
        *(
            pytest.param(size, kind, marks=pytest.mark.slow)
            for size, kind in ((10, TimeoutError), (40_000, Late), (40_000, ValueError))
        ),
    ],
)
def test_a_time_limit_that_lands_in_our_code_reaches_the_program(
    recording: Path, kind: type[Exception], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACEKIT_RAISE")
    landed: list[str] = []
    reached: list[BaseException] = []
    raised: list[BaseException] = []

    def limit(_number: int, frame: FrameType | None) -> None:
        assert frame is not None
        if frame.f_code.co_name in _UNGUARDED or _is_in_finaliser(frame):
            return
        file = frame.f_code.co_filename
        landed.append("ours" if "/tracekit/" in file and "/demo/" not in file else file)
        raised.append(kind("time is over"))
        raise raised[-1]

    @tracekit.tool
    def look(at: str) -> str:
        return at * 10

    def cut_short(after_s: float, client: anthropic.Anthropic, *, stream: bool) -> None:
        signal.setitimer(signal.ITIMER_REAL, after_s)
        try:
            for _ in range(6):
                with tracekit.run("task"), tracekit.agent("lead"), tracekit.turn():
                    look("it")
                    ask(client, size, stream=stream)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    chance = random.Random(size)
    before = signal.signal(signal.SIGALRM, limit)
    with ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        client = anthropic.Anthropic(base_url=claude.url, api_key="k", max_retries=0)
        try:
            for number in range(60):
                try:
                    cut_short(0.001 + chance.random() * 0.01, client, stream=number % 2 == 0)
                except Exception as error:  # noqa: BLE001  a library may have made another of it
                    reached.append(error)
                assert name_of_current() is None
        finally:
            signal.signal(signal.SIGALRM, before)
    lost = [place for place, error in zip(landed, raised, strict=True) if not _came_out(error, reached)]
    assert "ours" in landed
    # The SDK itself keeps what lands in some of its own code.
    assert "ours" not in lost
    assert guard.faults.count == _faults_before
    assert len(recordings()) > 10


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a connection that was cut off
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("number", range(12))
def test_a_time_limit_that_lands_in_any_write_leaves_the_record_whole(
    recording: Path, number: int, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracekit.journal import writer

    write_lines, written = writer._write_lines, [0]

    def interrupted(file: int, text: str, sizes: list[int]) -> None:
        written[0] += 1
        if written[0] == number * 2:
            signal.raise_signal(signal.SIGALRM)
        write_lines(file, text, sizes)
        if written[0] == number * 2 + 1:
            signal.raise_signal(signal.SIGALRM)

    def limit(_number: int, _frame: FrameType | None) -> None:
        raise Late("time is over")

    @tracekit.tool
    def look(at: str) -> str:
        return at * 10

    monkeypatch.setattr(writer, "_write_lines", interrupted)
    before = signal.signal(signal.SIGALRM, limit)
    reached = 0
    with ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        client = anthropic.Anthropic(base_url=claude.url, api_key="k", max_retries=0)
        try:
            for _ in range(3):
                try:
                    with tracekit.run("task"), tracekit.agent("lead"), tracekit.turn():
                        look("it")
                        ask(client, 10, stream=stream)
                except (Late, anthropic.APIConnectionError):
                    reached += 1
                assert name_of_current() is None
        finally:
            signal.signal(signal.SIGALRM, before)
    assert reached >= 1
    for run in recordings():
        ids = [span.id for span in run.spans.values()]
        assert len(ids) == len(set(ids))
        assert [(span.kind, span.status) for span in run.spans.values() if span.status == "open"] == []


def _came_out(error: BaseException, reached: list[BaseException]) -> bool:
    chains = []
    for each in reached:
        link: BaseException | None = each
        while link is not None:
            chains.append(link)
            link = link.__cause__ or link.__context__
    return any(link is error for link in chains)


@pytest.fixture(autouse=True)
def _count_faults() -> None:
    global _faults_before  # noqa: PLW0603  what the test above compares with
    _faults_before = guard.faults.count


_faults_before = 0


def _interrupted_at(moment: int) -> tuple[int, list[str]]:
    """Raise an exception in a thread at a numbered line of tracekit; return the count of lines, and the end."""
    lines, ended = 0, []

    @tracekit.tool
    def look(at: str) -> str:
        return at

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            return None
        lines += event == "line"
        if event == "line" and lines == moment:
            thread = ctypes.c_ulong(threading.get_ident())
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(Late))
        return trace

    def main() -> None:
        sys.settrace(trace)
        try:
            with tracekit.agent("lead"):
                look("x" * 20_000)
            ended.append("undisturbed")
        except Late:
            ended.append("late")
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
    return lines, ended


def test_what_is_set_in_a_thread_reaches_the_program(recording: Path) -> None:
    """Some task runners end a thread so; what they set is no interrupt, but an exception like any other."""
    _interrupted_at(0)  # what is imported late is imported
    lines, ended = _interrupted_at(0)
    assert (lines > 200, ended) == (True, ["undisturbed"])
    for moment in range(1, lines - 5, lines // 30):
        assert _interrupted_at(moment)[1] == ["late"], moment


def test_odd_values_and_errors_cost_neither_the_program_nor_the_record(recording: Path) -> None:
    class Odd(Exception):  # noqa: N818  an error, whatever it is called
        def __str__(self) -> str:
            raise RuntimeError("odd")

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("odd")

        def __hash__(self) -> int:
            return 1

    @tracekit.tool
    def give(value: Any) -> Any:
        return value

    @tracekit.tool
    def fail() -> None:
        raise Odd

    odd = Odd()
    with tracekit.agent("lead"):
        assert give(odd) is odd
        assert give({"a": odd})["a"] is odd
        with pytest.raises(Odd):
            fail()
    run = the_run()
    tools = spans(run, "tool")
    assert [span.status for span in tools] == ["ok", "ok", "error"]
    assert tools[2].failure is not None
    assert "its __str__ raises RuntimeError" in tools[2].failure.message


def test_a_span_processor_of_the_application_that_raises_costs_no_span(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry import trace as otel_trace

    monkeypatch.delenv("TRACEKIT_RAISE")

    class Tracer(otel_trace.NoOpTracer):
        def start_span(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("no spans today")

    monkeypatch.setattr(otel_trace, "get_tracer", lambda *_, **__: Tracer())
    with tracekit.agent("lead"):
        pass
    assert [span.status for span in spans(the_run(), "agent")] == ["ok"]
    guard.faults.count = _faults_before
