"""Lines of events that are written together, and JSON that is written the quick way."""

import json
import math
import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import orjson
import pytest

from tests.support.journals import asking, begin, compact, end
from tracekit.demo.claude import message, stream, text, thinking, tool_use
from tracekit.journal.bodies import body_member, delta_member, quick, quick_object
from tracekit.journal.bodies import compact as compact_text
from tracekit.journal.encode import Encoder
from tracekit.model.events import Answered, Chunk, Event, LaneBegin, Response, SpanBegin, SpanEnd

ID = f"{3:016x}"
SECRET = "sk-ant-api03-" + "Ab1" * 20
PIECES = [data for _, data in stream(message(text("Some words, and some more of them. "))).chunks or ()]
SECRETS = [data for _, data in stream(message(text(f"The key is {SECRET} and no other. "))).chunks or ()]
WHOLE_SECRET = f'event: content_block_delta\ndata: {{"text":"{SECRET}"}}\n\n'.encode()


def chunks(pieces: Sequence[bytes]) -> list[Chunk]:
    return [Chunk(ID, number, data) for number, data in enumerate(pieces, 10)]


CALL = SpanBegin(f"{1:016x}", None, "llm", "chat m", 1, "m", "", {"a": "b"})
SECRET_CALL = SpanBegin(f"{1:016x}", None, "llm", f"chat {SECRET}", 1, "m", "", {"a": SECRET})
ANSWERED = SpanEnd(
    ID, 5, "ok", None, {"x": 1}, Response(200, {"content-type": "application/json"}, compact({"text": f"{SECRET} "}))
)
TOGETHER: dict[str, list[Event]] = {
    "begins of a call and its attempt": [LaneBegin("m.t0", "m", "task", 3), CALL, asking(3, compact({"model": "m"}))],
    "a secret in one of them": [SECRET_CALL, asking(3, compact({"model": "m", "messages": [{"text": SECRET}]}))],
    "ends": [ANSWERED, end(1)],
    "a stream and its ends": [*chunks(PIECES), end(3), end(1)],
    "a stream with a secret": [*chunks([*PIECES, WHOLE_SECRET, *PIECES]), end(3)],
    "a secret over several events": [Answered(ID, 9, 200, {"a": "b"}), *chunks(SECRETS), end(3)],
    "no events": [*chunks([b"plain ", SECRET.encode(), b" text", b"\x00\x00\x00\x10"]), end(3)],
    "halves of a secret": list[Event](chunks([SECRET[:20].encode(), SECRET[20:].encode()])),
    "one": [begin(1)],
    "none": [],
}


@pytest.mark.parametrize("events", TOGETHER.values(), ids=TOGETHER)
def test_together_they_are_the_lines_of_each(events: list[Event]) -> None:
    together, apart = Encoder(), Encoder()
    lines: list[str] = []
    for event in events:
        lines += apart.lines(event)
        apart.written(event)
    written = together.text(events)
    assert written == "\n".join(lines)
    assert SECRET not in written


@pytest.mark.parametrize("pad", [True, False])
def test_usual_delta_is_written_as_any_event(pad: bool) -> None:
    answer = message(thinking("Two \t files. "), text('Naïve "✓" \\ 😀\n\n'), tool_use("read", {"path": "a"}))
    events = [data for _, data in stream(answer, pad=pad).chunks or ()]
    usual = [data for data in events if delta_member(data) is not None]
    assert [data for data in usual if delta_member(data) != body_member(data, "text/event-stream")] == []
    assert len(usual) == sum(b"_delta" in data and b"message_delta" not in data for data in events)


@pytest.mark.parametrize(
    "data", [b"", b"event: content_block_delta\n\n", b"\xff", b"".join(PIECES), PIECES[0], PIECES[2][:-1]]
)
def test_anything_else_is_no_usual_delta(data: bytes) -> None:
    assert delta_member(data) is None


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

NUMBERS = """
1e16 1e+16 1E16 1e-5 1e-05 1e-7 1.5e300 -1e-07 0.0001 0.00001 1e22 1e400 -0 -0.0 1.0 1.10 01 5e3 0e0 0e-0 NaN Infinity
18446744073709551615 18446744073709551616 -9223372036854775809 123456789012345678901234567890 -Infinity null true
"""
TEXTS = r"\u00e9 \ud800 \/ \u001f \u0008 \b \f \u007f \u2028 a1e5b 3e-4 e0e0 0.00001"
ODD = (
    *NUMBERS.split(),
    *(f'"{value}"' for value in TEXTS.split()),
    '"é\u2028\x7f😀"',
    "[ ]",
    '{"b":1,"a":2}',
    '{"a":1,"a":2}',
)


def given_back(body: bytes) -> bytes | None:
    """The bytes that a reader makes of the object in `body`."""
    try:
        return compact_text(json.loads(body)).encode()
    except ValueError:
        return None


@pytest.mark.parametrize("value", ODD)
def test_object_that_counts_as_quick_is_given_back(value: str) -> None:
    body = f'{{"x":{value},"y":[{value}]}}'.encode()
    assert quick_object(body) is None or given_back(body) == body


def test_any_number_is_given_back() -> None:
    chance = random.Random(15)
    for _ in range(5_000):
        number = chance.choice((chance.random(), chance.uniform(-9, 9), float(chance.randrange(10**6))))
        number *= 10.0 ** chance.randrange(-30, 30)
        shapes = (repr(number), f"{number:.3e}", f"{number:g}", f"{number:.9f}".rstrip("0"), f"{number:.1f}")
        for shape in (*shapes, orjson.dumps(number).decode(), json.dumps(int(number))):
            body = f'{{"x":{shape}}}'.encode()
            assert quick_object(body) is None or given_back(body) == body, body


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b'"x"', b"{", b"null", b"{}x", b"\xff", b" {}", b'{"a": 1}'])
def test_no_compact_object_is_not_quick(body: bytes) -> None:
    assert quick_object(body) is None


def test_usual_bodies_are_quick() -> None:
    for value in (message(text("It costs 3.50 or 2e, see §1e.")).body, compact({"messages": [{"content": "é"}]})):
        assert quick_object(value) == json.loads(value)


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "b": [True, None, 1.5], "c": {"d": "é\n\x1f"}},
        {"deep": (1, ("x",))},
        {"big": 1 << 70, "half": "\ud800", 5: "a number for a name"},
        {"enum": Colour.RED},
    ],
)
def test_attributes_are_written_as_ever(value: Any) -> None:
    assert quick(value) == compact_text(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}, b"bytes", object()])
def test_what_is_not_json_is_refused_as_ever(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        compact_text({"x": value})
    with pytest.raises((ValueError, TypeError)):
        quick({"x": value})
