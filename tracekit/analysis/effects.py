"""What a work touches: paths and names, read or written, by the surest thing that says so.

Declared on the agent by its author; noted by the workspace that a tool used; else told by the names and arguments of
the tools that it ran. An agent that ran none is judged by its own name and input: a `refactor_agent` changes the path
that it is given, a `test_agent` looks at everything, and what only reads or writes prose touches nothing that another
could be waiting for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from tracekit import semconv
from tracekit.analysis.batches import Work
from tracekit.analysis.content import leaves
from tracekit.model.tree import Node

__all__ = ["Effects", "Footprint", "Role", "builds_on", "effects_of", "judges", "role_of"]

Role: TypeAlias = Literal["reads", "writes", "runs", "tells", "unknown"]
"""What a name says: it looks at things, changes them, runs something that may touch all, only says something, or none."""

_RUNS = frozenset(
    [
        "bash",
        "shell",
        "run",
        "exec",
        "execute",
        "test",
        "tester",
        "testing",
        "tests",
        "verify",
        "verifier",
        "validate",
        "terminal",
        "sh",
    ]
)
_WRITES = frozenset(
    [
        "accept",
        "add",
        "adjust",
        "alter",
        "amend",
        "append",
        "apply",
        "approve",
        "archive",
        "assign",
        "book",
        "build",
        "builder",
        "buy",
        "cancel",
        "change",
        "charge",
        "clean",
        "cleaner",
        "close",
        "coder",
        "coding",
        "commit",
        "complete",
        "configure",
        "confirm",
        "convert",
        "copy",
        "correct",
        "create",
        "creator",
        "delete",
        "deploy",
        "deployer",
        "deposit",
        "developer",
        "develop",
        "disable",
        "drop",
        "edit",
        "editor",
        "enable",
        "engineer",
        "enroll",
        "escalate",
        "fix",
        "fixer",
        "format",
        "formatter",
        "grant",
        "implement",
        "implementer",
        "import",
        "init",
        "insert",
        "install",
        "invite",
        "launch",
        "lock",
        "mark",
        "merge",
        "migrate",
        "migrator",
        "modify",
        "move",
        "notify",
        "optimise",
        "optimize",
        "optimizer",
        "order",
        "patch",
        "pay",
        "post",
        "provision",
        "publish",
        "publisher",
        "purchase",
        "push",
        "put",
        "refactor",
        "refactoring",
        "refactorer",
        "refund",
        "register",
        "reject",
        "release",
        "remove",
        "rename",
        "repair",
        "replace",
        "reserve",
        "reset",
        "resolve",
        "restart",
        "restore",
        "restructure",
        "revert",
        "revoke",
        "rework",
        "rewrite",
        "rewriter",
        "rollback",
        "save",
        "schedule",
        "sell",
        "send",
        "set",
        "setup",
        "sign",
        "start",
        "stop",
        "store",
        "submit",
        "subscribe",
        "sync",
        "tag",
        "trade",
        "transfer",
        "transform",
        "unlock",
        "unsubscribe",
        "update",
        "updater",
        "upgrade",
        "upload",
        "withdraw",
    ]
)
_TELLS = frozenset(
    [
        "answer",
        "answerer",
        "architect",
        "brainstorm",
        "choose",
        "combine",
        "combiner",
        "compose",
        "composer",
        "conclude",
        "decide",
        "decider",
        "design",
        "designer",
        "draft",
        "drafter",
        "generate",
        "generator",
        "merge",
        "merger",
        "outline",
        "plan",
        "planner",
        "planning",
        "prioritise",
        "prioritize",
        "propose",
        "rank",
        "reply",
        "respond",
        "responder",
        "route",
        "router",
        "select",
        "summarise",
        "summarize",
        "summariser",
        "summarizer",
        "summary",
        "synthesise",
        "synthesize",
        "synthesis",
        "synthesizer",
        "translate",
        "translator",
        "write",
        "writer",
        "writing",
    ]
)
_JUDGES = frozenset(
    [
        "approve",
        "assess",
        "assessor",
        "audit",
        "auditor",
        "check",
        "checker",
        "compliance",
        "critic",
        "critique",
        "evaluate",
        "evaluator",
        "evaluation",
        "grade",
        "grader",
        "judge",
        "proofread",
        "rate",
        "review",
        "reviewer",
        "score",
        "scorer",
        "validate",
        "validator",
        "verify",
        "verifier",
    ]
)
_GATHERS = frozenset(
    [
        "collect",
        "collector",
        "crawl",
        "extract",
        "extractor",
        "fetch",
        "find",
        "gather",
        "get",
        "load",
        "lookup",
        "read",
        "reader",
        "research",
        "researcher",
        "retrieve",
        "scrape",
        "search",
        "searcher",
    ]
)
_WORKS_OUT = frozenset(
    [
        "analyse",
        "analyze",
        "analyser",
        "analyzer",
        "analysis",
        "analyst",
        "classify",
        "classifier",
        "compare",
        "describe",
        "estimate",
        "explain",
        "explainer",
        "interpret",
        "interpreter",
        "investigate",
    ]
)
_READS = frozenset(
    [
        "analyse",
        "analyze",
        "analysis",
        "analyser",
        "analyzer",
        "analyst",
        "review",
        "reviewer",
        "audit",
        "auditor",
        "inspect",
        "inspector",
        "read",
        "reader",
        "search",
        "find",
        "fetch",
        "get",
        "list",
        "look",
        "lookup",
        "research",
        "researcher",
        "check",
        "checker",
        "lint",
        "scan",
        "scanner",
        "classify",
        "classifier",
        "extract",
        "extractor",
        "explain",
        "compare",
        "estimate",
        "compliance",
        "security",
        "performance",
        "style",
        "view",
        "open",
        "show",
        "query",
        "grep",
        "glob",
        "count",
        "describe",
        "assess",
        "evaluate",
        "investigate",
        "explore",
        "explorer",
        "examine",
        "critique",
        "study",
        "survey",
        "status",
        "stat",
        "ls",
        "cat",
        "load",
        "retrieve",
        "browse",
        "profile",
    ]
)
_PATH_KEYS = frozenset(
    ["path", "paths", "file", "files", "filename", "file_path", "filepath", "dir", "directory", "folder", "cwd"]
)
_TOKEN = re.compile(r"[\w.@+~/\\:-]+")
_FILE = re.compile(r"[\w@+-]+(?:\.[\w@+-]+)*\.[A-Za-z]\w{0,9}")
_WORD = re.compile(r"[a-z]+|[A-Z][a-z]*|[A-Z]+(?![a-z])")
_LONGEST_NAME = 80
_LONGEST_TEXT = 100_000
_FIRST_WORDS = 6


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


class _Paths:
    """Paths, looked up by any path that is the same, above or below, wherever each of them begins."""

    def __init__(self) -> None:
        self._whole: dict[str, tuple[str, str]] = {}
        self._parts: dict[str, tuple[str, str]] = {}

    def add(self, paths: Iterable[str], who: str) -> None:
        for path in paths:
            self._whole.setdefault(path, (who, path))
            for part in _runs_of(path):
                self._parts.setdefault(part, (who, path))

    def touching(self, path: str) -> tuple[str, str] | None:
        """Who touches what that contains `path` or lies in it."""
        if not self._whole:
            return None
        if path == ".":
            return next(iter(self._whole.values()))
        for part in _runs_of(path):
            if part in self._whole:
                return self._whole[part]
        return self._parts.get(path) or self._whole.get(".")


@dataclass(slots=True)
class Footprint:
    """What several works touch together, and which of them touched it."""

    _reads: _Paths = field(default_factory=_Paths)
    _writes: _Paths = field(default_factory=_Paths)
    _names: dict[str, str] = field(default_factory=dict)
    _written_names: dict[str, str] = field(default_factory=dict)
    _reads_all: str = ""
    _writes_all: str = ""
    _changes: str = ""
    _looks: str = ""

    def add(self, effects: Effects, who: str) -> None:
        """Add what `who` touches."""
        self._reads.add(effects.reads, who)
        self._writes.add(effects.writes, who)
        for name in effects.names:
            (self._written_names if effects.writes_names else self._names).setdefault(name, who)
        self._reads_all = self._reads_all or (who if effects.reads_all else "")
        self._writes_all = self._writes_all or (who if effects.writes_all else "")
        self._changes = self._changes or (who if effects.changes else "")
        self._looks = self._looks or (who if effects.looks or effects.changes else "")

    def conflict(self, effects: Effects, who: str) -> str | None:
        """Why `who`, with these `effects`, may not run beside those added so far; None where it may."""
        return self.path_conflict(effects, who) or self._other_conflict(effects, who)

    def path_conflict(self, effects: Effects, who: str) -> str | None:
        """Which path both `who` and one of those added so far touch, where one of them writes it."""
        for path in sorted(effects.writes):
            other = self._writes.touching(path) or self._reads.touching(path)
            if other is not None:
                return f"{other[0]} touches {other[1]}, and {who} writes {path}"
        for path in sorted(effects.reads):
            other = self._writes.touching(path)
            if other is not None:
                return f"{other[0]} writes {other[1]}, and {who} reads {path}"
        return None

    def _other_conflict(self, effects: Effects, who: str) -> str | None:
        for name in sorted(effects.names):
            user = self._written_names.get(name) or (self._names.get(name) if effects.writes_names else None)
            if user is not None:
                return f"{user} and {who} are both given {name!r}, and one of them changes it"
        if (effects.reads_all and self._changes) or (effects.writes_all and self._looks):
            return f"{who} may touch what {self._changes or self._looks} does: its name or arguments do not tell what"
        if (self._reads_all and effects.changes) or (self._writes_all and (effects.looks or effects.changes)):
            other_name = self._reads_all or self._writes_all
            return f"{other_name} may touch what {who} does: its name or arguments do not tell what"
        return None


def _runs_of(path: str) -> Iterator[str]:
    """Each run of components of `path`: a relative path may begin at any folder of an absolute one."""
    parts = path.split("/")[-12:]
    for begin in range(len(parts)):
        for end in range(begin + 1, len(parts) + 1):
            yield "/".join(parts[begin:end])


@lru_cache(maxsize=1024)
def role_of(name: str, described: str = "") -> Role:
    """What the name of a tool or agent says of what it does; else the first words with which it is described."""
    by_name = _role([word.lower() for word in _WORD.findall(name)])
    if by_name != "unknown":
        return by_name
    first = [word.lower() for word in _WORD.findall(described[:200])][:_FIRST_WORDS]
    # A description says "Fixes", where a name says "fix".
    return _role([*first, *(word.removesuffix("s") for word in first), *(word.removesuffix("es") for word in first)])


def _role(words: list[str]) -> Role:
    if any(word in _RUNS for word in words):
        return "runs"
    if any(word in _WRITES for word in words) and not any(word in _TELLS for word in words):
        return "writes"
    if any(word in _TELLS for word in words):
        return "writes" if "file" in words or "files" in words else "tells"
    return "reads" if any(word in _READS for word in words) else "unknown"


def judges(name: str) -> bool:
    """Whether the name says that it judges what something else made."""
    return any(word.lower() in _JUDGES for word in _WORD.findall(name))


def builds_on(name: str, other: str) -> bool:
    """Whether, by their names, `name` works out what `other` gathers."""
    words, others = ({word.lower() for word in _WORD.findall(each)} for each in (name, other))
    return bool(words & _WORKS_OUT) and bool(others & _GATHERS)


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
    role = role_of(name, described)
    paths, names = frozenset(_paths_in(arguments)), frozenset(_names_in(arguments))
    if role == "runs":
        # What it runs is text; the program that it starts may read and, unless it only tests, write anything.
        only_tests = not {"bash", "shell", "exec", "execute", "run", "terminal", "sh"} & set(
            _WORD.findall(name.lower())
        )
        return Effects(paths, names=names, reads_all=True, writes_all=not only_tests and not is_agent)
    if role == "tells" and isinstance(arguments, dict) and _PATH_KEYS & arguments.keys():
        role = "writes"
    if role == "writes":
        return Effects(writes=paths, names=names, writes_names=True, writes_all=not paths and not names)
    if role == "unknown" and not is_agent:
        return Effects(paths, names=names, writes_all=True)
    return Effects(paths, names=names)


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
