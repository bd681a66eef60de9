"""Events → lines. A request's history is stored once; a stream's events are stored as their data.

Every piece is JSON text already when it reaches a line, so that nothing is serialised twice. Bodies are redacted as
the bytes they are, and all else as JSON text: what stands in a line as base64 must not be taken for a credential.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tracekit.journal.bodies import body_member, compact, delta_member, quick
from tracekit.journal.requests import RequestEncoder
from tracekit.model.events import (
    Answered,
    Chunk,
    Event,
    Exit,
    Failure,
    LaneBegin,
    Replayed,
    Request,
    Response,
    SpanBegin,
    SpanEnd,
    Unrecorded,
)
from tracekit.origin import pass_on
from tracekit.privacy import body_without_credentials, redact, redact_bytes

__all__ = ["Encoder"]


class _Draft(NamedTuple):
    """A line: `told` has yet to be redacted, `rest` is redacted already."""

    told: str
    rest: str = ""


class Encoder:
    """Encodes the events of one segment, in the order in which they are written."""

    def __init__(self) -> None:
        self._requests = RequestEncoder()

    def text(self, events: Sequence[Event]) -> str:
        """Return the lines for `events`, without the last newline; "" for no events.

        Of events that are written together at most one should carry a request: it cannot refer to another among them.
        """
        if len(events) == 1:
            return "\n".join(self.lines(events[0]))
        # All at once, since most texts have nothing to redact and each look at one has a price of its own.
        pieces = [event for event in events if isinstance(event, Chunk)]
        chunks = iter(_plain_chunks(pieces) if pieces else ())
        drafts: list[_Draft] = []
        for event in events:
            chunk = next(chunks, None) if isinstance(event, Chunk) else None
            drafts += self._drafts(event) if chunk is None else (chunk,)
        whole = "\n".join([draft.told for draft in drafts if draft.told])
        is_plain = redact(whole) == whole
        return "\n".join([(told if is_plain else redact(told)) + rest for told, rest in drafts])

    def lines(self, event: Event) -> list[str]:
        """The lines for `event`, each without its newline: the one it is, after those it refers to.

        Once they are in the segment, `written` lets later events refer to them.
        """
        return [redact(told) + rest for told, rest in self._drafts(event)]

    def written(self, event: Event) -> None:
        """The lines for `event` are in the segment."""
        if isinstance(event, SpanBegin):
            self._requests.written(event.id)

    def rest(self, *, goes_on: bool) -> None:
        """Nothing of the run is open: keep nothing of it, or only what its next turn needs if it `goes_on`."""
        self._requests.rest(goes_on=goes_on)

    def _drafts(self, event: Event) -> list[_Draft]:
        match event:
            case SpanBegin():
                return self._begin(event)
            case SpanEnd():
                return [_end(event)]
            case Chunk():
                return [_chunk(event, body_without_credentials(event.data))]
            case Answered():
                head = f'{{"e":"answer","id":"{event.id}","t":{event.at_ns},"status":{event.status}'
                return [_Draft(f"{head},{_headers(event)}}}")]
            case LaneBegin():
                parent = compact(event.parent)
                line = f'{{"e":"lane","id":"{event.id}","parent":{parent},"kind":"{event.kind}","t":{event.at_ns}'
                function = f",{compact({'function': event.function})[1:]}" if event.function else "}"
                return [_Draft("", line + function)]
            case Exit():
                return [_Draft("", f'{{"e":"exit","t":{event.at_ns}}}')]
            case Replayed():
                return [_Draft("", f'{{"e":"replay","t":{event.at_ns},"mode":"{event.mode}"}}')]
            case Unrecorded():
                told = {"caller": event.caller, "host": event.host, "requests": event.requests}
                return [_Draft(f'{{"e":"unrecorded","t":{event.at_ns},{compact(told)[1:]}')]

    def _begin(self, event: SpanBegin) -> list[_Draft]:
        parent = f'"{event.parent}"' if event.parent else "null"
        line = f'{{"e":"begin","id":"{event.id}","parent":{parent},"kind":"{event.kind}","name":{compact(event.name)}'
        line += f',"t":{event.at_ns},"lane":"{event.lane}"'
        if event.trace:
            line += f',"trace":"{event.trace}"'
        if event.attributes:
            line += f',"attributes":{_json(event.attributes)}'
        if event.request is None:
            return [_Draft(line, "}")]
        line += f',"request":{_head(event.request)}'
        blobs, body = self._requests.encode(event.id, event.request)
        return [*(_Draft("", blob) for blob in blobs), _Draft(line, f",{body}}}}}")]


def _end(event: SpanEnd) -> _Draft:
    line = f'{{"e":"end","id":"{event.id}","t":{event.at_ns},"status":"{event.status}"'
    if event.failure is not None:
        line += f',"error":{_failure(event.failure)}'
    if event.attributes:
        line += f',"attributes":{_json(event.attributes)}'
    if event.response is None:
        return _Draft(line, "}")
    response = event.response
    line += f',"response":{{"status":{response.status},{_headers(response)}'
    body = body_member(body_without_credentials(response.body), response.headers.get("content-type", ""))
    return _Draft(line, f",{body}}}}}")


def _plain_chunks(chunks: Sequence[Chunk]) -> list[_Draft]:
    """Encode `chunks`, events of a stream, if none of them has anything to redact; else return an empty list."""
    # No rule's match goes over the end of an event, nor does one depend on what comes before that.
    whole = b"\n".join([chunk.data for chunk in chunks])
    are_events = all(chunk.data.startswith(b"event: ") for chunk in chunks)
    return [_chunk(each, each.data) for each in chunks] if are_events and redact_bytes(whole) == whole else []


def _chunk(chunk: Chunk, data: bytes) -> _Draft:
    body = delta_member(data) or body_member(data, "text/event-stream")
    return _Draft("", f'{{"e":"chunk","id":"{chunk.id}","t":{chunk.at_ns},{body}}}')


def _headers(head: Answered | Response) -> str:
    """Return a response's headers as members of a JSON object, with their form if it is unusual."""
    form = head.form.json() if head.form is not None else {}
    return f'"headers":{quick(dict(head.headers))}{f""","form":{compact(form)}""" if form else ""}'


def _failure(failure: Failure) -> str:
    return compact({"type": failure.type, "message": failure.message})


def _head(request: Request) -> str:
    """All of a request but its body, as JSON text without the last brace."""
    head = {"method": request.method, "host": request.host, "path": request.path}
    query = {"query": request.query} if request.query else {}
    return quick({**head, **query, "headers": dict(request.headers)})[:-1]


def _json(attributes: Mapping[str, Any]) -> str:
    """Attributes as JSON. A value that JSON cannot hold stands as its text."""
    try:
        return quick(dict(attributes))
    except Exception as error:  # noqa: BLE001  a value's own code is called, which may raise anything
        pass_on(error)
        return compact({str(key): _plain(value) for key, value in attributes.items()})


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
