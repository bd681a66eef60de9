"""Events that belong together are written together, and nothing is held back while the program waits."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from typing_extensions import override

import tracekit
from tests.support.recording import the_run
from tracekit.demo.claude import ScriptedClaude, message, reply, stream, text
from tracekit.instrument.recorder import active

ASKED: Any = {"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
PIECES = [data for _, data in stream(message(text("one two three four five six"))).chunks or ()]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The kinds of the lines of each write to a journal."""
    calls: list[list[str]] = []
    real = os.write

    def write(file: int, data: bytes) -> int:
        if data.startswith(b'{"e":'):
            calls.append([json.loads(line)["e"] for line in data.splitlines()])
        return real(file, data)

    monkeypatch.setattr(os, "write", write)
    return calls


class Body(httpx2.SyncByteStream):
    """A body in memory, which calls `before` with the number of each piece."""

    def __init__(self, before: Callable[[int], None]) -> None:
        self._before = before

    @override
    def __iter__(self) -> Iterator[bytes]:
        for number, piece in enumerate(PIECES):
            self._before(number)
            yield piece


def in_memory(before: Callable[[int], None] = lambda _: None) -> anthropic.Anthropic:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(before))

    transport = httpx2.MockTransport(answer)
    return anthropic.Anthropic(base_url="http://claude", api_key="k", http_client=httpx2.Client(transport=transport))


def chunks_on_disk() -> int:
    (path,) = tracekit_journals()
    return sum(line.startswith(b'{"e":"chunk"') for line in path.read_bytes().splitlines())


def tracekit_journals() -> list[Path]:
    return list(Path(os.environ["TRACEKIT_HOME"]).glob("runs/*/*.jsonl"))


def test_plain_call_is_two_writes(recording: Path, written: list[list[str]]) -> None:
    with ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude, tracekit.run("task"):
        client = anthropic.Anthropic(base_url=claude.url, api_key="k")
        client.messages.create(**ASKED)
        written.clear()
        client.messages.create(**ASKED)
    assert written == [["begin", "begin"], ["end", "end"], ["end"]]


def test_failed_attempt_is_written_before_the_sdk_waits(recording: Path, written: list[list[str]]) -> None:
    seen: list[list[list[str]]] = []

    def answer(asked: Any) -> Any:
        seen.append(list(written))
        return reply(asked, message(text("hello"))) if len(seen) > 1 else overloaded()

    with ScriptedClaude(answer) as claude, tracekit.run("task"):
        anthropic.Anthropic(base_url=claude.url, api_key="k", max_retries=1).messages.create(**ASKED)
    assert [kinds for kinds in seen[1] if "end" in kinds] == [["end"]]
    (llm,) = [span for span in the_run().spans.values() if span.kind == "llm"]
    assert llm.status == "ok"


def overloaded() -> Any:
    from tracekit.demo.claude import error

    return error(529, "overloaded_error", "Overloaded", headers={"retry-after-ms": "1"})


def test_body_in_memory_is_written_with_its_end(recording: Path, written: list[list[str]]) -> None:
    with tracekit.run("task"):
        for _ in in_memory().messages.create(**ASKED, stream=True):
            pass
    assert ["chunk"] * len(PIECES) + ["end"] in written
    attempt = next(iter(the_run().exchanges.values()))
    assert [piece.data for piece in attempt.pieces] == PIECES


def test_nothing_is_held_back_once_the_reader_has_waited(recording: Path) -> None:
    on_disk: list[int] = []

    def before(number: int) -> None:
        if number == 4:
            time.sleep(0.01)
        if number > 4:
            on_disk.append(chunks_on_disk())

    with tracekit.run("task"):
        for _ in in_memory(before).messages.create(**ASKED, stream=True):
            pass
    assert on_disk == list(range(5, len(PIECES)))


def test_stream_from_a_connection_is_written_as_it_is_read(recording: Path) -> None:
    answer = stream(message(text("one two three four five six")))
    with ScriptedClaude(lambda _: answer) as claude, tracekit.run("task"):
        client = anthropic.Anthropic(base_url=claude.url, api_key="k")
        read = 0
        for _ in client.messages.create(**ASKED, stream=True):
            read += 1
            assert chunks_on_disk() >= 1
    assert read


@pytest.mark.parametrize("leave", [lambda stream: stream.close(), lambda _: active().exit()])  # type: ignore[union-attr]
def test_what_was_held_back_is_written_when_the_program_stops_reading(
    recording: Path, leave: Callable[[Any], object]
) -> None:
    with tracekit.run("task"):
        events = in_memory().messages.create(**ASKED, stream=True)
        next(iter(events))
        assert chunks_on_disk() == 0
        leave(events)
        assert chunks_on_disk() >= 1
        events.close()
