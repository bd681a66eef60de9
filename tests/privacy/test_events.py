"""Events for sinks that make no lines: each text is redacted, wherever in the event it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.planted import CREDENTIALS
from tracekit import semconv
from tracekit.model.events import Answered, Chunk, Event, Failure, Request, Response, SpanBegin, SpanEnd
from tracekit.model.heads import HeadForm
from tracekit.privacy import Privacy
from tracekit.privacy.own_rules import OwnRules

PLAIN = Privacy(OwnRules({}))
REQUEST = Request("POST", "https://a", "/v1/messages", "beta=true", {"accept": "json"}, b'{"model":"m"}')
RESPONSE = Response(200, {"content-type": "application/json"}, b'{"id":"msg_1"}', HeadForm(reason="Fine"))
ATTRIBUTES = {semconv.HTTP_METHOD: "POST", semconv.SERVER_PORT: 443, "list": ["a", "b"], "nothing": None}


def begin(**changes: Any) -> SpanBegin:
    return SpanBegin("1" * 16, None, "attempt", "POST", 1, "m", "", ATTRIBUTES, REQUEST)._replace(**changes)


def end(**changes: Any) -> SpanEnd:
    return SpanEnd("1" * 16, 2, "error", Failure("a", "b"), ATTRIBUTES, RESPONSE)._replace(**changes)


PLACES: dict[str, Callable[[str], Event]] = {
    "name": lambda text: begin(name=text),
    "attribute": lambda text: begin(attributes={**ATTRIBUTES, "x": text}),
    "in a list": lambda text: end(attributes={**ATTRIBUTES, "x": ["a", text]}),
    "in an object": lambda text: end(attributes={**ATTRIBUTES, "x": {"y": [1, text]}}),
    "address": lambda text: begin(attributes={**ATTRIBUTES, semconv.URL_FULL: f"https://a/{quote(text, safe='')}"}),
    "path": lambda text: begin(request=replace(REQUEST, path=f"/{quote(text, safe='')}")),
    "query": lambda text: begin(request=replace(REQUEST, query=f"q={quote(text, safe='')}")),
    "request header": lambda text: begin(request=replace(REQUEST, headers={"x": text})),
    "request body": lambda text: begin(request=replace(REQUEST, body=text.encode())),
    "failure": lambda text: end(failure=Failure("a", text)),
    "response header": lambda text: end(response=RESPONSE._replace(headers={"x": text})),
    "response body": lambda text: end(response=RESPONSE._replace(body=text.encode())),
    "reason": lambda text: end(response=RESPONSE._replace(form=HeadForm(reason=text))),
    "head": lambda text: Answered("1" * 16, 1, 200, {"x": text}),
    "chunk": lambda text: Chunk("1" * 16, 1, text.encode()),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_credential_is_left(place: str) -> None:
    for secret in CREDENTIALS:
        kept = repr(PLAIN.event(PLACES[place](secret)))
        assert "[redacted:" in kept or quote("[redacted:", safe="[]:") in kept, secret
        assert secret not in kept
        assert quote(secret, safe="") not in kept


def test_an_event_with_nothing_to_redact_is_as_it_was() -> None:
    for event in (begin(), end(), Answered("1" * 16, 1, 200, {"x": "y"}), Chunk("1" * 16, 1, b"data: {}\n\n")):
        assert PLAIN.event(event) == event
