"""The spans of a translated session, whose content is read when it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tracekit.journal.imported import Prompt
from tracekit.model.events import Attributes, Failure, Kind, Request, Response
from tracekit.model.run import RunInfo

__all__ = ["ImportedLane", "ImportedSpan", "Translation"]


def _nothing() -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class ImportedSpan:
    """A span of another tool's record. `end_ns` is None while the record has no end of it.

    `content` and `end_content` make the attributes that hold texts, `prompt` and `response` the bodies. They are called
    when the span is written, so that a session of any size is translated in little memory.
    """

    id: str
    parent: str | None
    kind: Kind
    name: str
    start_ns: int
    end_ns: int | None
    lane: str = "m"
    status: Literal["ok", "error"] = "ok"
    failure: Failure | None = None
    attributes: Attributes = field(default_factory=dict)
    end_attributes: Attributes = field(default_factory=dict)
    content: Callable[[], Attributes] = _nothing
    end_content: Callable[[], Attributes] = _nothing
    request: Request | None = None
    prompt: Prompt | None = None
    response: Callable[[], Response] | None = None

    @property
    def begin_state(self) -> tuple[object, ...]:
        """Everything that the line of the span's begin depends on, but its content."""
        return (self.parent, self.kind, self.name, self.start_ns, self.lane, _shown(self.attributes))

    @property
    def end_state(self) -> tuple[object, ...]:
        """Everything that the line of the span's end depends on, but its content."""
        failure = self.failure and (self.failure.type, self.failure.message)
        return (self.end_ns, self.status, failure, _shown(self.end_attributes), self.response is not None)


def _shown(attributes: Attributes) -> str:
    return repr(sorted(attributes.items()))


@dataclass(frozen=True, slots=True)
class ImportedLane:
    """A lane of an imported run: an agent's."""

    id: str
    parent: str | None
    at_ns: int


@dataclass(frozen=True, slots=True)
class Translation:
    """A session as a run. The spans stand in order: a request that continues another comes after it.

    `not_understood` counts what the translation left out, by what it is.
    """

    info: RunInfo
    source: Mapping[str, Any]
    lanes: Sequence[ImportedLane]
    spans: Sequence[ImportedSpan]
    not_understood: Mapping[str, int] = field(default_factory=dict)
