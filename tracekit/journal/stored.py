"""Requests and responses as stored in a journal: in parts, read and joined on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol, TypeAlias

from tracekit.journal.bodies import compact
from tracekit.journal.lines import Line
from tracekit.journal.requests import BLOB_KEY, MESSAGES
from tracekit.model.events import Request
from tracekit.model.history import Messages, Part, RequestFields, asked_in
from tracekit.origin import pass_on

__all__ = ["Blobs", "BodyInParts", "LateBody", "LatePart", "StoredRequest", "WholeBody", "blobs_in"]

ReadBody: TypeAlias = Callable[[Mapping[str, Any]], bytes]


class Blobs:
    """Long base64 texts by their SHA-256: those of lines that can be read again, and others."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._texts: dict[str, str] = {}
        self._sizes: dict[str, int] = {}

    def add(self, digest: str, text: str, line: Line | None) -> None:
        """Remember `text`, which `line` holds."""
        self._sizes[digest] = len(text)
        if line is None:
            self._texts[digest] = text
        else:
            self._lines[digest] = line

    def size(self, digest: str) -> int:
        """Characters of a text.

        Raises:
            KeyError: There is no such text.
        """
        return self._sizes[digest]

    def inserted(self, value: Any) -> Any:
        """`value`, which may be any JSON, with the texts that it refers to."""
        if isinstance(value, list):
            return [self.inserted(item) for item in value]
        if isinstance(value, dict):
            if len(value) == 1 and BLOB_KEY in value:
                return self._text(value[BLOB_KEY])
            return {name: self.inserted(item) for name, item in value.items()}
        return value

    def _text(self, digest: str) -> str:
        line = self._lines.get(digest)
        return self._texts[digest] if line is None else str(line.data()["data"])


def blobs_in(value: Any) -> Iterator[str]:
    """The digests of the texts that `value`, which may be any JSON, refers to."""
    if isinstance(value, list):
        for item in value:
            yield from blobs_in(item)
    elif isinstance(value, dict):
        if len(value) == 1 and BLOB_KEY in value:
            yield value[BLOB_KEY]
        else:
            for item in value.values():
                yield from blobs_in(item)


class LatePart:
    """A message or a field of a request, by its place in the line. `blobs` are its references."""

    __slots__ = ("_blobs", "_line", "_member", "_name", "size")

    def __init__(self, line: Line, size: int, member: str, name: int | str, blobs: Blobs | None = None) -> None:
        self._line = line
        self.size = size
        self._member = member
        self._name: Any = name
        self._blobs = blobs

    @property
    def value(self) -> Any:
        """The value, read from the journal.

        Raises:
            JournalError: The journal was removed or changed.
        """
        value = self._line.data()["request"][self._member][self._name]
        return value if self._blobs is None else self._blobs.inserted(value)


_LARGEST_ODD = 1_000_000


class StoredBody(Protocol):
    """The body of a request as it stands in a journal. `digest` is its SHA-256 in hex, `size` its bytes."""

    digest: str

    @property
    def size(self) -> int:
        """The size in bytes."""

    def joined(self) -> bytes | None:
        """The bytes; None where they are not those that were sent.

        Raises:
            JournalError: The journal was removed or changed.
        """

    def asked(self) -> RequestFields:
        """Return the body in parts."""


class WholeBody:
    """A body of which its line holds all. `read` makes the bytes of what the line says of the request."""

    __slots__ = ("_line", "_read", "digest", "size")

    def __init__(self, digest: str, size: int, line: Line, read: ReadBody) -> None:
        self.digest = digest
        self.size = size
        self._line = line
        self._read = read

    def joined(self) -> bytes:
        """The bytes, which were checked when the line was first read."""
        return self._read(self._line.data()["request"])

    def asked(self) -> RequestFields:
        """The body in parts."""
        return asked_in(self.joined())


