"""Events → lines. A request's history is stored once; a stream's events are stored as their data.

Every piece is JSON text already when it reaches a line, so that nothing is serialised twice. Bodies are redacted as
the bytes they are, and all else as JSON text: what stands in a line as base64 must not be taken for a credential.
"""

from __future__ import annotations

import base64
import json
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b, sha256
from typing import Any, NamedTuple

from tracekit.journal.redact import redact, redact_bytes
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

__all__ = ["BLOB_KEY", "MESSAGES", "Encoder", "compact", "sse_items"]

compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False).encode
"""JSON as the SDK sends it and the API answers it: no spaces, UTF-8."""

BLOB_KEY = "$blob"
"""The one key of an object that stands for a long base64 text, which a line of its own holds under its SHA-256."""

MESSAGES = "messages"
"""The top-level field of a request that grows from turn to turn."""

_BLOB_BYTES = 4096
_MOST_PREFIXES = 20_000


class Encoder:
    """Encodes the events of one segment, in the order in which they are written."""

    def __init__(self) -> None:
        self._requests = _RequestEncoder()

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
                body = _body(redact_bytes(event.data), "text/event-stream")
                return [f'{{"e":"chunk","id":"{event.id}","t":{event.at_ns},{body}}}']
            case Answered():
                head = f'{{"e":"answer","id":"{event.id}","t":{event.at_ns},"status":{event.status}'
                return [f'{head},"headers":{_headers(event.headers)}}}']
            case LaneBegin():
                parent = compact(event.parent)
                return [f'{{"e":"lane","id":"{event.id}","parent":{parent},"kind":"{event.kind}","t":{event.at_ns}}}']
            case Exit():
                return [f'{{"e":"exit","t":{event.at_ns}}}']

    def written(self, event: Event) -> None:
        """The lines for `event` are in the segment."""
        if isinstance(event, SpanBegin):
            self._requests.written(event.id)

    def _begin(self, event: SpanBegin) -> list[str]:
        parent = f'"{event.parent}"' if event.parent else "null"
        line = f'{{"e":"begin","id":"{event.id}","parent":{parent},"kind":"{event.kind}","name":{redact(compact(event.name))}'
        line += f',"t":{event.at_ns},"lane":"{event.lane}"'
        if event.trace:
            line += f',"trace":"{event.trace}"'
        if event.attributes:
            line += f',"attributes":{_json(event.attributes)}'
        if event.request is None:
            return [line + "}"]
        blobs, request = self._requests.encode(event.id, event.request)
        return [*blobs, f'{line},"request":{request}}}']


def _end(event: SpanEnd) -> str:
    line = f'{{"e":"end","id":"{event.id}","t":{event.at_ns},"status":"{event.status}"'
    if event.failure is not None:
        line += f',"error":{_failure(event.failure)}'
    if event.attributes:
        line += f',"attributes":{_json(event.attributes)}'
    if event.response is not None:
        line += f',"response":{_response(event.response)}'
    return line + "}"


def _failure(failure: Failure) -> str:
    return redact(compact({"type": failure.type, "message": failure.message}))


def _response(response: Response) -> str:
    content_type = response.headers.get("content-type", "")
    head = f'{{"status":{response.status},"headers":{_headers(response.headers)}'
    return f"{head},{_body(redact_bytes(response.body), content_type)}}}"


def _headers(headers: Mapping[str, str]) -> str:
    return redact(compact(dict(headers)))


def _json(attributes: Mapping[str, Any]) -> str:
    """Attributes as JSON. A value that JSON cannot hold stands as its text."""
    try:
        text = compact(dict(attributes))
    except (TypeError, ValueError, RecursionError):
        text = compact({str(key): _plain(value) for key, value in attributes.items()})
    return redact(text)


