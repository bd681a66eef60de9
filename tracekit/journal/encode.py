"""Events → lines. A request's history is stored once; a stream's events are stored as their data.

Every piece is JSON text already when it reaches a line, so that nothing is serialised twice. Bodies are redacted as
the bytes they are, and all else as JSON text: what stands in a line as base64 must not be taken for a credential.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracekit.journal.bodies import body_member, compact, delta_member, quick
from tracekit.journal.requests import RequestEncoder
from tracekit.model.aws import are_frames
from tracekit.model.events import (
    Answered,
    Chunk,
    Event,
    Exit,
    LaneBegin,
    Replayed,
    Response,
    SpanBegin,
    SpanEnd,
    Unrecorded,
)
from tracekit.origin import pass_on
from tracekit.privacy import body_without_credentials, is_plain, redact

__all__ = ["Encoder"]


_USUAL_DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
)
"""The begin of most events of a stream, up to their text. No credential goes over it, as none holds a quote."""


class Encoder:
    """Encodes the events of one segment, in the order in which they are written."""

    def __init__(self) -> None:
        self._requests = RequestEncoder()

    def text(self, events: Sequence[Event]) -> str:
        """Return the lines for `events`, without the last newline; "" for no events.

        Of events that are written together at most one should carry a request: it cannot refer to another among them.
        """
        return "\n".join(self._lines(events))

    def lines(self, event: Event) -> list[str]:
        """The lines for `event`, each without its newline: the one it is, after those it refers to.

        Once they are in the segment, `written` lets later events refer to them.
        """
        return self._lines((event,))

    def _lines(self, events: Sequence[Event]) -> list[str]:
        heads, bodies = [_head_of(event) for event in events], [_body_of(event) for event in events]
        lines: list[str] = []
        # All at once, since most texts have nothing to redact and each look at one has a price of its own.
        if _are_plain(heads, bodies):
            for event, head, body in zip(events, heads, bodies, strict=True):
                lines += self._lines_of(event, head, body)
            return lines
        for event, head, body in zip(events, heads, bodies, strict=True):
            lines += self._lines_of(event, redact(head), None if body is None else body_without_credentials(body))
        return lines

    def written(self, event: Event) -> None:
        """The lines for `event` are in the segment."""
        if isinstance(event, SpanBegin):
            self._requests.written(event.id)

    def rest(self, *, goes_on: bool) -> None:
        """Forget a run without open spans, except for the needs of its next turn if it `goes_on`."""
        self._requests.rest(goes_on=goes_on)

    def _lines_of(self, event: Event, head: str, body: bytes | None) -> list[str]:
        """Return the lines for `event`, whose `head` and `body` are redacted."""
        match event:
            case Chunk():
                assert body is not None
                member = delta_member(body) or body_member(body, "text/event-stream")
                return [f'{{"e":"chunk","id":"{event.id}","t":{event.at_ns},{member}}}']
            case SpanBegin(request=request) if request is not None:
                blobs, members = self._requests.encode(event.id, body)
                return [*blobs, f"{head},{members}}}}}"]
            case SpanEnd(response=response) if response is not None:
                assert body is not None
                return [f"{head},{body_member(body, response.headers.get('content-type', ''))}}}}}"]
            case LaneBegin():
                parent = compact(event.parent)
                line = f'{{"e":"lane","id":"{event.id}","parent":{parent},"kind":"{event.kind}","t":{event.at_ns}'
                return [line + (f",{compact({'function': event.function})[1:]}" if event.function else "}")]
            case Exit():
                return [f'{{"e":"exit","t":{event.at_ns}}}']
            case Replayed():
                return [f'{{"e":"replay","t":{event.at_ns},"mode":"{event.mode}"}}']
        return [f"{head}}}"]


def _are_plain(heads: Sequence[str], bodies: Sequence[bytes | None]) -> bool:
    """Return whether nothing in `heads` and `bodies` is to be redacted; False where only a look at each can tell."""
    texts = [body for body in bodies if body]
    if any(map(are_frames, texts)):
        return False
    whole = b"\n".join((*texts, "\n".join(heads).encode("utf-8", "surrogatepass")))
    return is_plain(whole.replace(_USUAL_DELTA, b"{"))


def _body_of(event: Event) -> bytes | None:
    match event:
        case Chunk():
            return event.data
        case SpanBegin(request=request) if request is not None:
            return request.body
        case SpanEnd(response=response) if response is not None:
            return response.body
    return None


def _head_of(event: Event) -> str:
    """Return what is yet to be redacted of the line for `event`, all but its body, without the last braces."""
    match event:
        case SpanBegin():
            return _begin(event)
        case SpanEnd():
            return _end(event)
        case Answered():
            head = {"e": "answer", "id": event.id, "t": event.at_ns, "status": event.status}
            return quick(head | _headers(event))[:-1]
        case Unrecorded():
            told = {"caller": event.caller, "host": event.host, "requests": event.requests}
            return compact({"e": "unrecorded", "t": event.at_ns, **told})[:-1]
    return ""


def _begin(event: SpanBegin) -> str:
    head: dict[str, Any] = {
        "e": "begin",
        "id": event.id,
        "parent": event.parent or None,
        "kind": event.kind,
        "name": event.name,
        "t": event.at_ns,
        "lane": event.lane,
    }
    if event.trace:
        head["trace"] = event.trace
    if event.attributes:
        head["attributes"] = dict(event.attributes)
    request = event.request
    if request is None:
        return _json(head)[:-1]
    asked: dict[str, Any] = {"method": request.method, "host": request.host, "path": request.path}
    if request.query:
        asked["query"] = request.query
    asked["headers"] = dict(request.headers)
    head["request"] = asked
    return _json(head)[:-2]


def _end(event: SpanEnd) -> str:
    head: dict[str, Any] = {"e": "end", "id": event.id, "t": event.at_ns, "status": event.status}
    if event.failure is not None:
        head["error"] = {"type": event.failure.type, "message": event.failure.message}
    if event.attributes:
        head["attributes"] = dict(event.attributes)
    if event.response is None:
        return _json(head)[:-1]
    head["response"] = {"status": event.response.status, **_headers(event.response)}
    return _json(head)[:-2]


def _headers(head: Answered | Response) -> dict[str, Any]:
    """Return a response's headers as members of a JSON object, with their form if it is unusual."""
    form = head.form.json() if head.form is not None else {}
    headers: dict[str, Any] = {"headers": dict(head.headers)}
    if form:
        headers["form"] = form
    return headers


def _json(head: dict[str, Any]) -> str:
    """Return the line `head` as JSON. The value of an attribute that JSON cannot hold stands as its text."""
    try:
        return quick(head)
    except Exception as error:  # noqa: BLE001  a value's own code is called, which may raise anything
        pass_on(error)
        head["attributes"] = {str(key): _plain(value) for key, value in head.get("attributes", {}).items()}
        return compact(head)


def _plain(value: Any) -> Any:
    try:
        compact(value)
    except RecursionError as error:
        pass_on(error)
        return f"{type(value).__name__}, nested too deeply to be recorded"
    except Exception as error:  # noqa: BLE001  see `_json`
        pass_on(error)
        return list(map(_text, value)) if isinstance(value, (tuple, list, set)) else _text(value)
    return value


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001  see `_json`
        pass_on(error)
        return f"<{type(value).__name__}>"
