"""Requests as additions to an earlier one, so that a growing history is stored once.

Of the requests in a segment only digests are remembered, never their text, and of those only the newest.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from hashlib import blake2b, sha256
from typing import Any, NamedTuple
from weakref import WeakSet

import orjson

from tracekit.journal.bodies import body_member, compact, quick_object
from tracekit.origin import pass_on

__all__ = ["BLOB_KEY", "MESSAGES", "RequestEncoder"]

BLOB_KEY = "$blob"
"""The one key of an object that stands for a long base64 text, which a line of its own holds under its SHA-256."""

MESSAGES = "messages"
"""The top-level field of a request that grows from turn to turn."""

_BLOB_BYTES = 4096
_MOST_TALKS = 16
_MOST_DIGESTS = 4096
"""Digests that all encoders of a process remember together: some 700 bytes each, with what they refer to."""
_LEAST_DIGESTS = 64
"""Digests that an encoder remembers, however many others there are."""
_IDLE_DIGESTS = 8
"""Digests of a run that may go on though nothing of it is open: enough for a conversation's next turn."""


class _Known(NamedTuple):
    """A request that is in the segment: its id, and the digests of its top-level fields."""

    id: str
    fields: dict[str, bytes]


class _Talk(NamedTuple):
    """The newest request of a conversation.

    `size` and `digest` are of its bytes up to the end of its last message, of which it has `messages`. `key` stands for
    all of these, and `before` names the fields that stand before them.
    """

    size: int
    digest: bytes
    messages: int
    key: bytes
    before: tuple[str, ...]
    known: _Known


class _Newest(NamedTuple):
    """A request that is being written: what it will be known by once it is."""

    known: _Known
    talk: _Talk | None
    extended: list[_Talk]
    digests: list[bytes]


