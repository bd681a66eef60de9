"""What a run's journals add up to: segments, lanes, spans and exchanges, as they were recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tracekit.model.events import Attributes, Failure, Kind, Request
from tracekit.model.run import ProcessRoot

__all__ = ["Exchange", "Lane", "Piece", "RecordedSpan", "Recording", "Segment"]


@dataclass(frozen=True, slots=True)
class Segment:
    """One process's part of a run.

    `alive` says that its writer still lives; `exited`, that it ended in good order. `damage` tells, for people, what
    could not be read of it. `content` says how much of what was said it keeps: ``full``, ``metadata`` or ``off``.
    """

    path: str
    run: str
    name: str
    recorded_at_ns: int
    host: str
    pid: int
    root: ProcessRoot | None = None
    alive: bool = False
    exited: bool = False
    damage: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    content: str = "full"


@dataclass(frozen=True, slots=True)
class Lane:
    """Who asks: a task, thread, job or process. `first_ns` is its first step, 0 if unknown."""

    segment: int
    id: str
    parent: str | None
    kind: str
    first_ns: int


@dataclass(frozen=True, slots=True)
class RecordedSpan:
    """A span as it was recorded. `end_ns` is None while its end is not known.

    `segment` is the index of the segment in which it began.
    """

    id: str
    parent: str | None
    kind: Kind
    name: str
    start_ns: int
    end_ns: int | None
    status: Literal["ok", "error", "open"]
    failure: Failure | None
    attributes: Attributes
    lane: str
    segment: int
    trace: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer's body and when it arrived."""

    at_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """An attempt's request and answer as they crossed the wire, after redaction and content-decoding.

    `digest` is the SHA-256 of the request's body, in hex. `status` is 0 where no answer came.
    """

    attempt: str
    request: Request
    digest: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    answered_ns: int | None = None
    pieces: tuple[Piece, ...] = ()

    @property
    def body(self) -> bytes:
        """The answer's body, as far as it was read."""
        return b"".join(piece.data for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Recording:
    """A run as it was recorded, the union of its segments."""

    id: str
    name: str
    recorded_at_ns: int
    segments: tuple[Segment, ...]
    lanes: Mapping[tuple[int, str], Lane]
    spans: Mapping[str, RecordedSpan]
    exchanges: Mapping[str, Exchange]
    """By the id of the attempt."""

    @property
    def process_root(self) -> ProcessRoot | None:
        """The root span of a run that is a whole process."""
        return next((segment.root for segment in self.segments if segment.root is not None), None)
