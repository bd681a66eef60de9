"""An agent's use of its tools, in the run at hand and in earlier runs of the same agent.

An agent is the same in two runs if its name and its system prompt are, but for the prompt's words with a digit (a date, an
id); without a prompt, if its name and the names of its tools are. Nothing is read here: whoever checks a run provides a
function that reads the earlier ones, and it is called only when a rule asks.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import combinations
from typing import Any, NamedTuple, TypeAlias

from tracekit.analysis.content import Content
from tracekit.analysis.structure.calls import system_of
from tracekit.model.conversation import blocks_of
from tracekit.model.history import Part, RequestFields
from tracekit.model.tree import Node

__all__ = ["MOST_RUNS", "AgentId", "Earlier", "Pair", "Practice", "PracticeReader", "ReadEarlier", "merged"]

MOST_RUNS = 20
"""Earlier runs of an agent that count, the newest ones."""

Pair: TypeAlias = tuple[str, str]
"""The names of two tools in alphabetical order, which may be one name twice."""


class AgentId(NamedTuple):
    """An agent across runs: its name and a digest of its system prompt, or else of its tools' names."""

    name: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Practice:
    """One agent's use of its tools in one run.

    `tools` is the digest of its tool definitions. `offered` are the names of the tools that every request of the agent
    defines, `called` those that a response requested, in this run or in the history that the run began with. `together`
    are the pairs of tool calls that one response requested. `is_whole` says that every request and response of the agent is
    recorded, so that a tool that is not in `called` was not requested.
    """

    agent: AgentId
    tools: str
    offered: frozenset[str]
    called: frozenset[str]
    together: frozenset[Pair]
    is_whole: bool


ReadEarlier: TypeAlias = Callable[[AgentId], Iterable[Practice]]
"""Reads the practices of an agent in earlier runs, one a run, newest first."""


class Earlier:
    """Earlier runs of a run's agents. Each agent is looked up once, on first use.

    Args:
        read: Reads the practices of one agent; None where no earlier run is known.
    """

    def __init__(self, read: ReadEarlier | None = None) -> None:
        self._read = read
        self._known: dict[AgentId, tuple[Practice, ...]] = {}

    @property
    def is_known(self) -> bool:
        """True if earlier runs can be looked up."""
        return self._read is not None

    def of(self, agent: AgentId) -> Sequence[Practice]:
        """The practices of `agent` in its newest earlier runs, at most `MOST_RUNS`, newest first."""
        if self._read is None:
            return ()
        if agent not in self._known:
            self._known[agent] = tuple(self._read(agent))[:MOST_RUNS]
        return self._known[agent]

    def requested_together(self, practice: Practice, one: str, other: str) -> int:
        """Count the earlier runs in which one response of the same agent, with the same tools, requested both tools."""
        pair = _pair(one, other)
        return sum(pair in each.together for each in self.of(practice.agent) if each.tools == practice.tools)


