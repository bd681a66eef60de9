"""The form of a body is detected by its bytes, whatever the pieces in which it arrives."""

from __future__ import annotations

import json

import pytest

from tests.support.frames import aws_stream
from tracekit.demo.claude import message, stream, text, tool_use
from tracekit.model.messages import BodyReader, StreamForm, answer_of, stream_form

ANSWER = message(text("hi there"), tool_use("look", {"q": "a"}))
EVENTS = b"".join(data for _, data in stream(ANSWER).chunks or ())


FRAMES = b"".join(data for _, data in aws_stream(ANSWER).chunks or ())


@pytest.mark.parametrize("content_type", ["", "application/json", "application/octet-stream", "Text/Event-Stream"])
@pytest.mark.parametrize(
    ("body", "form"),
    [
        (EVENTS, "sse"),
        (b"\r\n\r\n" + EVENTS, "sse"),
        (b": a comment\n\n" + EVENTS, "sse"),
        (b"data: {}\n\n", "sse"),
        (FRAMES, "frames"),
        (ANSWER.body, None),
        (b'\n [{"event": 1}]', None),
    ],
)
def test_the_bytes_tell_a_stream(body: bytes, form: StreamForm | None, content_type: str) -> None:
    assert stream_form(body, content_type) == form


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("text/event-stream; charset=utf-8", "sse"),
        ("TEXT/EVENT-STREAM", "sse"),
        ("application/vnd.amazon.eventstream", "frames"),
        ("text/html", None),
    ],
)
def test_the_content_type_decides_where_the_bytes_tell_nothing(content_type: str, form: StreamForm | None) -> None:
    assert [stream_form(body, content_type) for body in (b"", b"<html>")] == [form, form]


@pytest.mark.parametrize("body", [ANSWER.body, EVENTS, FRAMES], ids=["json", "sse", "frames"])
@pytest.mark.parametrize("size", [1, 5, 7, 100, 100_000])
def test_a_body_says_the_same_in_pieces(body: bytes, size: int) -> None:
    reader = BodyReader("")
    for at in range(0, len(body), size):
        reader.feed(body[at : at + size])
    answer, whole = reader.finish(), answer_of(body, "")
    assert whole.message is not None
    assert whole.message["content"] == json.loads(ANSWER.body)["content"]
    assert (answer.message, answer.complete) == (whole.message, True)


def test_an_error_is_no_message() -> None:
    answer = answer_of(b'{"type":"error","error":{"type":"overloaded_error"}}', "text/event-stream")
    assert (answer.message, answer.error) == (None, {"type": "overloaded_error"})
