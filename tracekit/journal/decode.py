"""Lines → events: the inverse of `tracekit.journal.encode`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from hashlib import sha256
from types import NoneType
from typing import Any, get_args

from tracekit.errors import JournalError, NewerJournalError
from tracekit.journal.bodies import compact
from tracekit.journal.requests import BLOB_KEY, MESSAGES
from tracekit.journal.steady import STEADY_VERSION, Values, is_values
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

__all__ = ["HEADER_START", "NEWEST_VERSION", "Decoder", "Header", "body_of", "read_header"]

NEWEST_VERSION = STEADY_VERSION

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
        header = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise JournalError(f"{where} {_NO_JOURNAL}") from error
    if not isinstance(header, dict) or header.get("format") != "tracekit-journal":
        raise JournalError(f"{where} {_NO_JOURNAL}")
    version = header.get("version")
    if not isinstance(version, int) or version > NEWEST_VERSION:
        raise NewerJournalError(
            f"{where} has journal format {version!r}, and this tracekit reads up to {NEWEST_VERSION}: "
            "upgrade tracekit-agents to read it; the file is left as it is"
        )
    if not _is_sound(header):
        raise JournalError(f"{where} has a header that is damaged: what it says of its run is no run")
    return Header(header)


def _is_sound(header: dict[str, Any]) -> bool:
    root = header.get("root")
    return (
        isinstance(header.get("run"), str)
        and isinstance(header.get("name"), str)
        and isinstance(header.get("recorded_at_ns"), int)
        and (root is None or (isinstance(root, dict) and root.keys() >= {"id", "t", "argv"}))
    )


_NO_JOURNAL = (
    "is not a tracekit journal: its first line is no header; "
    "a journal is a file that `tracekit export` wrote, or one that lies under runs/ in TRACEKIT_HOME"
)


class Decoder:
    """Decodes the lines of one segment, in the order in which they stand in it.

    `problem` says what of the newest event could not be read, though the event itself could.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._requests: dict[str, _Rebuilt] = {}
        self._blobs: dict[str, str] = {}
        self._values: Values | None = None

    def event(self, line: bytes) -> Event | None:
        """The event in `line`; None for a line that only others refer to, or of a kind this version does not know.

        Raises:
            ValueError: The line is not whole.
        """
        self.problem = ""
        if is_values(line):
            self._values = Values(line)
            return None
        if self._values is not None:
            line = self._values.fill(line)
        try:
            return self._event(_checked(json.loads(line.decode("utf-8", "surrogatepass"))))
        except _WRONG as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def _event(self, data: dict[str, Any]) -> Event | None:
        match data["e"]:
            case "begin":
                return self._begin(data)
            case "end":
                return self._end(data)
            case "chunk":
                return Chunk(data["id"], data["t"], body_of(data))
            case "answer":
                return Answered(data["id"], data["t"], data["status"], data["headers"])
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
            data.get("attributes", {}),
            self._request(data["id"], data["request"]) if "request" in data else None,
        )

    def _end(self, data: dict[str, Any]) -> SpanEnd:
        error = data.get("error")
        return SpanEnd(
            data["id"],
            data["t"],
            "error" if data["status"] == "error" else "ok",
            Failure(error["type"], error.get("message", "")) if error is not None else None,
            data.get("attributes", {}),
            self._response(data["id"], data["response"]) if "response" in data else None,
        )

    def _response(self, id: str, data: dict[str, Any]) -> Response:
        try:
            body = body_of(data)
        except _WRONG as error:
            self.problem = f"the body of the answer to {id} cannot be given back: {_says(error)}"
            body = b""
        return Response(data["status"], data["headers"], body)

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
            body = self._rebuilt(id, data)
        elif "body" in data:
            return None
        else:
            body = body_of(data)
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
                return self._blobs[value[BLOB_KEY]]
            return {name: self._with_blobs(item) for name, item in value.items()}
        return value


_WRONG = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError, MemoryError)
"""What reading a line raises that this version did not write, or not as a whole."""

_KINDS = frozenset(get_args(Kind))

_TYPES: dict[str, tuple[type, ...]] = {
    "e": (str,),
    "id": (str,),
    "parent": (str, NoneType),
    "kind": (str,),
    "name": (str,),
    "t": (int,),
    "lane": (str,),
    "trace": (str,),
    "status": (str, int),
    "attributes": (dict,),
    "headers": (dict,),
    "request": (dict,),
    "response": (dict,),
    "error": (dict,),
    "sha256": (str,),
}


def _checked(data: Any) -> dict[str, Any]:
    """`data`, if it is an object whose members have the types that the reader counts on."""
    if not isinstance(data, dict):
        raise TypeError("a line is an object")
    for name, value in data.items():
        types = _TYPES.get(name)
        if types is not None and type(value) not in types:
            raise TypeError(f"{name!r} is {type(value).__name__}")
    return data


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


def body_of(data: Mapping[str, Any]) -> bytes:
    """The bytes that the member ``json``, ``sse``, ``text`` or ``b64`` of `data` stands for."""
    if "sse" in data:
        return b"".join(_sse(item) for item in data["sse"])
    if "json" in data:
        return compact(data["json"]).encode("utf-8")
    if "text" in data:
        return str(data["text"]).encode("utf-8")
    return base64.b64decode(data["b64"], validate=True)


def _sse(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode("utf-8")
    name, data = item[0], item[1]
    if not isinstance(data, str):
        text = compact(data)
        data = f"{text[:-1]}{' ' * item[2]}}}" if len(item) > 2 else text
    return f"event: {name}\ndata: {data}\n\n".encode()
