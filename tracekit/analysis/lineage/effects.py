"""The known effects of a step: paths and names that it reads or writes, from the most reliable source.

Declared on the agent or the tool by its author; recorded by the workspace that a tool used; annotated on an MCP tool;
set for the tool's name in the project's settings. A subagent of the runtime without any tool touches nothing. Of all
else the effects are unknown: a name or a description tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tracekit import semconv
from tracekit.analysis.batches import Task
from tracekit.analysis.content import leaves
from tracekit.analysis.lineage.values import clean, names_in
from tracekit.model.tree import Node

__all__ = ["TOOL_EFFECTS", "UNKNOWN", "Effects", "effects_of"]

TOOL_EFFECTS = ("reads", "writes", "nothing")
"""Values of ``[tool.tracekit.tools]``: a tool changes nothing; changes what its arguments name, and nothing else; or
touches nothing that others touch."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Paths and names that a step read and wrote.

    Attributes:
        reads: What it read.
        writes: What it wrote.
        reads_anything: It reads, and nobody knows what.
        source: How that is known, in a word; empty where it is not, and may be anything.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    reads_anything: bool = False
    source: str = ""

    @property
    def is_known(self) -> bool:
        """Return whether all effects are known, or the step is known to change nothing."""
        return bool(self.source)


UNKNOWN = Effects()

_MOST_LEVELS = 32
"""Agents within agents that are looked through."""


def effects_of(work: Task, by_name: Mapping[str, str]) -> Effects:
    """Return what `work` touched. `by_name` has what the settings say of tools, by their names."""
    return _of_node(work.node, by_name, _MOST_LEVELS)


def _of_node(node: Node, by_name: Mapping[str, str], levels: int) -> Effects:
    """Return what is known of `node` itself, else what all outermost agents and tools below it touched."""
    known = _noted(node, semconv.DECLARED_READS, semconv.DECLARED_WRITES, "declared")
    if known is None and node.kind == "tool":
        known = _of_tool(node, by_name)
    if known is not None or not levels or not node.children:
        return known or UNKNOWN
    found: list[Effects] = []
    for below in _outermost(node.children):
        found.append(_of_node(below, by_name, levels - 1))
        if not found[-1].is_known:
            return UNKNOWN
    return Effects(
        frozenset().union(*(each.reads for each in found)),
        frozenset().union(*(each.writes for each in found)),
        any(each.reads_anything for each in found),
        " and ".join(dict.fromkeys(each.source for each in found)),
    )


def _of_tool(tool: Node, by_name: Mapping[str, str]) -> Effects | None:
    recorded = _noted(tool, semconv.WORKSPACE_READS, semconv.WORKSPACE_WRITES, "recorded")
    if recorded is not None:
        return recorded
    hints = tool.attributes.get(semconv.TOOL_ANNOTATIONS)
    if isinstance(hints, Mapping) and hints.get("readOnlyHint") is True:
        return Effects(reads_anything=True, source="annotated")
    said = by_name.get(str(tool.attributes.get(semconv.TOOL_NAME, tool.name)))
    if said == "writes":
        named = names_in(leaves(tool.attributes.get(semconv.TOOL_CALL_ARGUMENTS)))
        return Effects(writes=named, source="set") if named else None
    return Effects(reads_anything=said == "reads", source="set") if said else None


def _noted(node: Node, reads: str, writes: str, source: str) -> Effects | None:
    """Return what two attributes of `node` list; None where it has neither."""
    read, written = node.attributes.get(reads), node.attributes.get(writes)
    if not isinstance(read, (list, tuple)) and not isinstance(written, (list, tuple)):
        return None
    return Effects(_cleaned(read), _cleaned(written), source=source)


def _cleaned(names: object) -> frozenset[str]:
    return frozenset(clean(str(name)) for name in names) if isinstance(names, (list, tuple)) else frozenset()


def _outermost(nodes: Iterable[Node]) -> Iterator[Node]:
    """The agents and tools at or below `nodes` that stand in no other agent or tool."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node.kind in ("agent", "tool"):
            yield node
        else:
            stack.extend(node.children)