def _plain(value: Any) -> Any:
    try:
        compact(value)
    except RecursionError:
        return f"{type(value).__name__}, nested too deeply to be recorded"
    except (TypeError, ValueError):
        return list(map(str, value)) if isinstance(value, (tuple, list, set)) else str(value)
    return value


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _body(body: bytes, content_type: str) -> str:
    """A member of a JSON object that holds `body`: ``"json"``, ``"sse"``, ``"text"`` or ``"b64"``.

    A form is used only where it gives back the very bytes.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return f'"b64":"{base64.b64encode(body).decode("ascii")}"'
    if "event-stream" in content_type and text.endswith("\n\n"):
        return f'"sse":[{",".join(sse_items(text))}]'
    if text[:1] == "{":
        return f'"json":{text}' if _rebuilds(text) else f'"text":{compact(text)}'
    return f'"text":{compact(text)}'


def _rebuilds(text: str) -> bool:
    """Whether `text` is an object that is written as `compact` writes it."""
    try:
        value = json.loads(text)
        return isinstance(value, dict) and compact(value) == text
    except (ValueError, RecursionError):
        return False


def sse_items(text: str) -> list[str]:
    """Each event of `text`, which ends after one, as JSON text.

    ``[name, data]`` or ``[name, data, pad]``: `data` is an object, written compactly with `pad` spaces before its last
    brace (the API pads so that lengths tell nothing), or a string that is the data as it is. An event in any other
    form is a string: the very text, with what ended it.
    """
    items: list[str] = []
    for block in text[:-2].split("\n\n"):
        first, separator, data = block.partition("\ndata: ")
        if not separator or not first.startswith("event: ") or "\n" in first or "\n" in data or "\r" in block:
            items.append(compact(block + "\n\n"))
            continue
        items.append(f"[{compact(first[7:])},{_event_data(data)}]")
    return items


def _event_data(data: str) -> str:
    if data[-1:] == "}" and data[:1] == "{":
        inner = data[:-1]
        stripped = inner.rstrip(" ")
        plain = stripped + "}"
        if _rebuilds(plain):
            pad = len(inner) - len(stripped)
            return f"{plain},{pad}" if pad else plain
    return compact(data)


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Known(NamedTuple):
    """A request that is in the segment: its id, and the digests of its top-level fields."""

    id: str
    fields: dict[str, bytes]


class _Newest(NamedTuple):
    """A request that is being written: what it is to be known by, and the hashes of the blobs before it."""

    known: _Known
    keys: list[bytes]
    blobs: set[str]


class _RequestEncoder:
    """Stores a request as what it adds to an earlier one of the same segment."""

    def __init__(self) -> None:
        self._by_prefix: OrderedDict[bytes, _Known] = OrderedDict()
        self._by_fields: OrderedDict[bytes, _Known] = OrderedDict()
        self._blobs: set[str] = set()
        self._newest: _Newest | None = None

    def encode(self, id: str, request: Request) -> tuple[list[str], str]:
        """The lines of new blobs, and the request as JSON text."""
        head = {"method": request.method, "host": request.host, "path": request.path}
        if request.query:
            head["query"] = request.query
        text = f'{redact(compact(head))[:-1]},"headers":{_headers(request.headers)}'
        if request.body is None:
            return [], f'{text},"body":null}}'
        body = redact_bytes(request.body)
        digest = sha256(body).hexdigest()
        blobs, form = self._body(id, body)
        return list(blobs.values()), f'{text},"sha256":"{digest}",{form}}}'

    def written(self, id: str) -> None:
        """The request `id` and its blobs are in the segment: later ones may refer to them."""
        if self._newest is None or self._newest.known.id != id:
            return
        (known, keys, blobs), self._newest = self._newest, None
        self._blobs |= blobs
        for key in keys:
            self._by_prefix[key] = known
        self._by_fields[_shared_fields(known.fields)] = known
        for remembered in (self._by_prefix, self._by_fields):
            while len(remembered) > _MOST_PREFIXES:
                remembered.popitem(last=False)

    def _body(self, id: str, body: bytes) -> tuple[dict[str, str], str]:
        pieces = _pieces(body)
        if pieces is None:
            return {}, _body(body, "")
        keys = _chain(pieces.messages)
        digests = {name: _digest(text) for name, text in pieces.fields.items()}
        known, kept = self._base(keys, digests)
        before = known.fields if known is not None else {}
        blobs: dict[str, str] = {}
        referring: list[int] = []
        added: list[str] = []
        for text in pieces.messages[kept:]:
            short = self._without_blobs(text, blobs)
            if short is not text:
                referring.append(len(added))
            added.append(short)
        changed = (
            f"{compact(name)}:{text}" for name, text in pieces.fields.items() if before.get(name) != digests[name]
        )
        self._newest = _Newest(_Known(id, digests), keys, set(blobs))
        form = f'"base":{compact(known.id if known else None)},"order":{compact(pieces.order)}'
        if MESSAGES in pieces.order and MESSAGES not in pieces.fields:
            form += f',"keep":{kept},"add":[{",".join(added)}]'
        if referring:
            form += f',"blobs":{compact(referring)}'
        return blobs, f'{form},"set":{{{",".join(changed)}}}'

    def _base(self, keys: list[bytes], digests: dict[str, bytes]) -> tuple[_Known | None, int]:
        """The earlier request that shares most, and how many of its messages. None where nothing is shared."""
        for length in range(len(keys), 0, -1):
            known = self._by_prefix.get(keys[length - 1])
            if known is not None:
                return known, length
        known = self._by_fields.get(_shared_fields(digests))
        shares = known is not None and not known.fields.items().isdisjoint(digests.items())
        return known if shares else None, 0

    def _without_blobs(self, text: str, lines: dict[str, str]) -> str:
        """A message's text with long base64 replaced by its hash; a line, by that hash, for each that is new.

        A message that itself holds such an object stays as it is.
        """
        if len(text) < _BLOB_BYTES or '"base64"' not in text or BLOB_KEY in text:
            return text
        message = json.loads(text)
        found: dict[str, str] = {}
        _take_blobs(message, found)
        for digest, data in found.items():
            if digest not in self._blobs:
                lines[digest] = f'{{"e":"blob","sha256":"{digest}","data":{compact(data)}}}'
        return compact(message) if found else text


class _Pieces(NamedTuple):
    """A request's top-level keys in order, its messages, and its other fields, all as JSON text."""

    order: list[str]
    messages: list[str]
    fields: dict[str, str]


