"""A call that the SDK and an instrumentation record in two traces counts once, whenever and wherever each arrives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.sources.otlp.test_dialects import SDK, agent, chat
from tests.sources.transcripts import imported, runs
from tests.support.foreign import TRACE, listening, posted, request, span
from tests.support.waiting import eventually
from tracekit.journal.home import received_folder
from tracekit.model.tree import Run
from tracekit.privacy import project_privacy
from tracekit.sources.otlp.json_form import json_spans
from tracekit.sources.otlp.receiver.serve import ListenOptions, OtlpReceiver
from tracekit.sources.otlp.records import TraceRecords

BARE = "8" * 32


def bare(trace: str = BARE, response: str = "msg_1", at: float = 1) -> dict[str, Any]:
    named = chat(130, 12, **{"gen_ai.response.id": response})
    return request(span(9, 0, "anthropic.messages.create", at, at + 1, named, scope=SDK, trace=trace))


def wrapped(**more: Any) -> dict[str, Any]:
    own: dict[str, Any] = {"scope": "openinference.instrumentation.langchain"}
    return request(
        span(1, 0, "invoke_agent lead", 0, 9, agent("lead"), **own),
        span(2, 1, "chat", 1, 2, chat(130, 12, **more), **own),
    )


def wrapped_at(trace: str, at: float) -> dict[str, Any]:
    return request(span(2, 0, "chat", at, at + 1, chat(130, 12), scope="x", trace=trace))


def ids(found: list[Run]) -> list[str]:
    return sorted(run.id for run in found)


def test_a_receiver_takes_back_the_run_of_the_bare_trace(home: Path) -> None:
    with listening() as receiver:
        posted(receiver, bare())
        eventually(lambda: ids(runs()) == [BARE])
        posted(receiver, wrapped())
        eventually(lambda: ids(runs()) == [TRACE])
        # More of the bare trace is a run again: nothing else records it.
        more = span(10, 0, "anthropic.messages.create", 5, 6, chat(7, 7), scope=SDK, trace=BARE)
        posted(receiver, request(more))
        eventually(lambda: ids(runs()) == [TRACE, BARE])


def test_a_receiver_that_is_started_again_finds_the_pair(home: Path) -> None:
    with listening() as receiver:
        posted(receiver, bare())
    assert ids(runs()) == [BARE]
    with (received_folder() / "calls").open("ab") as file:
        file.write(b'["cut')
    with listening() as receiver:
        posted(receiver, wrapped())
    assert (ids(runs()), runs()[0].root.tokens.input) == ([TRACE], 130)
    # As a receiver leaves it that is killed after the acknowledgement of the second trace.
    TraceRecords(project_privacy()).add(span for span in json_spans(bare("a" * 32, at=30)) if span is not None)
    with listening():
        pass
    assert ids(runs()) == [TRACE, "a" * 32]
    TraceRecords(project_privacy()).add(span for span in json_spans(wrapped_at("b" * 32, 30)) if span is not None)
    with listening():
        pass
    assert ids(runs()) == [TRACE, "b" * 32]
    # The call is taken: a second bare trace is another one.
    with listening() as receiver:
        posted(receiver, bare("9" * 32))
    assert ids(runs()) == [TRACE, "9" * 32, "b" * 32]


def test_files_in_either_order(home: Path, tmp_path: Path) -> None:
    for name, body in (("bare", bare()), ("wrapped", wrapped())):
        path = tmp_path / f"{name}.jsonl"
        path.write_text(json.dumps(body) + "\n")
        imported(path)
    assert ids(runs()) == [TRACE]


def test_other_responses_and_other_times_are_other_calls(home: Path) -> None:
    with listening() as receiver:
        posted(receiver, wrapped(**{"gen_ai.response.id": "msg_1"}))
        posted(receiver, bare("8" * 32, "msg_2"))
        posted(receiver, bare("9" * 32, "msg_1", at=20))
        posted(receiver, bare("a" * 32, "msg_1"))
    assert ids(runs()) == [TRACE, "8" * 32, "9" * 32]


def test_a_journal_that_the_disk_did_not_take_is_written_later(home: Path) -> None:
    problems: list[str] = []
    receiver = OtlpReceiver(ListenOptions(http_port=0, grpc_port=0), problems.append)
    receiver.start()
    try:
        (home / "runs").write_text("")
        posted(receiver, wrapped())
        eventually(lambda: len(problems) == 1)
        (home / "runs").unlink()
    finally:
        receiver.stop()
    assert "is not shown" in problems[0]
    assert ids(runs()) == [TRACE]
