"""Compactions: the places where a conversation went on with a summary, and the calls that wrote the summaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tracekit import semconv
from tracekit.sources.claude_code.agents import MAIN, AgentLines
from tracekit.sources.claude_code.lines import CompactionPart, SessionLine
from tracekit.sources.ids import span_id
from tracekit.sources.translation import ImportedSpan

__all__ = ["Compaction", "compaction_span", "compactions_of", "is_compaction"]

_PREFIX = "acompact"


class Compaction(NamedTuple):
    """The line of a compaction, and the agent in whose file the call for its summary stands; empty for none."""

    line: SessionLine
    summary: str


def is_compaction(key: str) -> bool:
    """Return whether the agent with this `key` wrote a summary."""
    return key.startswith(_PREFIX)


def compactions_of(agents: Mapping[str, AgentLines]) -> list[Compaction]:
    """Return the compactions of the main conversation, each with the newest summary before it that no other has."""
    main = agents[MAIN]
    left = sorted((agent for key, agent in agents.items() if is_compaction(key)), key=lambda agent: agent.last_ns)
    found: list[Compaction] = []
    for line in (line for line in main.lines if isinstance(line.content, CompactionPart)):
        before = [agent for agent in left if agent.last_ns <= line.at_ns]
        left = [agent for agent in left if agent not in before]
        found.append(Compaction(line, before[-1].key if before else ""))
    return found


def compaction_span(
    each: Compaction, agents: Mapping[str, AgentLines], run: str, parent: str, lane: str
) -> ImportedSpan:
    """Return the span of a compaction. Without the call for its summary, the record only has its end."""
    part, start_ns = each.line.content, each.line.at_ns
    attributes: dict[str, Any] = {semconv.INFERRED_BOUNDS: True}
    if each.summary:
        start_ns, attributes = min(start_ns, agents[each.summary].start_ns), {}
    if isinstance(part, CompactionPart):
        attributes |= {semconv.COMPACTION_TRIGGER: part.trigger} if part.trigger else {}
        attributes |= {} if part.tokens is None else {semconv.COMPACTION_TOKENS: part.tokens}
    id = span_id(run, "compaction", each.line.uuid)
    return ImportedSpan(id, parent, "span", "compaction", start_ns, each.line.at_ns, lane, attributes=attributes)