def _pieces(body: bytes) -> _Pieces | None:
    """The pieces of a request; None where they do not give back `body`."""
    try:
        request = json.loads(body)
        if not isinstance(request, dict):
            return None
        fields = {
            name: compact(value) for name, value in request.items() if name != MESSAGES or type(value) is not list
        }
        messages = [compact(message) for message in request[MESSAGES]] if len(fields) < len(request) else []
        texts = {**fields, MESSAGES: f"[{','.join(messages)}]"} if len(fields) < len(request) else fields
        rebuilt = "{" + ",".join(f"{compact(name)}:{texts[name]}" for name in request) + "}"
        if rebuilt.encode("utf-8") != body:
            return None
    except (ValueError, RecursionError):
        return None
    return _Pieces(list(request), messages, fields)


def _chain(messages: list[str]) -> list[bytes]:
    keys: list[bytes] = []
    key = b""
    for text in messages:
        key = blake2b(key + text.encode("utf-8"), digest_size=16).digest()
        keys.append(key)
    return keys


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8"), digest_size=16).digest()


def _shared_fields(digests: dict[str, bytes]) -> bytes:
    return digests.get("system", b"-") + digests.get("tools", b"-")


def _take_blobs(value: Any, found: dict[str, str]) -> None:
    """Replace the data of each long base64 source in `value`, which may be any JSON, by its hash."""
    if isinstance(value, list):
        for item in value:
            _take_blobs(item, found)
    elif isinstance(value, dict):
        data = value.get("data")
        if value.get("type") == "base64" and isinstance(data, str) and len(data) >= _BLOB_BYTES:
            digest = sha256(data.encode("utf-8")).hexdigest()
            found[digest] = data
            value["data"] = {BLOB_KEY: digest}
        for item in value.values():
            _take_blobs(item, found)
