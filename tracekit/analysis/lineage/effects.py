"""What a step touches, as far as that is known, by the surest thing that says so.

Declared on the agent or the tool by its author; recorded by the workspace that a tool used; annotated on an MCP tool;
set for the tool's name in the project's settings. A subagent of the runtime without any tool touches nothing. Of all
else the effects are unknown: a name or a description tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tracekit import semconv
from tracekit.analysis.batches import Work
from tracekit.analysis.lineage.values import clean, names_in
from tracekit.analysis.prompted import leaves
from tracekit.model.tree import Node

__all__ = ["LOOKING", "TOOL_EFFECTS", "UNKNOWN", "Effects", "effects_of", "looks"]

TOOL_EFFECTS = ("reads", "writes", "nothing")
"""Values of ``[tool.tracekit.tools]``: a tool changes nothing; changes what its arguments name, and nothing else; or
touches nothing that others touch."""

LOOKING = frozenset(
    [
        "analyse",
        "analyze",
        "check",
        "describe",
        "extract",
        "fetch",
        "find",
        "get",
        "inspect",
        "list",
        "look",
        "query",
        "read",
        "review",
        "scan",
        "search",
        "show",
        "summarize",
        "test",
        "view",
    ]
)
"""Verbs that begin the names of tools that mostly look at something. They sort what is possible, and decide nothing."""


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
        """Whether all that it touches is known, or that it changes nothing."""
        return bool(self.source)


UNKNOWN = Effects()

_MOST_LEVELS = 32
"""Agents within agents that are looked through."""


def effects_of(work: Work, by_name: Mapping[str, str]) -> Effects:
    """Return what `work` touched. `by_name` has what the settings say of tools, by their names."""
    return _of_node(work.node, by_name)


def looks(name: str) -> bool:
    """Return whether the name of a tool begins, or ends, as those do that mostly look at something."""
    words = name.lower().replace("-", "_").split("_")
    return words[0] in LOOKING or words[-1] in LOOKING


def _of_node(top: Node, by_name: Mapping[str, str]) -> Effects:
    """Return what the outermost agents and tools touched of which something is known; unknown if there is another."""
    if not top.children:
        return _known_of(top, by_name) or UNKNOWN
    found: list[Effects] = []
    stack = [(top, 0)]
    while stack:
        node, level = stack.pop()
        known = _known_of(node, by_name)
        if known is not None:
            found.append(known)
            continue
        below = list(_outermost(node.children))
        if not below or level == _MOST_LEVELS:
            return UNKNOWN
        stack.extend((child, level + 1) for child in below)
    return _joined(found)


def _known_of(node: Node, by_name: Mapping[str, str]) -> Effects | None:
    """Return what is known of `node` itself, whatever is below it; None for nothing."""
    declared = _noted(node, semconv.DECLARED_READS, semconv.DECLARED_WRITES, "declared")
    return _of_tool(node, by_name) if declared is None and node.kind == "tool" else declared


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


def _outermost(nodes: Iterable[Node]) -> Iterable[Node]:
    """The agents and tools at or below `nodes` that stand in no other agent or tool."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node.kind in ("agent", "tool"):
            yield node
        else:
            stack.extend(node.children)


def _joined(effects: Sequence[Effects]) -> Effects:
    return Effects(
        frozenset().union(*(each.reads for each in effects)),
        frozenset().union(*(each.writes for each in effects)),
        any(each.reads_anything for each in effects),
        " and ".join(dict.fromkeys(each.source for each in effects)),
    )
