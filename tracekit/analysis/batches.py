"""Group tools and agents that were dispatched together, by one response or by the program's code.

A *work* is a tool or an agent as it was dispatched; a subagent is the work of the tool that it serves. A *batch* is all
work in one turn, that is, all that one answer asked for. A *crew* is the agents that stand side by side under an agent,
a run or a span without an answer that asked for them: the program's own code dispatched them. Single calls that the code
made by itself are works, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from tracekit import semconv
from tracekit.analysis.timing.overlap import Interval, most_at_once
from tracekit.model.tree import Node, through_spans

__all__ = [
    "Batch",
    "Task",
    "batch_of",
    "blocking_of",
    "calls_of",
    "crews_of",
    "own_calls",
    "parents_of",
    "rounds_of",
    "turns_of",
]

_MOST_BELOW = 32
"""Nodes at and below what a single call stands in, with its attempts."""


@dataclass(eq=False)
class Task:
    """A tool or an agent at work. `asked` is the call whose answer asked for it, where one did.

    A call that code made by itself is work, too; it is `called` for its model.
    """

    node: Node
    asked: Node | None
    called: str = ""

    @cached_property
    def agent(self) -> Node | None:
        """The agent that ran."""
        below = self.node.walk() if self.node.children else (self.node,)
        return next((node for node in below if node.kind == "agent"), None)

    @cached_property
    def name(self) -> str:
        """The name of the tool or agent."""
        if self.called:
            return self.called
        if self.node.kind == "agent":
            return self.node.agent or self.node.name
        return str(self.node.attributes.get(semconv.TOOL_NAME, self.node.name))

    @cached_property
    def kind(self) -> str:
        """The tool or agent that was asked for, with the agent that a dispatcher started."""
        name = None if self.agent is None or self.agent.inferred else self.agent.agent
        return self.name if name in (None, self.name) else f"{self.name}({name})"

    @property
    def call_id(self) -> str | None:
        """The id of the `tool_use` block that it serves."""
        id = self.node.attributes.get(semconv.TOOL_CALL_ID)
        return None if id is None else str(id)

    @cached_property
    def calls(self) -> tuple[Node, ...]:
        """The calls of the work, or those of agents below it, in the order of their begins."""
        return tuple(sorted((node for node in self.node.walk() if node.kind == "llm"), key=lambda call: call.start_ns))

    @cached_property
    def has_calls(self) -> bool:
        """True if it made any call."""
        return any(node.kind == "llm" for node in self.node.walk())

    @property
    def comes_after(self) -> frozenset[str]:
        """The names of the steps that it comes after, as its author declared."""
        after = None if self.agent is None else self.agent.attributes.get(semconv.DECLARED_AFTER)
        return frozenset(map(str, after)) if isinstance(after, (list, tuple)) else frozenset()

    @property
    def lane(self) -> str:
        """The lane of its first call, else its own."""
        return self.calls[0].lane if self.calls else self.node.lane

    @property
    def is_bounded(self) -> bool:
        """True if its times are only the bounds within which it must have run."""
        return bool(self.node.attributes.get(semconv.INFERRED_BOUNDS))

    @cached_property
    def interval(self) -> Interval | None:
        """The time in which it ran; None while it is open."""
        return None if self.node.end_ns is None else Interval(self.node.start_ns, self.node.end_ns)

    @cached_property
    def busy(self) -> Interval | None:
        """The interval from its first call or tool on: before that, an agent may wait at a limit."""
        if self.interval is None or self.agent is None:
            return self.interval
        below = (node for node in self.node.walk() if node is not self.node)
        first = next((node for node in below if node.kind in ("llm", "tool")), self.node)
        return Interval(first.start_ns, self.interval.end_ns)

    @property
    def waited_ns(self) -> int:
        """The time before its first call or tool, in nanoseconds."""
        return 0 if self.busy is None else max(0, self.busy.start_ns - self.node.start_ns)

    @property
    def duration_ns(self) -> int:
        """The duration of the work in nanoseconds; 0 while it is open."""
        return 0 if self.node.end_ns is None else max(0, self.node.end_ns - self.node.start_ns)

    @property
    def arguments(self) -> Any:
        """The tool's arguments, if recorded."""
        return self.node.attributes.get(semconv.TOOL_CALL_ARGUMENTS)