class PracticeReader:
    """Reads the practices of a run's agents. Prompts and definitions that many requests share are read once.

    Args:
        content: The requests and responses of the run.
        is_recorded: Returns whether the content of an llm node's process was recorded in full.
    """

    def __init__(self, content: Content, is_recorded: Callable[[Node], bool]) -> None:
        self._content = content
        self._is_recorded = is_recorded
        self._prompts: dict[Part, str] = {}
        self._tools: dict[Part, _Tools] = {}

    def read(self, name: str, calls: Sequence[Node]) -> Practice | None:
        """The practice of the agent `name`, whose own calls are `calls`; None where no response is recorded."""
        seen = _PracticeDraft()
        for call in calls:
            if not self._is_recorded(call) or self._content.is_rebuilt(call):
                seen.is_whole = False
                continue
            request, answer = self._content.request(call), self._content.answer(call)
            if request:
                tools = self._tools_of(request)
                if seen.prompt is None:
                    seen.prompt = self._prompt_of(request) or _digest(*sorted(tools.names))
                    seen.tools = tools.digest
                    seen.called.update(_requested_before(request))
                seen.offered = tools.names if seen.offered is None else seen.offered & tools.names
            if answer is not None:
                seen.answers += 1
                seen.add(list(_requested(answer)))
            seen.is_whole &= bool(request) and (answer is not None or call.status == "error")
        if seen.prompt is None or seen.offered is None or not seen.answers:
            return None
        agent, called, together = AgentId(name, seen.prompt), frozenset(seen.called), frozenset(seen.together)
        return Practice(agent, seen.tools, seen.offered, called, together, seen.is_whole)

    def _prompt_of(self, request: RequestFields) -> str:
        """The digest of the system prompt; empty where there is none."""
        part = request.part("system")
        if part is None:
            return ""
        if part not in self._prompts:
            _, prompt = system_of(part.value)
            self._prompts[part] = _digest(prompt) if prompt else ""
        return self._prompts[part]

    def _tools_of(self, request: RequestFields) -> _Tools:
        part = request.part("tools")
        if part is None:
            return _NO_TOOLS
        if part not in self._tools:
            self._tools[part] = _read_tools(part.value)
        return self._tools[part]


class _Tools(NamedTuple):
    """The tools of a request: the names, and the digest of the definitions."""

    names: frozenset[str]
    digest: str


_NO_TOOLS = _Tools(frozenset(), "")


@dataclass(slots=True)
class _PracticeDraft:
    """The practice of one agent while it is being read, call by call."""

    prompt: str | None = None
    tools: str = ""
    offered: frozenset[str] | None = None
    called: set[str] = field(default_factory=set)
    together: set[Pair] = field(default_factory=set)
    answers: int = 0
    is_whole: bool = True

    def add(self, names: Sequence[str]) -> None:
        """Add the names of the tools that one response requested."""
        counts = Counter(names)
        self.called.update(counts)
        self.together.update(_pair(one, other) for one, other in combinations(counts, 2))
        self.together.update((name, name) for name, count in counts.items() if count > 1)


def merged(practices: Iterable[Practice]) -> Mapping[AgentId, Practice]:
    """Join the practices of each agent that is in one run several times."""
    found: dict[AgentId, Practice] = {}
    for each in practices:
        known = found.get(each.agent)
        found[each.agent] = each if known is None else _joined(known, each)
    return found


def _joined(one: Practice, other: Practice) -> Practice:
    return Practice(
        one.agent,
        one.tools,
        one.offered & other.offered,
        one.called | other.called,
        one.together | other.together,
        one.is_whole and other.is_whole,
    )


def _requested_before(request: RequestFields) -> Iterator[str]:
    """The names of the tools that the history of `request` has calls of."""
    for message in request.messages.back():
        if message.role == "assistant":
            yield from _requested(message.value)


def _requested(message: Any) -> Iterator[str]:
    """The names of the tools that `message`, of an assistant, requests; of the API's own tools too."""
    content = message.get("content") if isinstance(message, Mapping) else None
    for block in blocks_of(content):
        if isinstance(block, Mapping) and str(block.get("type", "")).endswith("tool_use"):
            yield str(block.get("name"))


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one <= other else (other, one)


def _read_tools(tools: Any) -> _Tools:
    listed = tools if isinstance(tools, list) else ()
    names = (str(tool["name"]) for tool in listed if isinstance(tool, Mapping) and "name" in tool)
    return _Tools(frozenset(names), _digest(json.dumps(_without_marker(listed), sort_keys=True, default=str)))


def _without_marker(tools: Iterable[Any]) -> list[Any]:
    """The definitions without their cache markers, which are no part of what a tool is."""
    return [
        {name: value for name, value in tool.items() if name != "cache_control"} if isinstance(tool, Mapping) else tool
        for tool in tools
    ]


def _digest(*texts: str) -> str:
    return blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
