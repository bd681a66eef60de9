"""Answers that are odd or broken: a replay gives the program exactly what it saw."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracekit
from tests.support.odd import WAYS, OddServer, meet, odd_answer
from tests.support.replays import record
from tracekit.journal.decode import Decoder
from tracekit.journal.encode import Encoder
from tracekit.model.events import Answered, Response, SpanEnd
from tracekit.model.heads import HeadForm

COUNT = 120
"""How many of the odd answers each seed makes: some seconds. More are met by `python -m tests.support.odd`."""


@pytest.fixture
def server() -> Iterator[OddServer]:
    made = OddServer()
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.slow
def test_a_program_sees_the_same(seed: int, server: OddServer, home: Path) -> None:
    live, run = record(lambda: meet(server.url, COUNT, seed), "odd")
    with tracekit.replay(run) as replay, tracekit.run("odd"):
        again = meet(server.url, COUNT, seed)
    for was, now in zip(live, again, strict=True):
        assert _plain(now) == _plain(was), odd_answer(was[0], is_stream="stream" in was[0]).said
    assert replay.mode == "followed"
    assert {way for _, way, _ in live} == set(WAYS)
    # A good part of them went wrong, and of each kind.
    kinds = {told["kind"] for _, _, seen in live for told in seen[-1:] if isinstance(told, dict) and "kind" in told}
    assert kinds >= {"APIConnectionError", "RemoteProtocolError"}


def _plain(met: Any) -> Any:
    return json.loads(json.dumps(met))


# ── how a head is kept ───────────────────────────────────────────────────────────────────────────────────────────────

HEADS = {
    "usual": [("date", "now"), ("content-type", "a/b")],
    "casing and order": [("Z-Last", "1"), ("a-First", "2")],
    "duplicates": [("Via", "a, b"), ("X", ""), ("via", ""), ("VIA", "c")],
    "latin-1": [("x-city", "Zürich")],
    "nothing": [],
}


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "iso-8859-1"])
@pytest.mark.parametrize("head", HEADS)
def test_a_head_is_written_and_read(head: str, encoding: str) -> None:
    if encoding == "ascii" and head == "latin-1":
        pytest.skip("it is not ASCII")
    written = HEADS[head]
    headers: dict[str, str] = {}
    for name, value in written:
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    form = HeadForm.of(written, encoding, None, "")
    assert form.raw(headers) == [(name.encode(), value.encode(encoding)) for name, value in written]
    assert (form.json() == {}) == (encoding == "ascii" and head in ("usual", "nothing"))
    for event in (
        Answered("00", 1, 200, headers, form),
        SpanEnd("00", 1, "ok", None, {}, Response(200, headers, b"", form)),
    ):
        (line,) = Encoder().lines(event)
        again: Any = Decoder().event(line.encode())
        read = again.form if isinstance(event, Answered) else again.response.form
        assert (read or HeadForm()).raw(headers) == form.raw(headers)


def test_a_value_that_was_redacted_stays_whole() -> None:
    form = HeadForm.of([("Via", "secret"), ("via", "b")], "ascii", None, "")
    assert form.raw({"via": "[redacted]"}) == [(b"Via", b"[redacted]")]


@pytest.mark.parametrize(
    "form", [None, 7, [], {"names": 7}, {"names": "a:x a:-1 b"}, {"names": "  ", "encoding": "nope"}]
)
def test_a_strangers_form_gives_headers_all_the_same(form: Any) -> None:
    read = HeadForm.read(form) or HeadForm()
    assert sorted(value for _, value in read.raw({"a": "1", "b": "ü"})) in ([b"1", "ü".encode()], [b"1", b"\xfc"])
