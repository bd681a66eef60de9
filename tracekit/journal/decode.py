"""Lines → events: the inverse of `tracekit.journal.encode`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, get_args

from tracekit.errors import JournalError, NewerJournalError
from tracekit.journal.attributes import typed_attributes
from tracekit.journal.bodies import compact, quick_json
from tracekit.journal.limits import ExpansionBudget
from tracekit.journal.lines import Line
from tracekit.journal.rebuild import Rebuilding
from tracekit.journal.schema import check_header, check_line, check_sse
from tracekit.journal.steady import STEADY_VERSION, Values, is_values
from tracekit.journal.stored import StoredRequest
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
    Unrecorded,
)
from tracekit.model.heads import HeadForm
from tracekit.model.parsing import parse_json
from tracekit.origin import pass_on

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
        header = parse_json(line)
    except ValueError as error:
        raise JournalError(f"{where} {_NO_JOURNAL}") from error
    if not isinstance(header, dict) or header.get("format") != "tracekit-journal":
        raise JournalError(f"{where} {_NO_JOURNAL}")
    version = header.get("version")
    if type(version) is not int:
        raise JournalError(f"{where} has a header that is damaged: 'version' is not a whole number")
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
    "is not a tracekit journal: its first line is not a header; "
    "a journal is a file that `tracekit export` wrote, or one that lies under runs/ in TRACEKIT_HOME"
)


class Decoder:
    """Decodes the lines of one segment, in the order in which they stand in it.

    `problem` says what of the newest event could not be read, though the event itself could. `allowance` is that of the
    file, in which there may be other segments. `is_lazy` says that requests are put together when they are asked for.
    """

    def __init__(self, allowance: ExpansionBudget | None = None, *, is_lazy: bool = False) -> None:
        self.problem = ""
        self._allowance = allowance or ExpansionBudget()
        self._is_lazy = is_lazy
        self._rebuilding = Rebuilding(body_of, self._allowance, is_lazy=is_lazy)
        self._line: Line | None = None
        self._values: Values | None = None

    @property
    def is_steady(self) -> bool:
        """Return whether the segment is in the steady form, whose lines need its values."""
        return self._values is not None

    def event(self, line: bytes, place: Line | None = None) -> Event | None:
        """Return the event in `line`, or None for a line without one or of an unknown kind.

        Where the `place` of the line is known, what it says of requests is read again when it is asked for.

        Raises:
            ValueError: The line is not whole.
        """
        self.problem = ""
        self._allowance.earn(len(line))
        try:
            if is_values(line):
                self._values = Values(line)
                return None
            if self._values is not None:
                line = self._values.fill(line)
                # What its place holds is not the line yet.
                place = None
            self._line = place
            held = [line]
            numbers = _before_request(line) if self._is_lazy and place is not None else None
            # A line may be larger than all else, so no form of it outlives its use.
            del line
            return self._event(check_line(_parsed(held, numbers)))
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
                return LaneBegin(data["id"], data["parent"], data["kind"], data["t"], data.get("function", ""))
            case "exit":
                return Exit(data["t"])
            case "replay" if data["mode"] in get_args(ReplayMode):
                return Replayed(data["t"], data["mode"])
            case "unrecorded":
                return Unrecorded(data["t"], data["caller"], data["host"], data["requests"])
            case "blob":
                self._rebuilding.blobs.add(data["sha256"], data["data"], self._line)
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
            self.problem = f"the body of the response to {id} cannot be restored: {_says(error)}"
            body = b""
        return Response(data["status"], data["headers"], body, HeadForm.read(data.get("form")))

    def _request(self, id: str, data: dict[str, Any]) -> Request:
        head = (data["method"], data["host"], data["path"], data.get("query", ""), data["headers"])
        # Where a body cannot be given back, that there was a request is worth more than what it said.
        try:
            body = None if "body" in data else self._rebuilding.body(id, data, self._line)
        except _WRONG as error:
            self.problem = f"the body of request {id} cannot be restored: {_says(error)}"
            return Request(*head, None, "")
        if isinstance(body, bytes | None):
            return Request(*head, body, "" if body is None else data["sha256"])
        return StoredRequest(*head, body)


def _before_request(line: bytes) -> bytes | None:
    """Return the part of `line` before a request in parts, which is read again; None without one."""
    at = line.find(b',"request":{"method":')
    return line[:at] if at > 0 and line.find(b'"order":[', at) > 0 else None


def _parsed(held: list[bytes], numbers: bytes | None) -> Any:
    """Parse the one line in `held`, and remove it. Only in its part `numbers` numbers need be exact."""
    try:
        value = quick_json(held[0], numbers)
    except ValueError as error:
        pass_on(error)
        return parse_json(held.pop().decode("utf-8", "surrogatepass"), most_depth=None)
    held.clear()
    return value


_WRONG = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError, MemoryError)
"""What reading a line raises that this version did not write, or not as a whole."""

_KINDS = frozenset(get_args(Kind))


def _says(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, LookupError) and error.args else str(error)


def body_of(data: Mapping[str, Any], allowance: ExpansionBudget | None = None) -> bytes:
    """The bytes that the member ``json``, ``sse``, ``text`` or ``b64`` of `data` stands for.

    Args:
        data: The part of a line that says what a body is.
        allowance: What the bytes count against; None for a line that was read before.

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


def _sse(item: str | list[Any], allowance: ExpansionBudget | None) -> bytes:
    if isinstance(item, str):
        return item.encode("utf-8")
    name, data = item[0], item[1]
    if not isinstance(data, str):
        text = compact(data)
        pad = item[2] if len(item) > 2 else 0
        if allowance is not None:
            allowance.spend(pad)
        data = f"{text[:-1]}{' ' * pad}}}"
    return f"event: {name}\ndata: {data}\n\n".encode()
