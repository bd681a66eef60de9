"""Batches: what each result used, at the batch's price, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import anthropic
import pytest

import tracekit
from tests.support.recording import recordings, the_run
from tracekit.analysis.structure import structure
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, text
from tracekit.model.tree import Node
from tracekit.rules.check import findings_of

MODEL = "claude-sonnet-5-5"
FAILED: dict[str, Any] = {
    "type": "error",
    "error": {"type": "invalid_request_error", "message": "max_tokens: too many"},
}


def results() -> Iterator[dict[str, Any]]:
    """Two requests of a million tokens in and 100,000 out, one that failed, one canceled and one that expired."""
    for id in "ab":
        used = {"input_tokens": 1_000_000, "output_tokens": 100_000, "service_tier": "batch"}
        answer = message(text(f"Answer {id}."), model=MODEL, usage=used, id=f"msg_{id}")
        yield {"custom_id": f"ticket {id}", "result": {"type": "succeeded", "message": json.loads(answer.body)}}
    yield {"custom_id": "ticket c", "result": {"type": "errored", "error": FAILED}}
    yield {"custom_id": "ticket d", "result": {"type": "canceled"}}
    yield {"custom_id": "ticket e", "result": {"type": "expired"}}


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    path = asked.path.partition("?")[0]
    if path.endswith("/results"):
        lines = b"".join(json.dumps(each).encode() + b"\n" for each in results())
        chunks = tuple((0.0, lines[at : at + 700]) for at in range(0, len(lines), 700))
        return ScriptedResponse(headers={"content-type": "application/x-jsonl"}, chunks=chunks)
    if "/batches/" in path:
        url = f"http://{asked.headers['host']}/v1/messages/batches/msgbatch_1/results"
        counts = {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 1, "expired": 1}
        body = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", "request_counts": counts,
                "created_at": "2026-11-22T10:00:00Z", "expires_at": "2026-11-23T10:00:00Z", "results_url": url}  # fmt: skip
        return ScriptedResponse(body=json.dumps(body).encode())
    return message(text("hello"), model=MODEL, usage={"input_tokens": 10, "output_tokens": 5})


def read_twice_and_ask() -> None:
    """Read the results of a batch three times, the first time in part, then make an ordinary call."""
    with ScriptedClaude(respond) as claude, anthropic.Anthropic(base_url=claude.url, api_key="key") as client:
        assert len(list(islice(client.messages.batches.results("msgbatch_1"), 1))) == 1
        assert len(list(client.messages.batches.results("msgbatch_1"))) == 5
        assert len(list(client.beta.messages.batches.results("msgbatch_1"))) == 5
        client.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "x"}])


@pytest.mark.parametrize("content", ["full", "metadata", "off"])
def test_a_batch_is_counted_once_at_its_price(content: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """claude-sonnet-5-5 costs 2 and 10 a million: half of 2 * (2 + 1), and 0.00007 for the call."""
    monkeypatch.setenv("TRACEKIT_CONTENT", content)
    tracekit.init()
    with tracekit.run("a batch"):
        read_twice_and_ask()
    run = structure(the_run())
    assert (run.root.tokens.input, run.root.tokens.output) == (2_000_010, 200_005)
    assert run.root.cost_usd == pytest.approx(3.00007)
    assert run.root.cost_complete
    found = [node for node in run.root.walk() if node.attributes.get("tracekit.inferred.from") == "batch"]
    assert [node.failure.type if node.failure else node.model for node in found] == [
        MODEL, MODEL, "invalid_request_error", "canceled", "expired",
    ]  # fmt: skip
    assert [node.cost_usd for node in found] == [1.5, 1.5, None, None, None]
    assert [finding for finding in findings_of(run) if finding.confidence != "possible"] == []
    if content == "full":
        assert found[0].attributes["tracekit.batch.custom_id"] == "ticket a"
    else:
        kept = "".join(path.read_text() for path in home.rglob("*.jsonl"))
        assert [word for word in ("ticket", "ScriptedResponse", "too many") if word in kept] == []


def test_results_alone_are_a_run(recording: Path) -> None:
    with ScriptedClaude(respond) as claude, anthropic.Anthropic(base_url=claude.url, api_key="key") as client:
        client.messages.batches.retrieve("msgbatch_1")
        list(client.messages.batches.results("msgbatch_1"))
    (run,) = [structure(run) for run in recordings()]
    assert run.count("llm") == 5
    assert run.root.cost_usd == pytest.approx(3.0)


def test_a_line_that_was_cut_counts_for_nothing(recording: Path) -> None:
    """Of a download that broke off, the whole lines count."""
    whole = b"".join(json.dumps(each).encode() + b"\n" for each in results())

    def cut(asked: ReceivedRequest) -> ScriptedResponse:
        if not asked.path.partition("?")[0].endswith("/results"):
            return respond(asked)
        return ScriptedResponse(
            headers={"content-type": "application/x-jsonl"}, chunks=((0.0, whole[: len(whole) // 2]),), fault="cut"
        )

    with (
        ScriptedClaude(cut) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key") as client,
        tracekit.run("cut"),
        pytest.raises(Exception, match="peer closed"),
    ):
        list(client.messages.batches.results("msgbatch_1"))
    root: Node = structure(the_run()).root
    assert (root.tokens.input, root.cost_usd) == (1_000_000, 1.5)