class RequestEncoder:
    """Stores a request as what it adds to an earlier one of the same segment."""

    def __init__(self) -> None:
        self._digests: OrderedDict[bytes, _Known | None] = OrderedDict()
        self._talks: list[_Talk] = []
        self._newest: _Newest | None = None

    def encode(self, id: str, body: bytes | None) -> tuple[list[str], str]:
        """The lines of new blobs, and the members of a JSON object that hold the request's `body`, which is redacted."""
        if body is None:
            return [], '"body":null'
        hashed = _Hashed(body, self._talks)
        blobs, form = self._body(id, body, hashed)
        return list(blobs.values()), f'"sha256":"{hashed.digest(len(body)).hex()}",{form}'

    def written(self, id: str) -> None:
        """The request `id` and its blobs are in the segment: later ones may refer to them."""
        if self._newest is None or self._newest.known.id != id:
            return
        (known, talk, extended, digests), self._newest = self._newest, None
        for digest in digests:
            self._remember(digest, None if len(digest) == _BLOB_DIGEST else known)
        if talk is not None:
            # Of a conversation only the newest request is looked for.
            talks = [each for each in self._talks if each not in extended]
            self._talks = [*talks[1 - _MOST_TALKS :], talk]
        _remembering.add(self)
        self._forget_all_but(max(_LEAST_DIGESTS, _MOST_DIGESTS // len(_remembering)))

    def rest(self, *, goes_on: bool) -> None:
        """Forget a run without open spans: all of it, or all but the next turn's needs if it `goes_on`."""
        self._talks = self._talks[-1:] if goes_on else []
        self._forget_all_but(_IDLE_DIGESTS if goes_on else 0)
        _remembering.discard(self)

    # ── digests ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _remember(self, digest: bytes, known: _Known | None) -> None:
        self._digests[digest] = known
        self._digests.move_to_end(digest)

    def _forget_all_but(self, most: int) -> None:
        while len(self._digests) > most:
            self._digests.popitem(last=False)

    # ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _body(self, id: str, body: bytes, hashed: _Hashed) -> tuple[dict[str, str], str]:
        extended = hashed.extended[-1] if hashed.extended else None
        pieces = _pieces_after(extended, body) if extended is not None else None
        if pieces is None:
            extended, pieces = None, _pieces(body)
        if pieces is None:
            return {}, body_member(body, "")
        digests = {name: _digest(text) for name, text in pieces.fields.items()}
        if extended is None:
            keys = _chain(pieces.messages)
            known, kept = self._base(keys, digests)
            count, new_keys, added_messages = len(keys), keys[kept:], pieces.messages[kept:]
        else:
            new_keys = _chain(pieces.messages, extended.key)
            known, kept, added_messages = extended.known, extended.messages, pieces.messages
            count = kept + len(new_keys)
            digests |= {name: extended.known.fields[name] for name in extended.before}
        before = known.fields if known is not None else {}
        blobs, added, referring = self._without_blobs(added_messages)
        changed = (
            f"{compact(name)}:{text}" for name, text in pieces.fields.items() if before.get(name) != digests[name]
        )
        own = _Known(id, before if before == digests else digests)
        key = new_keys[-1] if new_keys else extended.key if extended is not None else keys[-1] if count else b""
        talk = _talk(body, hashed, pieces, count, key, own)
        remembered = [*map(bytes.fromhex, blobs), _shared_fields(digests), *new_keys, *([key] if count else [])]
        self._newest = _Newest(own, talk, hashed.extended, remembered)
        form = f'"base":{compact(known.id if known else None)},"order":[{",".join(map(compact, pieces.order))}]'
        if MESSAGES in pieces.order and MESSAGES not in pieces.fields:
            form += f',"keep":{kept},"add":[{",".join(added)}]'
        if referring:
            form += f',"blobs":{compact(referring)}'
        return blobs, f'{form},"set":{{{",".join(changed)}}}'

    def _base(self, keys: list[bytes], digests: dict[str, bytes]) -> tuple[_Known | None, int]:
        """The earlier request that shares most, and how many of its messages. None where nothing is shared."""
        for length in range(len(keys), 0, -1):
            known = self._digests.get(keys[length - 1])
            if known is not None:
                return known, length
        known = self._digests.get(_shared_fields(digests))
        shares = known is not None and not known.fields.items().isdisjoint(digests.items())
        return known if shares else None, 0

    def _without_blobs(self, messages: list[str]) -> tuple[dict[str, str], list[str], list[int]]:
        """`messages` with long base64 replaced by its hash.

        Returns:
            A line, by that hash, for each text that is new; the messages; and the numbers of those that refer to one.
        """
        lines: dict[str, str] = {}
        added: list[str] = []
        referring: list[int] = []
        for message in messages:
            short = self._without_blob(message, lines)
            if short is not message:
                referring.append(len(added))
            added.append(short)
        return lines, added, referring

    def _without_blob(self, text: str, lines: dict[str, str]) -> str:
        """A message that itself holds an object like those that stand for a blob stays as it is."""
        if len(text) < _BLOB_BYTES or '"base64"' not in text or BLOB_KEY in text:
            return text
        message = json.loads(text)
        found: dict[str, str] = {}
        _take_blobs(message, found)
        for digest, data in found.items():
            if bytes.fromhex(digest) not in self._digests:
                lines[digest] = f'{{"e":"blob","sha256":"{digest}","data":{compact(data)}}}'
        return compact(message) if found else text


_remembering: WeakSet[RequestEncoder] = WeakSet()
"""The encoders of this process that remember something, which share the number of digests."""

_BLOB_DIGEST = sha256().digest_size


class _Hashed:
    """The SHA-256 of a body, and of its beginnings, each byte hashed once.

    `extended` are those of `talks` that the body begins with, the shortest first.
    """

    def __init__(self, body: bytes, talks: list[_Talk]) -> None:
        self._body = memoryview(body)
        self._marks = [(0, sha256())]
        self.extended: list[_Talk] = []
        for talk in sorted(talks, key=lambda talk: talk.size):
            if talk.size < len(body) and self.digest(talk.size) == talk.digest:
                self.extended.append(talk)

    def digest(self, size: int) -> bytes:
        """The SHA-256 of the first `size` bytes."""
        at, hasher = self._marks[-1]
        if at == size:
            return hasher.digest()
        if at > size:
            at, hasher = next(mark for mark in reversed(self._marks) if mark[0] <= size)
        hasher = hasher.copy()
        hasher.update(self._body[at:size])
        if size > self._marks[-1][0]:
            self._marks.append((size, hasher))
        return hasher.digest()


class _Pieces(NamedTuple):
    """A request's top-level keys in order, its messages, and its other fields, all as JSON text."""

    order: list[str]
    messages: list[str]
    fields: dict[str, str]


def _pieces(body: bytes) -> _Pieces | None:
    """The pieces of a request; None where they do not give back `body`."""
    quick = quick_object(body)
    if quick is not None:
        listed = quick.get(MESSAGES)
        messages = [orjson.dumps(message).decode() for message in listed] if isinstance(listed, list) else None
        fields = {
            name: orjson.dumps(value).decode() for name, value in quick.items() if name != MESSAGES or messages is None
        }
        return _Pieces(list(quick), messages or [], fields)
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


def _pieces_after(talk: _Talk, body: bytes) -> _Pieces | None:
    """The pieces of `body`, which begins like `talk`, less what it shares with that; None where that is not so.

    A long history is so not parsed again with each turn.
    """
    rest = body[talk.size :]
    pieces = _pieces(b'{"%b":[%b' % (MESSAGES.encode(), rest.removeprefix(b","))) if rest[:1] in (b",", b"]") else None
    if pieces is None or MESSAGES in pieces.fields or not pieces.fields.keys().isdisjoint(talk.before):
        return None
    return pieces._replace(order=[*talk.before, *pieces.order])


def _talk(body: bytes, hashed: _Hashed, pieces: _Pieces, count: int, key: bytes, known: _Known) -> _Talk | None:
    if not count:
        return None
    at = pieces.order.index(MESSAGES)
    tail = "".join([f",{compact(name)}:{pieces.fields[name]}" for name in pieces.order[at + 1 :]])
    size = len(body) - len(f"]{tail}}}".encode())
    return _Talk(size, hashed.digest(size), count, key, tuple(pieces.order[:at]), known)


def _chain(messages: list[str], key: bytes = b"") -> list[bytes]:
    """A key for each of `messages` and all before it, of which `key` stands for those that came earlier."""
    keys = []
    for text in messages:
        key = blake2b(key + text.encode("utf-8"), digest_size=16).digest()
        keys.append(key)
    return keys


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8"), digest_size=16).digest()


def _shared_fields(digests: dict[str, bytes]) -> bytes:
    return b"fields" + digests.get("system", b"-") + digests.get("tools", b"-")


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
