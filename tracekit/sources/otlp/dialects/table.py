"""A dialect: the words in which a tool or a library describes its spans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tracekit.sources.otlp.span import SourceSpan

__all__ = ["Dialect", "Names", "SpanLevel", "no_content", "no_extras", "no_level"]

SpanLevel: TypeAlias = Literal[
    "run", "agent", "turn", "llm", "outer", "attempt", "tool", "workflow", "span", "pending", "second"
]
"""The level of a span in its trace.

`outer` is a call unless a call is below it. `pending` is a copy of an open span, and `second` the second record of a call.
"""

Names: TypeAlias = Mapping[str, tuple[str, ...]]
"""By the name that tracekit uses: the names under which a dialect records the same."""


def no_level(_: SourceSpan) -> SpanLevel | None:
    """Leave the level to the attributes that several dialects share."""
    return None


def no_content(_: SourceSpan) -> Mapping[str, Any]:
    """Leave the content to the attributes that several dialects share."""
    return {}


def no_extras(_: SourceSpan) -> Mapping[str, Any]:
    """Add no attributes."""
    return {}


@dataclass(frozen=True, slots=True)
class Dialect:
    """The table of a dialect.

    A span is in the dialect if its scope begins with one of `scopes`, or else if it has one of the attributes in `marks`.
    `level` decides the level, or leaves it to the shared attributes. `names` are the dialect's own names, which go before
    the shared ones; `extras` adds attributes that take more than a name. `cache` says whether the number of input tokens
    includes those of the cache. `cost` names the recorded cost of a call in US dollars. `content` returns messages,
    arguments and results in the form of the conventions. `is_server` tells of the other side of a call that a client records.
    """

    name: str
    scopes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    level: Callable[[SourceSpan], SpanLevel | None] = no_level
    names: Names = field(default_factory=dict)
    extras: Callable[[SourceSpan], Mapping[str, Any]] = no_extras
    cache: Literal["inside", "outside", "unknown"] = "unknown"
    cost: tuple[str, ...] = ()
    content: Callable[[SourceSpan], Mapping[str, Any]] = no_content
    is_server: bool = False
