"""The events of a run: the vocabulary of the journal.

The instrument makes events, the journal writes them as lines and reads them back, and a `Recording` is what they add
up to. Times are nanoseconds since the epoch on a clock that only moves forward. Ids are lower-case hex: 16 digits for
a span, 32 for a run or a trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from tracekit.model.heads import HeadForm
    from tracekit.model.history import RequestFields

__all__ = [
    "Answered",
    "Attributes",
    "Chunk",
    "Event",
    "Exit",
    "Failure",
    "Kind",
    "LaneBegin",
    "ReplayMode",
    "Replayed",
    "Request",
    "Response",
    "SpanBegin",
    "SpanEnd",
    "Unrecorded",
]

Kind: TypeAlias = Literal["run", "agent", "turn", "llm", "attempt", "tool", "span"]
"""The levels of a run. `span` is anything else in the trace."""

ReplayMode: TypeAlias = Literal["followed", "projected", "diverged"]
"""The results of a replay, from best to worst."""

Attributes: TypeAlias = Mapping[str, Any]
"""Attribute values are strings, booleans, numbers or lists of these; a tool's arguments and result are any JSON."""

_NONE: Attributes = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Failure:
    """The failure of a span: the type of the error, and its message if there is one."""

    type: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it crossed the wire, less the headers that carry credentials.

    `body` is None where it could not be seen: an upload that is read while it is sent. `digest` is its SHA-256, in hex,
    where whoever made this knows it.
    """

    method: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None
    digest: str = field(default="", compare=False)

    @property
    def asked(self) -> RequestFields:
        """The body in parts."""
        from tracekit.model.history import asked_in  # noqa: PLC0415  only who reads a request needs it

        return asked_in(self.body)

    @property
    def size(self) -> int:
        """Bytes of the body; 0 where it could not be seen."""
        return len(self.body or b"")


class Response(NamedTuple):
    """One HTTP answer that arrived as a whole, its body content-decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    form: HeadForm | None = None


class LaneBegin(NamedTuple):
    """The first step of a lane: a task, job, thread or process that makes requests.

    `function` names the function of the program that it runs, or by which a library started it; empty if unknown.
    """

    id: str
    parent: str | None
    kind: Literal["main", "task", "thread", "job", "nursery", "process"]
    at_ns: int
    function: str = ""


class SpanBegin(NamedTuple):
    """A span begins. An attempt's begin carries its request. `trace` is empty where it equals the run's id."""

    id: str
    parent: str | None
    kind: Kind
    name: str
    at_ns: int
    lane: str
    trace: str = ""
    attributes: Attributes = _NONE
    request: Request | None = None


class Answered(NamedTuple):
    """The head of an answer whose body is read in chunks."""

    id: str
    at_ns: int
    status: int
    headers: Mapping[str, str]
    form: HeadForm | None = None


class Chunk(NamedTuple):
    """A piece of an answer's body, content-decoded, as the application's reading received it."""

    id: str
    at_ns: int
    data: bytes


class SpanEnd(NamedTuple):
    """A span ends. An attempt whose answer arrived as a whole carries it."""

    id: str
    at_ns: int
    status: Literal["ok", "error"]
    failure: Failure | None = None
    attributes: Attributes = _NONE
    response: Response | None = None


class Exit(NamedTuple):
    """The process ended in good order."""

    at_ns: int


class Replayed(NamedTuple):
    """The result of a replay: it followed the recording, projected other times from it, or diverged."""

    at_ns: int
    mode: ReplayMode


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """Requests to Claude of which only the number is known, because the way they were sent is not recorded.

    `caller` is the package that sent them to `host`; where `host` is empty, it is a program that was started.
    """

    at_ns: int
    caller: str
    host: str
    requests: int = 1


Event: TypeAlias = LaneBegin | SpanBegin | Answered | Chunk | SpanEnd | Exit | Replayed | Unrecorded
