"""Events → lines. A request's history is stored once; a stream's events are stored as their data.

Every piece is JSON text already when it reaches a line, so that nothing is serialised twice. Bodies are redacted as
the bytes they are, and all else as JSON text: what stands in a line as base64 must not be taken for a credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit.journal.bodies import body_member, compact
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
from tracekit.privacy import body_without_credentials, redact

__all__ = ["Encoder"]


class Encoder:
    """Encodes the events of one segment, in the order in which they are written."""

    def __init__(self) -> None:
        self._requests = RequestEncoder()

    def lines(self, event: Event) -> list[str]:
        """The lines for `event`, each without its newline: the one it is, after those it refers to.

        Once they are in the segment, `written` lets later events refer to them.
        """
        match event:
            case SpanBegin():
                return self._begin(event)
            case SpanEnd():
                return [_end(event)]
            case Chunk():
                body = body_member(body_without_credentials(event.data), "text/event-stream")
                return [f'{{"e":"chunk","id":"{event.id}","t":{event.at_ns},{body}}}']
            case Answered():
                head = f'{{"e":"answer","id":"{event.id}","t":{event.at_ns},"status":{event.status}'
                return [redact(f"{head},{_headers(event)}}}")]
            case LaneBegin():
                parent = compact(event.parent)
                line = f'{{"e":"lane","id":"{event.id}","parent":{parent},"kind":"{event.kind}","t":{event.at_ns}'
                return [f"{line},{compact({'function': event.function})[1:]}" if event.function else f"{line}}}"]
            case Exit():
                return [f'{{"e":"exit","t":{event.at_ns}}}']
            case Replayed():
                return [f'{{"e":"replay","t":{event.at_ns},"mode":"{event.mode}"}}']
            case Unrecorded():
                told = {"caller": event.caller, "host": event.host, "requests": event.requests}
                return [redact(f'{{"e":"unrecorded","t":{event.at_ns},{compact(told)[1:]}')]

    def written(self, event: Event) -> None:
        """The lines for `event` are in the segment."""
        if isinstance(event, SpanBegin):
            self._requests.written(event.id)

    def rest(self, *, goes_on: bool) -> None:
        """Nothing of the run is open: keep nothing of it, or only what its next turn needs if it `goes_on`."""
        self._requests.rest(goes_on=goes_on)

    def _begin(self, event: SpanBegin) -> list[str]:
        parent = f'"{event.parent}"' if event.parent else "null"
        line = f'{{"e":"begin","id":"{event.id}","parent":{parent},"kind":"{event.kind}","name":{compact(event.name)}'
        line += f',"t":{event.at_ns},"lane":"{event.lane}"'
        if event.trace:
            line += f',"trace":"{event.trace}"'
        if event.attributes:
            line += f',"attributes":{_json(event.attributes)}'
        if event.request is None:
            return [redact(line) + "}"]
        line += f',"request":{_head(event.request)}'
        blobs, body = self._requests.encode(event.id, event.request)
        return [*blobs, f"{redact(line)},{body}}}}}"]


def _end(event: SpanEnd) -> str:
    line = f'{{"e":"end","id":"{event.id}","t":{event.at_ns},"status":"{event.status}"'
    if event.failure is not None:
        line += f',"error":{_failure(event.failure)}'
    if event.attributes:
        line += f',"attributes":{_json(event.attributes)}'
    if event.response is None:
        return redact(line) + "}"
    response = event.response
    line += f',"response":{{"status":{response.status},{_headers(response)}'
    body = body_member(body_without_credentials(response.body), response.headers.get("content-type", ""))
    return f"{redact(line)},{body}}}}}"


def _headers(head: Answered | Response) -> str:
    """Return a response's headers as members of a JSON object, with their form if it is unusual."""
    form = head.form.json() if head.form is not None else {}
    return f'"headers":{compact(dict(head.headers))}{f""","form":{compact(form)}""" if form else ""}'


def _failure(failure: Failure) -> str:
    return compact({"type": failure.type, "message": failure.message})


def _head(request: Request) -> str:
    """All of a request but its body, as JSON text without the last brace."""
    head = {"method": request.method, "host": request.host, "path": request.path}
    query = {"query": request.query} if request.query else {}
    return compact({**head, **query, "headers": dict(request.headers)})[:-1]


def _json(attributes: Mapping[str, Any]) -> str:
    """Attributes as JSON. A value that JSON cannot hold stands as its text."""
    try:
        return compact(dict(attributes))
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
