"""Find the span of a run that a user names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracekit import semconv
from tracekit.analysis.compact import telling_argument
from tracekit.errors import RunNotFoundError
from tracekit.formatting import format_count
from tracekit.model.text import printable
from tracekit.model.tree import Node, Run

__all__ = ["find_span"]

_LISTED = 10
_LEAST_PREFIX = 4


def find_span(run: Run, text: str, parents: Mapping[str, Node]) -> Node:
    """Return the span with the id, the beginning of an id, or the name that `text` is.

    A subagent is meant rather than the tool of the same name that started it.

    Raises:
        RunNotFoundError: The text matches no span of the run, or several.
    """
    nodes = [*run.root.walk()]
    wanted = text.casefold()
    found = [node for node in nodes if node.id == text]
    found = found or [node for node in nodes if len(text) >= _LEAST_PREFIX and node.id.startswith(wanted)]
    if not found:
        named = [node for node in nodes if wanted in _names(node)]
        agents = [node for node in named if node.kind == "agent"]
        found = agents or named
    if len(found) == 1:
        return found[0]
    if found:
        raise RunNotFoundError(f"{text} means {_listed(found, parents)}\nGive the id of one of them.")
    names = sorted({_shown(node) for node in nodes if node.kind in ("agent", "tool")})
    known = f"it has {', '.join(names[:_LISTED])}" if names else "give the id of a span, as in `--format json`"
    raise RunNotFoundError(f"run {run.id[:8]} has no span {text}: {known}")


def _names(node: Node) -> set[str]:
    return {name.casefold() for name in (node.name, node.agent, node.attributes.get(semconv.TOOL_NAME)) if name}


def _shown(node: Node) -> str:
    return printable(str(node.agent or node.attributes.get(semconv.TOOL_NAME) or node.name), most=60)


def _listed(found: Sequence[Node], parents: Mapping[str, Node]) -> str:
    lines = []
    for node in found[:_LISTED]:
        tool = parents.get(node.id) if node.kind == "agent" else node
        argument = telling_argument(tool, parents[tool.id].children) if tool and tool.id in parents else ""
        lines.append(f"\n  {node.id}  {node.kind} {_shown(node)}  {argument}".rstrip())
    more = f"\n  … and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return f"{format_count(len(found), 'span')}:{''.join(lines)}{more}"
