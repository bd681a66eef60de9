"""Lines → events: the inverse of `tracekit.journal.encode`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from tracekit.errors import JournalError, NewerJournalError
from tracekit.journal.encode import BLOB_KEY, MESSAGES, compact
from tracekit.model.events import (
    Answered,
    Chunk,
    Event,
    Exit,
    Failure,
    LaneBegin,
    Request,
    Response,
    SpanBegin,
    SpanEnd,
)

__all__ = ["Decoder", "Header", "body_of", "read_header"]

NEWEST_VERSION = 1


class Header(dict[str, Any]):
    """The first line of a segment."""


def read_header(line: str | bytes, where: str) -> Header:
    """The header in `line`, the first of the segment `where`.

    Raises:
        NewerJournalError: A newer version of tracekit wrote it.
        JournalError: It is no header of a journal.
    """
    try:
        header = json.loads(line)
    except ValueError as error:
        raise JournalError(f"{where} is not a tracekit journal: its first line is not JSON; a journal is a file that `tracekit export` wrote or that lies under runs/ in TRACEKIT_HOME") from error
    if not isinstance(header, dict) or header.get("format") != "tracekit-journal" or "run" not in header:
        raise JournalError(f"{where} is not a tracekit journal: its first line is not a journal's header")
    version = header.get("version")
    if not isinstance(version, int) or version > NEWEST_VERSION:
        raise NewerJournalError(
            f"{where} has journal format {version!r}, and this tracekit reads up to {NEWEST_VERSION}: "
            "upgrade tracekit-agents to read it; the file is left as it is"
        )
    return Header(header)


class Decoder:
    """Decodes the lines of one segment, in the order in which they stand in it."""

    def __init__(self) -> None:
        self._requests: dict[str, _Rebuilt] = {}
        self._blobs: dict[str, str] = {}

    def event(self, line: str | bytes) -> Event | None:
        """The event in `line`; None for a line that only others refer to, or of a kind this version does not know.

        Raises:
            ValueError: The line is not whole.
        """
        data = json.loads(line)
        try:
            return self._event(data)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a journal's line: {error!r}") from error

    def _event(self, data: dict[str, Any]) -> Event | None:
        match data["e"]:
            case "begin":
                return self._begin(data)
            case "end":
                return _end(data)
            case "chunk":
                return Chunk(data["id"], data["t"], body_of(data))
            case "answer":
                return Answered(data["id"], data["t"], data["status"], data["headers"])
            case "lane":
                return LaneBegin(data["id"], data["parent"], data["kind"], data["t"])
            case "exit":
                return Exit(data["t"])
            case "blob":
                self._blobs[data["sha256"]] = data["data"]
        return None

    def _begin(self, data: dict[str, Any]) -> SpanBegin:
        request = data.get("request")
        return SpanBegin(
            data["id"],
            data["parent"],
            data["kind"],
            data["name"],
            data["t"],
            data["lane"],
            data.get("trace", ""),
            data.get("attributes") or {},
            self._request(data["id"], request) if request is not None else None,
        )

    def _request(self, id: str, data: dict[str, Any]) -> Request:
        return Request(
            data["method"],
            data["host"],
            data["path"],
            data.get("query", ""),
            data["headers"],
            self._request_body(id, data),
        )

    def _request_body(self, id: str, data: dict[str, Any]) -> bytes | None:
        if "order" not in data:
            return None if data.get("body", "") is None else body_of(data)
        base = self._requests.get(data["base"]) if data["base"] is not None else _Rebuilt([], {})
        if base is None:
            raise KeyError(f"request {id} continues {data['base']}, which is missing")
        added = [compact(self._with_blobs(message)) for message in data.get("add", ())]
        rebuilt = _Rebuilt(
            [*base.messages[: data.get("keep", 0)], *added],
            {**base.fields, **{name: compact(value) for name, value in data["set"].items()}},
        )
        self._requests[id] = rebuilt
        body = rebuilt.body(data["order"], with_messages="keep" in data)
        if sha256(body).hexdigest() != data["sha256"]:
            raise ValueError(f"request {id} does not give back the bytes that were sent")
        return body

    def _with_blobs(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._with_blobs(item) for item in value]
        if isinstance(value, dict):
            if len(value) == 1 and BLOB_KEY in value:
                return self._blobs[value[BLOB_KEY]]
            return {name: self._with_blobs(item) for name, item in value.items()}
        return value


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
    return base64.b64decode(data["b64"])


def _sse(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode("utf-8")
    name, data = item[0], item[1]
    if not isinstance(data, str):
        text = compact(data)
        data = f"{text[:-1]}{' ' * item[2]}}}" if len(item) > 2 else text
    return f"event: {name}\ndata: {data}\n\n".encode()


def _end(data: dict[str, Any]) -> SpanEnd:
    error, response = data.get("error"), data.get("response")
    return SpanEnd(
        data["id"],
        data["t"],
        data["status"],
        Failure(error["type"], error.get("message", "")) if error is not None else None,
        data.get("attributes") or {},
        Response(response["status"], response["headers"], body_of(response)) if response is not None else None,
    )
