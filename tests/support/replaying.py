"""Records a program against a scripted Claude, and replays it when the server is gone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import pytest

import tracekit
from tests.support.recording import recordings
from tests.support.starving import note_starving, was_starved
from tracekit.demo.claude import ReceivedRequest, Respond, ScriptedClaude, message, reply, text
from tracekit.model.recording import RecordedSpan, Recording
from tracekit.replayer.session import Replay

MODEL = "claude-sonnet-5"

Program = Callable[[str], Any]
"""Takes the address of the API, and gives what it has seen."""


def question(words: str = "Which city?") -> dict[str, Any]:
    """A request that asks one thing."""
    return {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": words}]}


def words_of(response: Any) -> str:
    """Return the text of a message."""
    return "".join(block.text for block in response.content if block.type == "text")


def sync_client(url: str, **more: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=url, api_key="test", **more)


def async_client(url: str, **more: Any) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=url, api_key="test", **more)


def numbered(delays_s: list[float] | None = None) -> Respond:
    """Answers the number of the request in the order of arrival: equal questions get different answers."""

    def respond(asked: ReceivedRequest) -> Any:
        delay_s = delays_s[asked.number % len(delays_s)] if delays_s else 0.01
        return reply(asked, message(text(f"answer {asked.number}"), delay_s=delay_s))

    return respond


def echo(delays_s: dict[str, float] | None = None, default_s: float = 0.01) -> Respond:
    """Repeats what it is asked, after the time that the words take."""

    def respond(asked: ReceivedRequest) -> Any:
        words = asked.json()["messages"][-1]["content"]
        return reply(asked, message(text(f"re: {words}"), delay_s=(delays_s or {}).get(words, default_s)))

    return respond


def record(program: Program, respond: Respond, *, name: str = "it") -> tuple[Any, Recording]:
    """Return the output of `program` with a server that uses `respond`, and the recording.

    The server has stopped by then.
    """
    tracekit.init()
    ids: list[str] = []
    with ScriptedClaude(respond) as claude, note_starving(ids):
        try:
            with tracekit.run(name) as run:
                ids.append(run.id)
                seen = program(claude.url)
        finally:
            record.url = claude.url  # type: ignore[attr-defined]
    (made,) = [run for run in recordings() if run.id in ids]
    return seen, made


def play(recording: Recording, program: Program, *, name: str = "it", **options: Any) -> tuple[Any, Replay]:
    """Return the output of `program` in a replay, and the replay's result."""
    ids: list[str] = []
    with note_starving(ids):
        with tracekit.replay(recording, **options) as replay, tracekit.run(name):
            seen = program("http://127.0.0.1:9")
        if replay.run is not None:
            ids.append(replay.run.id)
    return seen, replay


def same_in_replay(program: Program, respond: Respond, *, times: int = 1) -> tuple[Any, Recording]:
    """Record and replay `program`: its output must be the same, and each span equal to the nanosecond."""
    seen, recording = record(program, respond)
    for _ in range(times):
        again, replay = play(recording, program)
        assert again == seen, f"{again} != {seen}"
        assert_followed(replay, recording)
    return seen, recording


def assert_followed(replay: Replay, recording: Recording) -> None:
    """The replay is the recording, but for its ids; one that was starved may be projected."""
    assert replay.run is not None
    if replay.mode == "projected" and was_starved(recording.id):
        assert (replay.divergence, replay.unplayed) == (None, []), replay
        return
    made, recorded = facts(replay.run.recording), facts(recording)
    if made != recorded:
        different = [f"- {each[:300]}" for each in recorded if each not in made]
        different += [f"+ {each[:300]}" for each in made if each not in recorded]
        pytest.fail("\n".join([str(replay), *replay.notes, *sorted(different, key=lambda line: line[1:])[:12]]))
    assert (replay.mode, replay.divergence, replay.notes, replay.unplayed) == ("followed", None, [], []), replay


def facts(recording: Recording) -> list[str]:
    """Return the facts about spans and lanes in a recording, without ids, with times from its beginning."""
    zero = min(span.start_ns for span in recording.spans.values())
    told: list[str] = []
    for span in recording.spans.values():
        start = span.start_ns - zero
        name = f"{_path(recording, span)} in {span.lane} at {start}"
        told.append(f"{name}: {span.status} {span.failure} end {(span.end_ns or 0) - zero}")
        told += [f"{name}: {key}={value!r}" for key, value in span.attributes.items() if key not in _OWN]
        exchange = recording.exchanges.get(span.id)
        if exchange is not None:
            told.append(f"{name}: {exchange.status} {exchange.digest} answered {(exchange.answered_ns or 0) - zero}")
            told += [f"{name}: {piece.at_ns - zero} {piece.data!r}" for piece in exchange.pieces]
    told += [
        f"lane {lane.id} {lane.kind} {lane.first_ns and lane.first_ns - zero}" for lane in recording.lanes.values()
    ]
    return sorted(told)


_OWN = ("server.address", "server.port", "url.full")


def _path(recording: Recording, span: RecordedSpan) -> str:
    steps: list[str] = []
    current: RecordedSpan | None = span
    while current is not None:
        steps.append(f"{current.kind} {current.name}")
        current = recording.spans.get(current.parent or "")
    return " < ".join(steps)


def makespan_s(recording: Recording) -> float:
    """Seconds from the first begin to the last end."""
    ends = [span.end_ns or span.start_ns for span in recording.spans.values()]
    return (max(ends) - min(span.start_ns for span in recording.spans.values())) / 1e9


@contextmanager
def busy(processes: int = 2) -> Iterator[None]:
    """Processes that keep the machine busy meanwhile."""
    loop = "while True: sum(range(10000))"
    started = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(processes)]
    try:
        yield
    finally:
        for each in started:
            each.kill()
            each.wait()
