import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.journals import lines_of, round_trip
from tracekit.demo.claude import message, stream, text, thinking, tool_use
from tracekit.model.events import Chunk, Event, Response, SpanEnd
from tracekit.model.sse import Splitter

REAL = Path(__file__).parents[3] / "shared" / "data" / "messages-api-exchanges.jsonl"
ID = "00000000000000aa"

SCRIPTED = stream(message(thinking("Two files. "), text("Naïve ✓ 😀\n\n"), tool_use("read", {"path": "a"})))
STREAMS: dict[str, bytes] = {
    "scripted": b"".join(data for _, data in SCRIPTED.chunks or ()),
    "padded": b'event: a\ndata: {"x":1    }\n\nevent: a\ndata: {}\n\nevent: a\ndata: {   }\n\nevent: a\ndata: { "x":1 }\n\n',
    "pings and comments": b': hello\n\nevent: ping\ndata: {"type": "ping"}\n\n:\n\n',
    "carriage returns": b'event: a\r\ndata: {"x":1}\r\n\r\nevent: b\rdata: {}\r\r',
    "mixed line ends": b'event: a\r\ndata: {"x":1}\r\n\r\nevent: a\ndata: {"x":1}\n\n',
    "several lines of data": b'event: a\ndata: {"x":\ndata: 1}\n\n',
    "no name": b'data: {"x":1}\n\ndata: [DONE]\n\n',
    "data first": b'data: {"x":1}\nevent: a\n\n',
    "id and retry": b'id: 1\nevent: a\nretry: 5\ndata: {"x":1}\n\n',
    "no space": b'event:a\ndata:{"x":1}\n\n',
    "strings and numbers": b'event: a\ndata: "text"\n\nevent: a\ndata: 1.0\n\nevent: a\ndata: null\n\nevent: a\ndata: \n\n',
    "empty lines": b"\n\n\n\nevent: a\n\n\n\ndata: {}\n\n\n",
    "odd JSON": b'event: a\ndata: {"x":1e5}\n\nevent: a\ndata: {"x":1,"x":2}\n\nevent: a\ndata: {"x":"\\u00e9"}\n\n'
    b'event: a\ndata: {"x":"\\ud800"}\n\nevent: a\ndata: {"x":NaN}\n\n',
    "unterminated": b'event: a\ndata: {"x":1}\n\nevent: b\ndata: {"x"',
    "one newline at the end": b'event: a\ndata: {"x":1}\n',
    "cut in a character": 'event: a\ndata: {"x":"é'.encode()[:-1],
    "not UTF-8": b'event: a\ndata: {"x":"\xff"}\n\nevent: a\ndata: {"x":1}\n\n',
    "a field separator": 'event: a\ndata: {"x":"\u2028\x85"}\n\n'.encode(),
    "very deep": b'event: a\ndata: {"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n\n",
}


def body_of(events: Sequence[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Chunk))


def as_whole(body: bytes, content_type: str) -> bytes:
    (event,) = round_trip(SpanEnd(ID, 1, "ok", None, {}, Response(200, {"content-type": content_type}, body)))
    assert isinstance(event, SpanEnd)
    assert event.response is not None
    return event.response.body


@pytest.mark.parametrize("body", STREAMS.values(), ids=STREAMS)
def test_stream_comes_back_in_one_piece(body: bytes) -> None:
    assert body_of(round_trip(Chunk(ID, 1, body))) == body
    assert as_whole(body, "text/event-stream; charset=utf-8") == body
    assert as_whole(body, "application/json") == body


@pytest.mark.parametrize("body", [body for body in STREAMS.values() if len(body) < 5_000])
def test_stream_comes_back_when_split_at_any_byte(body: bytes) -> None:
    for at in range(len(body) + 1):
        chunks = [Chunk(ID, 1, part) for part in (body[:at], body[at:]) if part]
        assert round_trip(*chunks) == chunks


@pytest.mark.parametrize("seed", range(20))
def test_stream_comes_back_however_it_is_cut(seed: int) -> None:
    rng = random.Random(seed)
    body = b"".join(rng.choice(list(STREAMS.values())[:-1]) for _ in range(5))
    splitter, pieces, at = Splitter(), list[bytes](), 0
    while at < len(body):
        size = rng.choice((1, 3, 17, 400))
        pieces.append(splitter.feed(body[at : at + size]))
        at += size
    pieces.append(splitter.rest())
    chunks = [Chunk(ID, n, piece) for n, piece in enumerate(pieces) if piece]
    assert round_trip(*chunks) == chunks
    assert body_of(round_trip(*chunks)) == body


@pytest.mark.parametrize("seed", range(30))
def test_any_bytes_come_back(seed: int) -> None:
    rng = random.Random(seed)
    alphabet = [
        b"event: a\n",
        b"data: ",
        b"\n\n",
        b"\r\n",
        b"\r",
        b"{",
        b"}",
        b'"x":1',
        b'"',
        b" ",
        b"\\",
        b"\xc3\xa9",
        b"\xff",
        b":",
    ]
    chunks = [Chunk(ID, 1, b"".join(rng.choices(alphabet, k=rng.randrange(1, 30)))) for _ in range(200)]
    assert round_trip(*chunks) == chunks


def test_scripted_stream_is_stored_as_json_and_not_much_longer() -> None:
    body = STREAMS["scripted"]
    (line,) = lines_of([Chunk(ID, 1, body)])
    items = json.loads(line)["sse"]
    assert all(isinstance(item, list) for item in items if "ping" not in item[0])
    assert len(line) < len(body) + 100


# ── real exchanges ───────────────────────────────────────────────────────────────────────────────────────────────────


def real(*, sse: bool) -> Iterator[dict[str, Any]]:
    if not REAL.exists():
        pytest.skip(f"{REAL} is not here: it is no part of the repository")
    with REAL.open(encoding="utf-8") as file:
        for line in file:
            exchange = json.loads(line)
            if exchange["sse"] == sse:
                yield exchange


def test_real_streams_come_back_whole_and_in_chunks() -> None:
    count = 0
    for exchange in real(sse=True):
        body = exchange["response"].encode()
        assert as_whole(body, "text/event-stream") == body, exchange["source"]
        splitter, rng = Splitter(), random.Random(count)
        pieces, at = list[bytes](), 0
        while at < len(body):
            size = rng.randrange(1, 2_000)
            pieces.append(splitter.feed(body[at : at + size]))
            at += size
        chunks = [Chunk(ID, n, piece) for n, piece in enumerate([*pieces, splitter.rest()]) if piece]
        assert round_trip(*chunks) == chunks, exchange["source"]
        assert body_of(chunks) == body
        count += 1
    assert count == 189


def test_real_answers_come_back() -> None:
    count = 0
    for exchange in real(sse=False):
        response = exchange["response"]
        for indent in (None, 2):
            separators = (",", ":") if indent is None else None
            text = (
                response
                if isinstance(response, str)
                else json.dumps(response, ensure_ascii=False, indent=indent, separators=separators)
            )
            assert as_whole(text.encode(), "application/json") == text.encode(), exchange["source"]
        count += 1
    assert count == 295


def test_real_requests_come_back() -> None:
    from tests.support.journals import bodies_back, compact

    bodies = [compact(exchange["request"]) for sse in (True, False) for exchange in real(sse=sse)]
    assert bodies_back(bodies) == bodies
