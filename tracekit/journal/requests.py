"""Requests as what they add to an earlier one, so that a history that grows from turn to turn is stored once."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b, sha256
from typing import Any, NamedTuple

from tracekit.journal.bodies import body_member, compact
from tracekit.model.events import Request
from tracekit.origin import pass_on
from tracekit.privacy.credentials import redact_bytes

__all__ = ["BLOB_KEY", "MESSAGES", "RequestEncoder"]

BLOB_KEY = "$blob"
"""The one key of an object that stands for a long base64 text, which a line of its own holds under its SHA-256."""

MESSAGES = "messages"
"""The top-level field of a request that grows from turn to turn."""

_BLOB_BYTES = 4096
_MOST_PREFIXES = 20_000
_MOST_TALKS = 8


class _Known(NamedTuple):
    """A request that is in the segment: its id, the digests of its top-level fields, and the keys of its messages.

    `head` is its text to the end of its last message, and `before` names the fields that stand in there.
    """

    id: str
    fields: dict[str, bytes]
    keys: list[bytes]
    head: str
    before: list[str]


class _Newest(NamedTuple):
    """A request that is being written: what it is to be known by, and the hashes of the blobs before it."""

    known: _Known
    blobs: set[str]


class RequestEncoder:
    """Stores a request as what it adds to an earlier one of the same segment."""

    def __init__(self) -> None:
        self._by_prefix: OrderedDict[bytes, _Known] = OrderedDict()
        self._by_fields: OrderedDict[bytes, _Known] = OrderedDict()
        self._talks: list[_Known] = []
        self._blobs: set[str] = set()
        self._newest: _Newest | None = None

    def encode(self, id: str, request: Request) -> tuple[list[str], str]:
        """The lines of new blobs, and the members of a JSON object that hold the request's body."""
        if request.body is None:
            return [], '"body":null'
        body = redact_bytes(request.body)
        digest = sha256(body).hexdigest()
        blobs, form = self._body(id, body)
        return list(blobs.values()), f'"sha256":"{digest}",{form}'

    def written(self, id: str) -> None:
        """The request `id` and its blobs are in the segment: later ones may refer to them."""
        if self._newest is None or self._newest.known.id != id:
            return
        (known, blobs), self._newest = self._newest, None
        self._blobs |= blobs
        for key in known.keys:
            self._by_prefix[key] = known
        # Of a conversation only the newest request is kept as text.
        talks = [talk for talk in self._talks if not known.head.startswith(talk.head)]
        self._talks = [*talks[1 - _MOST_TALKS :], known] if known.keys else self._talks
        self._by_fields[_shared_fields(known.fields)] = known
        for remembered in (self._by_prefix, self._by_fields):
            while len(remembered) > _MOST_PREFIXES:
                remembered.popitem(last=False)

    def _body(self, id: str, body: bytes) -> tuple[dict[str, str], str]:
        text = body.decode("utf-8", "replace")
        extended = next((talk for talk in reversed(self._talks) if text.startswith(talk.head)), None)
        pieces = _pieces_after(extended, text) if extended is not None else None
        if pieces is None:
            extended, pieces = None, _pieces(body)
        if pieces is None:
            return {}, body_member(body, "")
        digests = {name: _digest(text) for name, text in pieces.fields.items()}
        if extended is None:
            keys = _chain(pieces.messages)
            known, kept = self._base(keys, digests)
            added_messages = pieces.messages[kept:]
        else:
            keys = _chain(pieces.messages, extended.keys)
            known, kept, added_messages = extended, len(extended.keys), pieces.messages
            digests |= {name: extended.fields[name] for name in extended.before}
        before = known.fields if known is not None else {}
        blobs: dict[str, str] = {}
        referring: list[int] = []
        added: list[str] = []
        for message in added_messages:
            short = self._without_blobs(message, blobs)
            if short is not message:
                referring.append(len(added))
            added.append(short)
        changed = (
            f"{compact(name)}:{text}" for name, text in pieces.fields.items() if before.get(name) != digests[name]
        )
        self._newest = _Newest(_known(id, text, pieces, keys, digests), set(blobs))
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
    except (ValueError, RecursionError) as error:
        pass_on(error)
        return None
    return _Pieces(list(request), messages, fields)


def _pieces_after(known: _Known, text: str) -> _Pieces | None:
    """The pieces of `text`, which begins like `known`, less what it shares with that; None where that is not so.

    A long history is so neither parsed nor hashed again with each turn.
    """
    rest = text[len(known.head) :]
    pieces = _pieces(f'{{"{MESSAGES}":[{rest.removeprefix(",")}'.encode()) if rest[:1] in (",", "]") else None
    if pieces is None or MESSAGES in pieces.fields or not pieces.fields.keys().isdisjoint(known.before):
        return None
    return pieces._replace(order=[*known.before, *pieces.order])


def _known(id: str, text: str, pieces: _Pieces, keys: list[bytes], digests: dict[str, bytes]) -> _Known:
    if not keys:
        return _Known(id, digests, keys, "", [])
    at = pieces.order.index(MESSAGES)
    tail = "".join(f",{compact(name)}:{pieces.fields[name]}" for name in pieces.order[at + 1 :])
    return _Known(id, digests, keys, text[: -len(f"]{tail}}}")], pieces.order[:at])


def _chain(messages: list[str], before: Sequence[bytes] = ()) -> list[bytes]:
    keys = list(before)
    key = keys[-1] if keys else b""
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
