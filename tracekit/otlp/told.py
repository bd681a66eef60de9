"""A span of the record on its way out, before and after it is put in the conventions' form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from tracekit.model.events import Attributes, Failure, Kind
from tracekit.model.recording import Exchange

__all__ = ["Rules", "Told", "Wired", "span_id_of"]


@dataclass(slots=True)
class Told:
    """What the record tells of a span. `exchange` is an llm's last one, where content is wanted."""

    run: str
    run_name: str
    trace: str
    id: str
    parent: str | None
    kind: Kind
    name: str
    start_ns: int
    end_ns: int
    failure: Failure | None
    attributes: Attributes
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True)
class Wired:
    """A span as it is sent: attributes are strings, booleans, numbers, and lists of one of these."""

    trace: str
    id: str
    parent: str | None
    name: str
    is_client: bool
    scope: str
    start_ns: int
    end_ns: int
    failed: bool
    description: str
    attributes: Mapping[str, Any]


class Rules(NamedTuple):
    """What may leave: whether message content does, and what becomes of each text before.

    `sdks_content` lets content go that the SDK itself put on its span, since a client was told to (`content_mode`).
    """

    content: bool
    redact: Callable[[str], str]
    sdks_content: bool = False


def span_id_of(id: str) -> str:
    """`id` where it is a span's id already; for a node that was concluded, one that is always the same for it."""
    if len(id) == 16 and id.strip("0123456789abcdef") == "" and id.strip("0"):
        return id
    return sha256(id.encode()).hexdigest()[:16]