class BodyInParts:
    """A body of which its line holds what it adds to an earlier one.

    `is_odd` says that its parts are not as code behind the journal counts on, by their types or their depth.
    """

    __slots__ = ("digest", "fields", "is_odd", "messages", "order", "size")

    def __init__(
        self,
        digest: str,
        order: Sequence[str],
        fields: Mapping[str, Part],
        messages: Messages | None,
        *,
        is_odd: bool = False,
    ) -> None:
        self.is_odd = is_odd
        self.digest = digest
        self.order = order
        self.fields = fields
        self.messages = messages
        size = sum(len(compact(name).encode()) + 2 + self._size_of(name) for name in order)
        self.size = size + 1 if order else 2

    def _size_of(self, name: str) -> int:
        if name == MESSAGES and self.messages is not None:
            return 2 + (0 if self.messages.last is None else self.messages.last.size)
        return self.fields[name].size

    def asked(self) -> RequestFields:
        """The body in parts. An odd one is read as a whole, and a large odd one not at all."""
        if not self.is_odd:
            return RequestFields(self.fields, self.messages)
        return asked_in(self.joined()) if self.size <= _LARGEST_ODD else RequestFields()

    def joined(self) -> bytes | None:
        """The bytes; None where they are not those that were sent."""
        texts = {name: compact(part.value) for name, part in self.fields.items() if name in self.order}
        if self.messages is not None:
            texts[MESSAGES] = f"[{','.join(map(compact, self.messages))}]"
        body = ("{" + ",".join(f"{compact(name)}:{texts[name]}" for name in self.order) + "}").encode("utf-8")
        return body if sha256(body).hexdigest() == self.digest else None


class LateBody:
    """A body that is put together, by `build`, when it is asked for. `base` is the body that it continues."""

    __slots__ = ("_build", "_is_wrong", "base", "built", "digest", "line")

    def __init__(
        self, build: Callable[[LateBody], BodyInParts], digest: str, line: Line, base: LateBody | None
    ) -> None:
        self.digest = digest
        self.line = line
        self.base = base
        self.built: BodyInParts | None = None
        """The body, once it was asked for, or one that continues it was."""
        self._build = build
        self._is_wrong: bool | None = None

    @property
    def size(self) -> int:
        """Bytes of the body; 0 where it cannot be given back."""
        body = self._body()
        return 0 if body is None else body.size

    def joined(self) -> bytes | None:
        """The bytes; None where they are not those that were sent."""
        body = self._body()
        return None if body is None else body.joined()

    def asked(self) -> RequestFields:
        """The body in parts; nothing where it cannot be given back."""
        body = self._body()
        return RequestFields() if body is None else body.asked()

    def _body(self) -> BodyInParts | None:
        if self._is_wrong is None:
            try:
                self.built = self._build(self)
                self._is_wrong = False
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError) as error:
                pass_on(error)
                self._is_wrong = True
        return None if self._is_wrong else self.built


class StoredRequest(Request):
    """A request whose body is joined when it is asked for: of a long history that takes time and room."""

    __slots__ = ("_stored",)

    _stored: StoredBody

    def __init__(
        self,
        method: str,
        host: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: StoredBody,
    ) -> None:
        for name, value in (("method", method), ("host", host), ("path", path), ("query", query), ("headers", headers)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "digest", body.digest)
        object.__setattr__(self, "_stored", body)

    @property
    def body(self) -> bytes | None:
        """The bytes that were sent; None where the journal does not give them back.

        Raises:
            JournalError: The journal was removed or changed.
        """
        return self._stored.joined()

    @property
    def asked(self) -> RequestFields:
        """The body in parts."""
        return self._stored.asked()

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return self._stored.size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Request):
            return NotImplemented
        head = (self.method, self.host, self.path, self.query, self.headers)
        if head != (other.method, other.host, other.path, other.query, other.headers):
            return False
        return self.body == other.body if not other.digest else self.digest == other.digest

    __hash__ = Request.__hash__
