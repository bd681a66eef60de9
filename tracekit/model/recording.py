"""The content of a run's journals: segments, lanes, spans and exchanges, as they were recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from tracekit.model.events import Attributes, Failure, Kind, ReplayMode, Request, Unrecorded
from tracekit.model.heads import HeadForm
from tracekit.model.run import ProcessRoot

__all__ = ["Exchange", "Piece", "RecordedLane", "RecordedSpan", "Recording", "Segment"]


@dataclass(frozen=True, slots=True)
class Segment:
    """One process's part of a run.

    `alive` says that its writer still lives; `exited`, that it ended in good order. `damage` tells, for people, what
    could not be read of it. `replay_of` is the run that it replays, and `replay` how that went. `content` says how much
    of what was said is kept, `redaction` by which rules, and `ignore` which places of a request a replay passes over.
    `rootless` says that the run has no span of its own.
    `hash_seed` is the process's ``PYTHONHASHSEED``, None where it is not known. `source` names the tool from whose record
    the segment was imported; it is empty for a process that was recorded itself.
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
    replay_of: str | None = None
    replay: ReplayMode | None = None
    content: str = "full"
    redaction: tuple[Any, ...] = ()
    ignore: tuple[str, ...] = ()
    rootless: bool = False
    hash_seed: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class RecordedLane:
    """A task, thread, job or process that makes requests. `first_ns` is its first step, 0 if unknown."""

    segment: int
    id: str
    parent: str | None
    kind: str
    first_ns: int
    function: str = ""


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
    pieces: Sequence[Piece] = ()
    form: HeadForm | None = None

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
    lanes: Mapping[tuple[int, str], RecordedLane]
    spans: Mapping[str, RecordedSpan]
    exchanges: Mapping[str, Exchange]
    """By the id of the attempt."""
    unrecorded: tuple[Unrecorded, ...] = ()
    """The requests that are missing here, one entry for each caller and host."""

    @property
    def process_root(self) -> ProcessRoot | None:
        """The root span of a run that is a whole process."""
        return next((segment.root for segment in self.segments if segment.root is not None), None)

    @property
    def ignore(self) -> list[str]:
        """The places of requests that a replay passes over."""
        return list(dict.fromkeys(place for segment in self.segments for place in segment.ignore))

    @property
    def redaction(self) -> list[Any]:
        """The rules by which it was redacted, as the headers say them."""
        return [rule for segment in self.segments for rule in segment.redaction]

    @property
    def hash_seed(self) -> int | None:
        """The ``PYTHONHASHSEED`` of its processes; None where it is not known."""
        return next((segment.hash_seed for segment in self.segments if segment.hash_seed is not None), None)

    @property
    def source(self) -> str:
        """The tool from whose record the run was imported; empty for a run that was recorded itself."""
        return next((segment.source for segment in self.segments if segment.source), "")

    @property
    def replay_of(self) -> str | None:
        """The run that this one replays."""
        return next((segment.replay_of for segment in self.segments if segment.replay_of), None)

    @property
    def replay(self) -> ReplayMode | None:
        """The worst result of a replay among the processes, or None."""
        told = [segment.replay for segment in self.segments if segment.replay is not None]
        return max(told, key=get_args(ReplayMode).index, default=None)
