"""Lines → events: the inverse of `tracekit.journal.encode`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, get_args

from tracekit.errors import JournalError, NewerJournalError
from tracekit.journal.attributes import typed_attributes
from tracekit.journal.bodies import compact
from tracekit.journal.limits import Allowance
from tracekit.journal.requests import BLOB_KEY, MESSAGES
from tracekit.journal.schema import check_header, check_line, check_request, check_sse
from tracekit.model.events import (
    Answered,
    Chunk,
    Event,
    Exit,
    Failure,
    Kind,
    LaneBegin,
    Replayed,
    ReplayMode,
    Request,
    Response,
    SpanBegin,
    SpanEnd,
)
from tracekit.model.heads import HeadForm
from tracekit.model.parsing import parse_json

__all__ = ["HEADER_START", "Decoder", "Header", "body_of", "read_header"]

NEWEST_VERSION = 1

HEADER_START = b'{"e":"header"'
"""How a header line begins; an exported file has one for each of its segments."""


class Header(dict[str, Any]):
    """The first line of a segment."""


def read_header(line: bytes, where: str) -> Header:
    """The header in `line`, the first of the segment `where`.

    Raises:
        NewerJournalError: A newer version of tracekit wrote it.
        JournalError: It is no header of a journal.
    """
    try:
        header = parse_json(line)
    except ValueError as error:
        raise JournalError(f"{where} {_NO_JOURNAL}") from error
    if not isinstance(header, dict) or header.get("format") != "tracekit-journal":
        raise JournalError(f"{where} {_NO_JOURNAL}")
    version = header.get("version")
    if type(version) is not int:
        raise JournalError(f"{where} has a header that is damaged: 'version' is no whole number")
    if version > NEWEST_VERSION:
        raise NewerJournalError(
            f"{where} has journal format {version!r}, and this tracekit reads up to {NEWEST_VERSION}: "
            "upgrade tracekit-agents to read it; the file is left as it is"
        )
    try:
        check_header(header)
    except ValueError as error:
        raise JournalError(f"{where} has a header that is damaged: {error}") from error
    return Header(header)


_NO_JOURNAL = (
    "is not a tracekit journal: its first line is no header; "
    "a journal is a file that `tracekit export` wrote, or one that lies under runs/ in TRACEKIT_HOME"
)


class Decoder:
    """Decodes the lines of one segment, in the order in which they stand in it.

    `problem` says what of the newest event could not be read, though the event itself could. `allowance` is that of the
    file, in which there may be other segments.
    """

    def __init__(self, allowance: Allowance | None = None) -> None:
        self.problem = ""
        self._allowance = allowance or Allowance()
        self._requests: dict[str, _Rebuilt] = {}
        self._blobs: dict[str, str] = {}

    def event(self, line: bytes) -> Event | None:
        """The event in `line`; None for a line that only others refer to, or of a kind this version does not know.

        Raises:
            ValueError: The line is not whole.
        """
        self.problem = ""
        self._allowance.earn(len(line))
        try:
            return self._event(check_line(parse_json(line.decode("utf-8", "surrogatepass"), most_depth=None)))
        except _WRONG as error:
            raise ValueError(str(error) or type(error).__name__) from error

    def _event(self, data: dict[str, Any]) -> Event | None:
        match data["e"]:
            case "begin":
                return self._begin(data)
            case "end":
                return self._end(data)
            case "chunk":
                return Chunk(data["id"], data["t"], body_of(data, self._allowance))
            case "answer":
                return Answered(data["id"], data["t"], data["status"], data["headers"], HeadForm.read(data.get("form")))
            case "lane":
                return LaneBegin(data["id"], data["parent"], data["kind"], data["t"])
            case "exit":
                return Exit(data["t"])
            case "replay" if data["mode"] in get_args(ReplayMode):
                return Replayed(data["t"], data["mode"])
            case "blob":
                self._blobs[data["sha256"]] = data["data"]
        return None

    def _begin(self, data: dict[str, Any]) -> SpanBegin:
        kind = data["kind"]
        return SpanBegin(
            data["id"],
            data["parent"],
            kind if kind in _KINDS else "span",
            data["name"],
            data["t"],
            data["lane"],
            data.get("trace", ""),
            typed_attributes(data.get("attributes", {})),
            self._request(data["id"], data["request"]) if "request" in data else None,
        )

    def _end(self, data: dict[str, Any]) -> SpanEnd:
        error = data.get("error")
        return SpanEnd(
            data["id"],
            data["t"],
            "error" if data["status"] == "error" else "ok",
            Failure(error["type"], error.get("message", "")) if error is not None else None,
            typed_attributes(data.get("attributes", {})),
            self._response(data["id"], data["response"]) if "response" in data else None,
        )

    def _response(self, id: str, data: dict[str, Any]) -> Response:
        try:
            body = body_of(data, self._allowance)
        except _WRONG as error:
            self.problem = f"the body of the answer to {id} cannot be given back: {_says(error)}"
            body = b""
        return Response(data["status"], data["headers"], body, HeadForm.read(data.get("form")))

    def _request(self, id: str, data: dict[str, Any]) -> Request:
        # Where a body cannot be given back, that there was a request is worth more than what it said.
        try:
            body = self._request_body(id, data)
        except _WRONG as error:
            self.problem = f"the body of request {id} cannot be given back: {_says(error)}"
            body = None
        digest = data["sha256"] if body is not None else ""
        return Request(data["method"], data["host"], data["path"], data.get("query", ""), data["headers"], body, digest)

    def _request_body(self, id: str, data: dict[str, Any]) -> bytes | None:
        if "order" in data:
            check_request(data)
            body = self._rebuilt(id, data)
        elif "body" in data:
            return None
        else:
            body = body_of(data, self._allowance)
        if sha256(body).hexdigest() != data["sha256"]:
            raise ValueError("what is stored does not give back the bytes that were sent")
        return body

    def _rebuilt(self, id: str, data: dict[str, Any]) -> bytes:
        base = self._requests.get(data["base"]) if data["base"] is not None else _Rebuilt([], {})
        if base is None:
            raise ValueError(f"it continues request {data['base']}, which is missing")
        added = list(data.get("add", ()))
        for number in data.get("blobs", ()):
            added[number] = self._with_blobs(added[number])
        rebuilt = _Rebuilt(
            [*base.messages[: data.get("keep", 0)], *map(compact, added)],
            {**base.fields, **{name: compact(value) for name, value in data["set"].items()}},
        )
        body = rebuilt.body(data["order"], with_messages="keep" in data)
        self._requests[id] = rebuilt
        return body

    def _with_blobs(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._with_blobs(item) for item in value]
        if isinstance(value, dict):
            if len(value) == 1 and BLOB_KEY in value:
                blob = self._blobs[value[BLOB_KEY]]
                self._allowance.spend(len(blob))
                return blob
            return {name: self._with_blobs(item) for name, item in value.items()}
        return value


_WRONG = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError, MemoryError)
"""What reading a line raises that this version did not write, or not as a whole."""

_KINDS = frozenset(get_args(Kind))


def _says(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, LookupError) and error.args else str(error)


class _Rebuilt:
    """A request's messages and other fields as JSON text, for later requests to build on."""

    __slots__ = ("fields", "messages")

    def __init__(self, messages: list[str], fields: dict[str, str]) -> None:
        self.messages = messages
        self.fields = fields

    def body(self, order: list[str], *, with_messages: bool) -> bytes:
        """The bytes of the request whose top-level keys stand in `order`."""
        texts = {**self.fields, MESSAGES: f"[{','.join(self.messages)}]"} if with_messages else self.fields
        return ("{" + ",".join(f"{compact(name)}:{texts[name]}" for name in order) + "}").encode("utf-8")


def body_of(data: Mapping[str, Any], allowance: Allowance) -> bytes:
    """The bytes that the member ``json``, ``sse``, ``text`` or ``b64`` of `data` stands for.

    Raises:
        ValueError: There is no such member, it has another type, or `allowance` does not suffice.
        RecursionError: It has more levels than Python's stack.
    """
    if "sse" in data:
        return b"".join(_sse(item, allowance) for item in check_sse(data["sse"]))
    if "json" in data:
        return compact(data["json"]).encode("utf-8")
    name = "text" if "text" in data else "b64"
    value = data.get(name)
    if type(value) is not str:
        raise ValueError(f"its body, {name!r}, is missing or no text")
    return value.encode("utf-8") if name == "text" else base64.b64decode(value, validate=True)


def _sse(item: str | list[Any], allowance: Allowance) -> bytes:
    if isinstance(item, str):
        return item.encode("utf-8")
    name, data = item[0], item[1]
    if not isinstance(data, str):
        text = compact(data)
        pad = item[2] if len(item) > 2 else 0
        allowance.spend(pad)
        data = f"{text[:-1]}{' ' * pad}}}"
    return f"event: {name}\ndata: {data}\n\n".encode()
