import base64
import json
import random
from typing import Any

import pytest

from tests.support.journals import asking, bodies_back, compact, lines_of, request, round_trip
from tracekit.model.events import (
    Answered,
    Chunk,
    Event,
    Exit,
    Failure,
    LaneBegin,
    Response,
    SpanBegin,
    SpanEnd,
)

ID = "00000000000000aa"
EVENTS: dict[str, Event] = {
    "lane": LaneBegin("m.t0", "m", "task", 12),
    "lane of a function": LaneBegin("m.t1", "m", "task", 12, 'Plan.run "ü"'),
    "root lane": LaneBegin("m", None, "main", 0),
    "exit": Exit(99),
    "begin": SpanBegin(ID, None, "agent", "invoke_agent lead", 1, "m"),
    "begin below, with a trace": SpanBegin(ID, "0" * 15 + "1", "tool", 'naïve ✓\n"q"\\ \ud800', 1, "m.t0", "ab" * 16),
    "attributes": SpanBegin(
        ID,
        None,
        "tool",
        "t",
        1,
        "m",
        "",
        {"a": 1, "b": 1.5, "c": [True, None, "\x00\u2028"], "d": {"e": {"$blob": "f"}}},
    ),
    "request without a body": SpanBegin(ID, None, "attempt", "POST", 1, "m", "", {}, request(None, query="a=%20b")),
    "request with an empty body": SpanBegin(ID, None, "attempt", "GET", 1, "m", "", {}, request(b"")),
    "answered": Answered(ID, 5, 529, {"retry-after": "3", "x": "é"}),
    "chunk": Chunk(ID, 6, b'event: ping\ndata: {"type": "ping"}\n\n'),
    "end": SpanEnd(ID, 7, "ok"),
    "failed end": SpanEnd(ID, 7, "error", Failure("ValueError", 'no "such" \udcff thing\n'), {"x": [1, 2]}),
    "end with an answer": SpanEnd(
        ID, 7, "ok", None, {}, Response(200, {"content-type": "application/json"}, b'{"a":1}')
    ),
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_event_comes_back(event: Event) -> None:
    assert round_trip(event) == [event]


def test_attribute_that_json_cannot_hold_stands_as_its_text() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    attributes = {"nan": float("nan"), "bytes": b"a", "set": {1}, "deep": deep, "ok": 1}
    (event,) = round_trip(SpanBegin(ID, None, "tool", "t", 1, "m", "", attributes))
    assert isinstance(event, SpanBegin)
    told = {"nan": "nan", "bytes": "b'a'", "set": ["1"], "deep": "list, nested too deeply to be recorded", "ok": 1}
    assert event.attributes == told


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────────

MESSAGE = {"role": "user", "content": "Hi ✓"}
BODIES: dict[str, bytes] = {
    "empty object": b"{}",
    "no messages": b'{"model":"claude"}',
    "no JSON": b"--boundary\r\nContent-Disposition: form-data\r\n\r\nx\r\n--boundary--",
    "an array": b'[{"messages":[]}]',
    "a string": b'"hello"',
    "cut JSON": b'{"messages":[{"role":"user"',
    "spaces": json.dumps({"model": "m", "messages": [MESSAGE]}).encode(),
    "escaped characters": json.dumps({"messages": [MESSAGE]}, separators=(",", ":")).encode(),
    "lone surrogate": rb'{"messages":[{"role":"user","content":"\ud83d"}]}',
    "surrogate pair as escapes": rb'{"messages":[{"content":"\ud83d\ude00"}]}',
    "float 1.0": b'{"temperature":1.0,"messages":[]}',
    "float 1e5": b'{"temperature":1e5,"messages":[]}',
    "float 1E400": b'{"temperature":1E400,"messages":[]}',
    "NaN": b'{"temperature":NaN,"messages":[{"a":Infinity}]}',
    "minus zero": b'{"a":-0,"b":-0.0,"messages":[]}',
    "a long number": b'{"a":' + b"9" * 5000 + b',"messages":[]}',
    "duplicate keys": b'{"messages":[{"a":1,"a":2}],"messages":[]}',
    "not UTF-8": b'{"messages":["\xff\xfe"]}',
    "a byte order mark": b'\xef\xbb\xbf{"messages":[]}',
    "odd key order": b'{"z":1,"messages":[{"role":"user","content":""}],"a":{"c":1,"b":2}}',
    "messages is no list": b'{"messages":{"a":1},"model":"m"}',
    "messages of other types": b'{"messages":["text",1,null,[],{"$blob":"x"}]}',
    "an object that holds $blob": compact({"messages": [{"content": [{"$blob": "0" * 64}, {"data": {"$blob": "x"}}]}]}),
    "$blob as a field": b'{"$blob":"x","system":{"$blob":"y"}}',
    "control characters": compact({"messages": [{"content": "\x00\x1f\x7f\u2028\u2029\x85"}]}),
    "very deep": b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "keys of our own": compact(
        {"base": 1, "order": ["a"], "keep": 3, "add": [], "set": {}, "sha256": "", "messages": []}
    ),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_request_comes_back(body: bytes) -> None:
    assert bodies_back([body]) == [body]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_requests_come_back_when_sent_again(body: bytes) -> None:
    assert bodies_back([body, body, *BODIES.values(), body]) == [body, body, *BODIES.values(), body]


def test_any_order_of_odd_requests_comes_back() -> None:
    rng = random.Random(1)
    bodies = [rng.choice(list(BODIES.values())) for _ in range(300)]
    assert bodies_back(bodies) == bodies


def conversation(turns: int, *, system: str = "You are careful.", first: str = "Do it.") -> list[dict[str, Any]]:
    """The requests of a conversation with tools, each of which extends the last."""
    tools = [{"name": f"tool_{n}", "description": "d" * 40, "input_schema": {"type": "object"}} for n in range(3)]
    messages: list[dict[str, Any]] = [{"role": "user", "content": first}]
    requests = []
    for turn in range(turns):
        body = {"model": "m", "max_tokens": 10, "system": system, "tools": tools, "messages": list(messages)}
        requests.append(body)
        use = {"type": "tool_use", "id": f"toolu_{turn}", "name": "tool_1", "input": {"n": turn}}
        messages.append({"role": "assistant", "content": [{"type": "text", "text": f"Turn {turn}"}, use]})
        result = {"type": "tool_result", "tool_use_id": f"toolu_{turn}", "content": f"result {turn} " * 20}
        messages.append({"role": "user", "content": [result]})
    return requests


def test_conversation_of_150_turns_comes_back() -> None:
    bodies = [compact(body) for body in conversation(150)]
    assert bodies_back(bodies) == bodies


def test_forked_and_interleaved_conversations_come_back() -> None:
    main = conversation(20)
    forks: list[dict[str, Any]] = []
    for at in (3, 9, 9, 15):
        fork = {**main[at], "messages": [*main[at]["messages"], {"role": "user", "content": f"Instead {len(forks)}"}]}
        forks += [fork, {**fork, "messages": [*fork["messages"], {"role": "assistant", "content": "Yes."}]}]
    other = conversation(20, system="You are bold.", first="Look.")
    bodies = [compact(body) for pair in zip(main, other, strict=True) for body in pair] + [
        compact(body) for body in forks
    ]
    random.Random(2).shuffle(bodies)
    assert bodies_back(bodies) == bodies


def test_changed_fields_come_back() -> None:
    requests = conversation(6)
    requests[1]["stream"] = True
    requests[2]["system"] = "Changed."
    requests[3]["tools"] = requests[3]["tools"][:1]
    del requests[4]["tools"]
    requests[5] = dict(reversed(requests[5].items()))
    bodies = [compact(body) for body in requests]
    assert bodies_back(bodies) == bodies


def test_identical_requests_are_stored_once() -> None:
    body = compact(conversation(50)[-1])
    first, *others = lines_of([asking(number, body) for number in range(5)])
    assert len(first) > 10_000
    assert all(len(line) < 600 for line in others)
    assert bodies_back([body] * 5) == [body] * 5


def image(seed: int, size: int = 30_000) -> dict[str, Any]:
    """An image block of `size` bytes."""
    data = base64.b64encode(random.Random(seed).randbytes(size)).decode()
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def test_image_is_stored_once_across_conversations() -> None:
    requests = [
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": f"Task {n}"}, image(1)]}]}
        for n in range(5)
    ]
    nested = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [image(1), image(2)]}]}
    requests.append({"model": "m", "messages": [nested]})
    bodies = [compact(body) for body in requests]
    lines = lines_of([asking(number, body) for number, body in enumerate(bodies)])
    assert sum(map(len, lines)) < 2 * 40_000 + 6 * 1_000
    assert len(lines) == 6 + 2
    assert bodies_back(bodies) == bodies


def test_image_beside_an_object_that_looks_like_a_reference_comes_back() -> None:
    content = [image(3), {"type": "text", "text": '{"$blob": "x"}'}]
    plain = [image(3)]
    bodies = [compact({"messages": [{"role": "user", "content": each}]}) for each in (plain, content, plain)]
    assert bodies_back(bodies) == bodies


def test_request_that_never_reached_the_segment_is_nothing_to_refer_to() -> None:
    from tracekit.journal.encode import Encoder

    encoder = Encoder()
    first, second = (compact({"messages": [{"role": "user", "content": [image(4)]}], "n": n}) for n in range(2))
    encoder.lines(asking(1, first))
    lines = encoder.lines(asking(2, second))
    assert len(lines) == 2
    assert '"base":null' in lines[1]
