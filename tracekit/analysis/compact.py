"""Describe a row that shows several nodes, of a chain or of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracekit import semconv
from tracekit.analysis.alike import AlikeNodes
from tracekit.formatting import format_duration
from tracekit.model.text import printable
from tracekit.model.tree import Node

__all__ = ["short_model", "summary_of_group", "telling_argument"]

_LONGEST = 200
_MOST_BESIDE = 32


def summary_of_group(group: AlikeNodes, now_ns: int) -> tuple[str, str]:
    """The median and the longest duration of the members."""
    times = sorted(child.duration_ns(now_ns) for child in group.children)
    return f"p50 {format_duration(times[len(times) // 2])}", f"max {format_duration(times[-1])}"


def telling_argument(tool: Node, beside: Sequence[Node] = ()) -> str:
    """Return the argument of a `tool` that distinguishes it from its siblings, for a row, or "".

    It is the shortest that differs between calls of the same tool, else the first.
    """
    asked = tool.attributes.get(semconv.TOOL_CALL_ARGUMENTS)
    if not isinstance(asked, Mapping):
        return printable(asked, most=_LONGEST) if isinstance(asked, str) else ""
    texts = {key: value for key, value in asked.items() if isinstance(value, str)}
    others = [
        other.attributes.get(semconv.TOOL_CALL_ARGUMENTS) for other in beside[:_MOST_BESIDE] if _alike(tool, other)
    ]
    given = [other for other in others if isinstance(other, Mapping)]
    telling = [value for key, value in texts.items() if any(other.get(key) != value for other in given)]
    return printable(min(telling, key=len, default=next(iter(texts.values()), "")), most=_LONGEST)


def _alike(tool: Node, other: Node) -> bool:
    return other.kind == "tool" and other.name == tool.name


def short_model(llm: Node) -> str:
    """The name of the model of a call, without the vendor's name that all of them bear."""
    return printable((llm.model or llm.name).removeprefix("claude-"), most=_LONGEST)
