"""Records within a test, and replays what was recorded against a server that counts what reaches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx2

import tracekit
from tests.support.calling import Seen
from tests.support.recording import recordings
from tracekit.demo.claude import Respond, ScriptedClaude
from tracekit.model.recording import Exchange, RecordedSpan, Recording
from tracekit.replayer.session import Replay

__all__ = ["Watched", "account", "assert_same_record", "record", "replay_of", "round_trip", "untouched"]

T = TypeVar("T")


class Watched(ScriptedClaude):
    """A scripted Claude that also counts the connections that are opened to it."""

    def __init__(self, respond: Respond) -> None:
        super().__init__(respond)
        self.connections = 0
        accept = self._server.process_request

        def count(request: Any, client_address: Any) -> None:
            self.connections += 1
            accept(request, client_address)

        self._server.process_request = count  # type: ignore[method-assign]


@contextmanager
def untouched(claude: Watched) -> Iterator[None]:
    """Assert that no request and no connection reaches `claude` within the block."""
    before = len(claude.asked), claude.connections
    try:
        yield
    finally:
        assert (len(claude.asked), claude.connections) == before, "a replay reached the API"


def record(program: Callable[[], T], name: str = "recorded") -> tuple[T, Recording]:
    """Run `program` within a run of this name: what it returned, and what was recorded."""
    known = {run.id for run in recordings()}
    tracekit.init()
    with tracekit.run(name):
        result = program()
    (run,) = [run for run in recordings() if run.id not in known]
    return result, run


def replay_of(
    run: Recording | Path, program: Callable[[], T], name: str = "recorded", **options: Any
) -> tuple[T, Replay]:
    """Replay `run` to `program`: what it returned now, and what came of the replay."""
    with tracekit.replay(run, **options) as replay, tracekit.run(name):
        result = program()
    return result, replay


def round_trip(respond: Respond, program: Callable[[str], T], **options: Any) -> tuple[T, Recording]:
    """Record `program`, which is given a server's address, and replay it: it sees the same, and so does the record.

    The server is up and counting during the replay.
    """
    with Watched(respond) as claude:
        seen, run = record(lambda: program(claude.url))
        with untouched(claude):
            again, replay = replay_of(run, lambda: program(claude.url), **options)
    assert _comparable(again) == _comparable(seen)
    assert (replay.mode, replay.divergence, replay.unplayed) == ("followed", None, [])
    assert replay.run is not None
    assert_same_record(replay.run.recording, run)
    return seen, run


def assert_same_record(replayed: Recording, recorded: Recording) -> None:
    """Both runs hold the same spans with the same times, ends and attributes, and the same exchanges."""
    for was, now in zip(account(recorded), account(replayed), strict=True):
        old, new = _flat(was), _flat(now)
        differing = {name: (old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)}
        assert not differing, (was["name"], differing)


def _comparable(seen: Any) -> Any:
    """Return the output of a program without the causes of transport errors: a replay has no transport."""
    if not isinstance(seen, Seen):
        return seen
    of_transport = [number for number, (kind, *_) in enumerate(seen.raised) if hasattr(httpx2, kind)]
    return replace(seen, raised=seen.raised[: of_transport[0] + 1 if of_transport else None])


def _flat(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, **line["attributes"], "attributes": None}


def account(run: Recording) -> list[dict[str, Any]]:
    """Return the record of a run without ids, in the order of the tree."""
    children: dict[str | None, list[RecordedSpan]] = {}
    for span in sorted(run.spans.values(), key=lambda span: (span.start_ns, span.kind)):
        children.setdefault(span.parent if span.parent in run.spans else None, []).append(span)

    def lines(parent: str | None, depth: int) -> list[dict[str, Any]]:
        return [
            line
            for span in children.get(parent, [])
            for line in [
                {"depth": depth, **_told(span), **_sent(run.exchanges.get(span.id))},
                *lines(span.id, depth + 1),
            ]
        ]

    return lines(None, 0)


def _told(span: RecordedSpan) -> dict[str, Any]:
    told = {name: getattr(span, name) for name in ("kind", "name", "start_ns", "end_ns", "status", "failure", "lane")}
    return {**told, "attributes": dict(span.attributes)}


def _sent(exchange: Exchange | None) -> dict[str, Any]:
    if exchange is None:
        return {}
    told = {name: getattr(exchange, name) for name in ("digest", "status", "answered_ns", "pieces")}
    return {**told, "request": exchange.request, "headers": dict(exchange.headers)}
