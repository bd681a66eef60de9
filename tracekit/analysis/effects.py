"""What a work touches: paths and names, read or written, by the surest thing that says so.

Declared on the agent by its author; noted by the workspace that a tool used; else told by the names and arguments of
the tools that it ran. An agent that ran none is judged by its own name and input: a `refactor_agent` changes the path
that it is given, a `test_agent` looks at everything, and what only reads or writes prose touches nothing that another
could be waiting for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tracekit import semconv
from tracekit.analysis.batches import Work
from tracekit.analysis.content import leaves
from tracekit.analysis.roles import Role, role_of, runs_anything
from tracekit.model.tree import Node

__all__ = ["Effects", "effects_of", "role_in"]

_PATH_KEYS = frozenset(
    ["path", "paths", "file", "files", "filename", "file_path", "filepath", "dir", "directory", "folder", "cwd"]
)
_TOKEN = re.compile(r"[\w.@+~/\\:-]+")
_FILE = re.compile(r"[\w@+-]+(?:\.[\w@+-]+)*\.[A-Za-z]\w{0,9}")
_FIRST = re.compile(r"^\W*(\w+)")
_ASKS = re.compile(
    r"\s*(?:select|show|explain|describe)\b(?!.*\b(?:into|insert|update|delete|create|drop|alter|for update)\b)",
    re.IGNORECASE | re.DOTALL,
)
"""A query that only reads."""
_LONGEST_NAME = 80
_LONGEST_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Effects:
    """What was read and written: paths, and names as the arguments spell them.

    `reads_all` and `writes_all` say that it cannot be told what; `is_declared`, that the author said so.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    writes_names: bool = False
    reads_all: bool = False
    writes_all: bool = False
    is_declared: bool = False

    @property
    def changes(self) -> bool:
        """Whether anything is written."""
        return bool(self.writes) or self.writes_names or self.writes_all

    @property
    def looks(self) -> bool:
        """Whether anything is read that another could have written."""
        return bool(self.reads or self.names) or self.reads_all


def effects_of(work: Work, arguments: Any, described: str = "") -> Effects:
    """What `work`, which was given `arguments` and is `described` so to the model, touches."""
    declared = _declared(work)
    if declared is not None:
        return declared
    if not work.node.children and work.node.kind == "tool":
        return _tool_effects(work.node, arguments, described)
    tools = [node for node in work.within if node.kind == "tool" and (node is not work.node or not work.calls)]
    if not tools:
        return _by_name(work.name, arguments, is_agent=True, described=described)
    seen = _joined(
        [_tool_effects(tool, *((arguments, described) if tool is work.node else (None, ""))) for tool in tools]
    )
    if seen.changes or not work.calls:
        return seen
    by_name = _by_name(work.name, arguments, is_agent=True, described=described)
    # An agent that is there to change things, and is not seen to, has its changes made by the program.
    return _joined([seen, by_name]) if by_name.changes else seen


def _declared(work: Work) -> Effects | None:
    agent = work.agent
    if agent is None:
        return None
    reads, writes = (_listed(agent, name) for name in (semconv.DECLARED_READS, semconv.DECLARED_WRITES))
    if not reads and not writes:
        return None
    return Effects(reads, writes, is_declared=True)


def _listed(node: Node, name: str) -> frozenset[str]:
    value = node.attributes.get(name)
    return frozenset(_clean(str(item)) for item in value) if isinstance(value, (list, tuple)) else frozenset()


def _tool_effects(tool: Node, arguments: Any, described: str) -> Effects:
    reads, writes = _listed(tool, semconv.WORKSPACE_READS), _listed(tool, semconv.WORKSPACE_WRITES)
    if reads or writes:
        return Effects(reads, writes)
    name = str(tool.attributes.get(semconv.TOOL_NAME, tool.name))
    given = tool.attributes.get(semconv.TOOL_CALL_ARGUMENTS, arguments)
    return _by_name(name, given, is_agent=any(child.kind == "agent" for child in tool.children), described=described)


def _by_name(name: str, arguments: Any, *, is_agent: bool, described: str = "") -> Effects:
    role = role_in(name, arguments, is_agent=is_agent, described=described)
    paths, names = frozenset(_paths_in(arguments)), frozenset(_names_in(arguments))
    if role == "runs":
        # What it runs is text; the program that it starts may read and, unless it only tests, write anything.
        return Effects(paths, names=names, reads_all=True, writes_all=runs_anything(name) and not is_agent)
    if role == "tells" and isinstance(arguments, dict) and _PATH_KEYS & arguments.keys():
        role = "writes"
    if role == "writes":
        return Effects(writes=paths, names=names, writes_names=True, writes_all=not paths and not names)
    if role == "unknown" and not is_agent:
        return Effects(paths, names=names, writes_all=True)
    return Effects(paths, names=names)


def role_in(name: str, arguments: Any, *, is_agent: bool, described: str = "") -> Role:
    """What the name says that is done; else what the task begins with, or the query that is run."""
    role = role_of(name, described)
    if role == "unknown" and is_agent:
        first = next(iter(_FIRST.findall(next(iter(leaves(arguments)), ""))), "")
        by_task = role_of(first)
        if by_task in ("writes", "runs"):
            return "writes" if runs_anything(first) else by_task
        return "unknown"
    return "reads" if role == "runs" and any(_ASKS.match(text) for text in leaves(arguments)) else role


def _joined(all_effects: Iterable[Effects]) -> Effects:
    effects = list(all_effects)
    return Effects(
        frozenset().union(*(each.reads for each in effects)),
        frozenset().union(*(each.writes for each in effects)),
        frozenset().union(*(each.names for each in effects)),
        any(each.writes_names for each in effects),
        any(each.reads_all for each in effects),
        any(each.writes_all for each in effects),
    )


def _paths_in(arguments: Any) -> Iterator[str]:
    if isinstance(arguments, dict):
        for key in _PATH_KEYS & arguments.keys():
            for value in leaves(arguments[key]):
                if 0 < len(value) <= 4 * _LONGEST_NAME:
                    yield _clean(value)
    for text in leaves(arguments):
        for token in set(_TOKEN.findall(text[:_LONGEST_TEXT])):
            found = token.strip(".:")
            if 1 < len(found) <= 4 * _LONGEST_NAME and ("/" in token.strip("/") or _FILE.fullmatch(found)):
                yield _clean(token.rstrip(".:"))


def _names_in(arguments: Any) -> Iterator[str]:
    """Short values: ids, titles, keys. Numbers and yes or no are no names."""
    for text in leaves(arguments):
        name = text.strip().lower()
        if 1 < len(name) <= _LONGEST_NAME and " " not in name and name not in ("true", "false", "ok", "yes", "no"):
            yield name


def _clean(path: str) -> str:
    return path.strip().strip("'\"`").replace("\\", "/").removeprefix("./").strip("/").lower() or "."