@dataclass(frozen=True)
class Batch:
    """The tasks below `container`, a turn, in the order of their begins."""

    container: Node
    asked: Node | None
    works: tuple[Task, ...]

    @cached_property
    def timed(self) -> tuple[Task, ...]:
        """The works whose times are known and over."""
        return tuple(work for work in self.works if work.interval is not None and not work.is_bounded)

    @cached_property
    def unseen(self) -> tuple[Task, ...]:
        """The works of which only the bounds are known."""
        return tuple(work for work in self.works if work.is_bounded)

    @cached_property
    def at_once(self) -> int:
        """The most of `timed` that were busy at one moment."""
        if len(self.timed) < 2:
            return len(self.timed)
        return most_at_once(busy for work in self.timed if (busy := work.busy) is not None)


def turns_of(agent: Node) -> list[Node]:
    """The turns of `agent`, in order, within spans of the application's own too."""
    return [node for node in through_spans(agent.children) if node.kind == "turn"]


def batch_of(turn: Node) -> Batch:
    """Return the tools and agents that the response of `turn` requested."""
    below = list(through_spans(turn.children))
    asked = next((node for node in below if node.kind == "llm"), None)
    works = tuple(Task(node, asked) for node in below if node.kind in ("tool", "agent"))
    return Batch(turn, asked, works)


def crews_of(nodes: Iterable[Node]) -> list[Batch]:
    """The agents that the program's own code set to work side by side, two or more under one of `nodes`.

    An agent that was concluded from a single call is such a call, see `calls_of`.
    """
    return _side_by_side(
        nodes, lambda node: Task(node, None) if node.kind == "agent" and not _single_call(node) else None
    )


def calls_of(nodes: Iterable[Node]) -> list[Batch]:
    """The single calls that the program's own code made side by side, two or more under one of `nodes`.

    A call stands by itself, or is all that a turn, an agent or a tool of the program's own did.
    """
    return _side_by_side(nodes, _single_call)


def _side_by_side(nodes: Iterable[Node], work_of: Callable[[Node], Task | None]) -> list[Batch]:
    above = (node for node in nodes if len(node.children) > 1 and node.kind in ("run", "agent", "tool", "span"))
    found = (Batch(node, None, tuple(filter(None, map(work_of, node.children)))) for node in above)
    return [batch for batch in found if len(batch.works) > 1]


def rounds_of(batch: Batch) -> list[Batch]:
    """The works of `batch` whose times are known, in rounds: a new one begins where all before had ended."""
    rounds: list[list[Task]] = []
    last_ns = 0
    for work in sorted(batch.timed, key=lambda work: work.node.start_ns):
        if not rounds or work.node.start_ns >= last_ns:
            rounds.append([])
        rounds[-1].append(work)
        last_ns = max(last_ns, work.node.end_ns or 0)
    return [Batch(batch.container, batch.asked, tuple(works)) for works in rounds]


def blocking_of(nodes: Sequence[Node]) -> list[Node]:
    """Return the `nodes` that blocked an event loop, in order: calls, and tools that did so without such a call."""
    blocking = [node for node in nodes if node.attributes.get(semconv.SYNC_IN_EVENT_LOOP)]
    found: list[Node] = []
    around: set[str] = set()
    parents = parents_of(nodes) if blocking else {}
    for node in reversed(blocking):
        if node.end_ns is not None and node.id not in around:
            found.append(node)
        above = parents.get(node.id)
        while above is not None and above.id not in around:
            around.add(above.id)
            above = parents.get(above.id)
    return found[::-1]


def _single_call(node: Node) -> Task | None:
    is_asked = semconv.TOOL_CALL_ID in node.attributes
    if is_asked or (node.kind == "agent" and not node.inferred) or any(child.kind == "tool" for child in node.children):
        return None
    below = list(islice(node.walk(), _MOST_BELOW + 1))
    inner = [each for each in below if each.kind not in ("attempt", "span")]
    calls = [each for each in inner if each.kind == "llm"]
    is_small = len(below) <= _MOST_BELOW and len({each.kind for each in inner}) == len(inner)
    if len(calls) != 1 or not is_small:
        return None
    return Task(node, None, str(node.attributes.get(semconv.TOOL_NAME, f"call of {calls[0].model}")))


def parents_of(nodes: Iterable[Node]) -> Mapping[str, Node]:
    """The parent of each node below `nodes`, by id."""
    return {child.id: node for node in nodes for child in node.children}


def own_calls(agent: Node) -> list[Node]:
    """The calls of `agent` itself, in the order in which they began, without those of what it set to work."""
    found = [node for node in through_spans(agent.children) if node.kind == "llm"]
    for turn in turns_of(agent):
        found += [node for node in through_spans(turn.children) if node.kind == "llm"]
    return sorted(found, key=lambda call: call.start_ns)
