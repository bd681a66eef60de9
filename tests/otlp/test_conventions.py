"""Exported spans keep to the conventions, for every feature of the SDK and every way to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import pytest

import tracekit
from tests.instrument.test_clients import CLIENTS, batches, endpoints
from tests.instrument.test_tool_runner import respond, run_async, run_sync
from tests.support.calling import ANSWER, QUESTION, USAGE, WAYS, call, client_of
from tests.support.collector import Received, collector
from tests.support.conventions import assert_conventional
from tests.support.recording import recordings, spans, stop
from tracekit import semconv
from tracekit.demo.claude import ReceivedRequest as _Asked
from tracekit.demo.claude import Respond, ScriptedClaude, cut, early_end, error, reply, sse_error, stream

FAILING: dict[str, Respond] = {
    "overloaded": lambda _: error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "1"}),
    "refused": lambda _: error(400, "invalid_request_error", "so not"),
    "cut": lambda _: cut(stream(ANSWER), after=4),
    "error event": lambda _: sse_error(stream(ANSWER), after=4),
    "early end": lambda _: early_end(stream(ANSWER), after=4),
}


@dataclass
class Exporting:
    """A process that records and exports; `received` ends that, and gives what the collector got."""

    received: Callable[[], list[Received]]


@pytest.fixture
def exporting(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exporting]:
    with collector() as found:
        for name, value in found.variables("http/protobuf").items():
            monkeypatch.setenv(name, value)
        tracekit.init()

        def received() -> list[Received]:
            stop()
            return found.received(sum(len(run.spans) for run in recordings()))

        yield Exporting(received)


def as_usual(asked: _Asked) -> Any:
    return reply(asked, ANSWER)


def test_every_way_to_call(exporting: Exporting) -> None:
    with ScriptedClaude(as_usual) as claude, tracekit.run("ways"), tracekit.agent("lead"):
        for way in WAYS:
            assert not call(way, client_of(way, claude.url)).raised
    received = exporting.received()
    assert_conventional(received)
    calls = [span for span in received if span.attributes[semconv.KIND] == "llm"]
    assert len(calls) == len(WAYS)
    for each in calls:
        assert USAGE.items() <= each.attributes.items(), each
        assert each.attributes[semconv.AGENT_NAME] == "lead"
    (run,) = recordings()
    assert {span.id for span in calls} == {span.id for span in spans(run, "llm")}


@pytest.mark.parametrize("how", FAILING)
def test_every_way_to_fail(how: str, exporting: Exporting) -> None:
    with ScriptedClaude(FAILING[how]) as claude, tracekit.run("failures"):
        for way in WAYS:
            if way.streams or how in ("overloaded", "refused"):
                call(way, client_of(way, claude.url))
    received = exporting.received()
    assert_conventional(received)
    calls = [span for span in received if span.attributes[semconv.KIND] == "llm"]
    assert all(span.status == "STATUS_CODE_ERROR" for span in calls)
    if how == "overloaded":
        attempts = [span for span in received if span.attributes[semconv.KIND] == "attempt"]
        resent = [span.attributes.get(semconv.HTTP_RESEND_COUNT) for span in attempts]
        assert resent == [None, 1, 2] * len(calls)


@pytest.mark.parametrize("run_it", [run_sync, run_async])
def test_the_tool_runner_is_one_agent(run_it: Callable[[str], Any], exporting: Exporting) -> None:
    with ScriptedClaude(respond) as claude:
        run_it(claude.url)
        with tracekit.agent("lead"):
            run_it(claude.url)
    received = exporting.received()
    assert_conventional(received)
    agents = [span.name for span in received if span.attributes.get(semconv.OPERATION_NAME) == "invoke_agent"]
    assert agents == ["invoke_agent agent", "invoke_agent lead"]


def test_batches_and_other_endpoints(exporting: Exporting) -> None:
    with ScriptedClaude(batches) as claude, tracekit.run("batch"), tracekit.agent("lead"):
        for is_async in (False, True):
            endpoints(claude.url, is_async)
    received = exporting.received()
    assert_conventional(received)
    assert not [span for span in received if span.attributes[semconv.KIND] == "llm"]


def test_every_client(exporting: Exporting) -> None:
    with ScriptedClaude(as_usual) as claude, tracekit.agent("lead"):
        for name, options in CLIENTS:
            if name not in ("AnthropicBedrock", "AnthropicVertex"):
                with getattr(anthropic, name)(base_url=claude.url, **options) as client:
                    client.messages.create(**QUESTION)
    assert_conventional(exporting.received())
