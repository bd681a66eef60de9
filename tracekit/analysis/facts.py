"""The facts of one run that rules ask for, each computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from tracekit import semconv
from tracekit.analysis.batches import (
    Batch,
    Task,
    blocking_of,
    calls_of,
    crews_of,
    own_calls,
    turns_of,
)
from tracekit.analysis.content import Content
from tracekit.analysis.earlier import AgentId, Earlier, Practice, PracticeReader, merged
from tracekit.analysis.efforts import Effort, efforts_of
from tracekit.analysis.lineage.profile import Profile
from tracekit.analysis.lineage.together import Together
from tracekit.analysis.timing.blocked import HeldUp, held_up
from tracekit.analysis.tree_facts import TreeFacts
from tracekit.model.tree import Node, Run

__all__ = ["Facts"]

_OVERLOADED = (429, 529)


class Facts(TreeFacts):
    """A run with the results of its analysis.

    `limit` is how many may work at once, None for no limit. Savings of less than `least_ns` count as none; by default
    that is a second, or a twentieth of the time between its first call and its last, if that is shorter, and never under
    a fiftieth of a second. `earlier` knows the same agents in earlier runs. `tools` has what the settings say of tools, by
    their names: see `TOOL_EFFECTS`.
    """

    def __init__(
        self,
        run: Run,
        *,
        limit: int | None = None,
        least_ns: int | None = None,
        earlier: Earlier | None = None,
        tools: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(run, least_ns=least_ns)
        self.run = run
        self.earlier = Earlier() if earlier is None else earlier
        self.tools = tools or {}
        self.limit = limit
        self.content = Content(run)
        self._turns: dict[str, Sequence[Node]] = {}
        self._own_calls: dict[str, Sequence[Node]] = {}
        self._practices: dict[str, Practice | None] = {}

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """The batches of tools and agents that one response requested together."""
        return tuple(batch for node in self.nodes if node.kind == "turn" and (batch := self.batch(node)).works)

    @cached_property
    def agents(self) -> tuple[Node, ...]:
        """The agents, parents before children, in order."""
        return tuple(node for node in self.nodes if node.kind == "agent")

    def turns(self, agent: Node) -> Sequence[Node]:
        """The turns of `agent`, in order."""
        if agent.id not in self._turns:
            self._turns[agent.id] = turns_of(agent)
        return self._turns[agent.id]

    def own_calls(self, agent: Node) -> Sequence[Node]:
        """Return the calls of `agent` itself, in the order of their begins."""
        if agent.id not in self._own_calls:
            self._own_calls[agent.id] = own_calls(agent)
        return self._own_calls[agent.id]

    def practice(self, agent: Node) -> Practice | None:
        """The use that `agent` made of its tools; None where its content was not recorded."""
        if agent.id not in self._practices:
            self._practices[agent.id] = self._practice_reader.read(agent.agent or "", self.own_calls(agent))
        return self._practices[agent.id]

    @cached_property
    def practices(self) -> Mapping[AgentId, Practice]:
        """The use that the agents made of their tools; agents of one name and system prompt are one."""
        return merged(practice for agent in self.agents if (practice := self.practice(agent)) is not None)

    @cached_property
    def _practice_reader(self) -> PracticeReader:
        return PracticeReader(self.content, self.is_recorded)

    def is_recorded(self, node: Node) -> bool:
        """Return whether all content of the process that recorded `node` was to be kept."""
        span = self.run.recording.spans.get(node.id)
        return span is not None and span.segment in self._full_segments

    @cached_property
    def _full_segments(self) -> frozenset[int]:
        """The numbers of the segments whose content is kept in full."""
        segments = enumerate(self.run.recording.segments)
        return frozenset(number for number, segment in segments if segment.content == "full")

    @cached_property
    def crews(self) -> tuple[Batch, ...]:
        """Agents that code started together by itself."""
        return tuple(crews_of(self.nodes))

    @cached_property
    def single_calls(self) -> tuple[Batch, ...]:
        """Single calls that code made side by side."""
        return tuple(calls_of(self.nodes))

    @cached_property
    def blocking(self) -> Sequence[Node]:
        """Nodes that blocked an event loop: calls of a sync client, and tools."""
        return blocking_of(self.nodes)

    @cached_property
    def held(self) -> Sequence[HeldUp]:
        """The nodes whose children held one another up."""
        return tuple(held_up(self.blocking, self.parents))

    @cached_property
    def _begins(self) -> Mapping[str, Sequence[int]]:
        begins: dict[str, list[int]] = {}
        for call in self.calls:
            begins.setdefault(call.lane, []).append(call.start_ns)
        return begins

    def begins_in_lane(self, lane: str) -> Sequence[int]:
        """Return the sorted begins of the calls of `lane`."""
        return self._begins.get(lane, ())

    @cached_property
    def efforts(self) -> tuple[Effort, ...]:
        """The calls grouped by request: repeats of a failed call stand with it."""
        return efforts_of(self.calls, self.content)

    def child_towards(self, container: Node, node: Node) -> Node:
        """Return the child of `container` that is `node` or stands above it."""
        parent = self.parents.get(node.id)
        while parent is not None and parent is not container:
            node, parent = parent, self.parents.get(parent.id)
        return node

    def agent_around(self, node: Node) -> Node | None:
        """The innermost agent around `node`."""
        above = self.parents.get(node.id)
        while above is not None and above.kind != "agent":
            above = self.parents.get(above.id)
        return above

    def profile(self, work: Task, following: Node | None = None) -> Profile:
        """Return the input and result of `work`. `following` is the call after it, which may bring its result."""
        return Profile(work, self.content, following, self.tools)

    @cached_property
    def together(self) -> Together:
        """The kinds of steps that agents requested together in one response."""
        return Together(self)

    def host(self, work: Task) -> str | None:
        """Return the machine on which `work` ran, or None if unknown. Clocks of two machines may differ."""
        host = self._hosts.get(work.node.id)
        if (host is None or self._is_spread) and work.calls:
            # Where it was dispatched may be another machine than where it was done.
            return self._hosts.get(work.calls[0].id, host)
        return host

    def set_to_work_ns(self, work: Task) -> int:
        """Return when the task, thread or job that ran `work` made its first step; 0 if unknown."""
        recording = self.run.recording
        node = work.calls[0] if work.calls else work.node
        span = recording.spans.get(node.id)
        lane = None if span is None else recording.lanes.get((span.segment, work.lane))
        return 0 if lane is None else lane.first_ns

    @cached_property
    def _hosts(self) -> Mapping[str, str]:
        """The machine of each recorded span, by id."""
        hosts = dict(enumerate(segment.host for segment in self.run.recording.segments))
        return {id: hosts[span.segment] for id, span in self.run.recording.spans.items() if span.segment in hosts}

    @cached_property
    def _is_spread(self) -> bool:
        """True if the run has spans of several machines."""
        return len({segment.host for segment in self.run.recording.segments}) > 1

    def is_one_clock(self, works: tuple[Task, ...]) -> bool:
        """Return whether one machine's clock timed all of `works`."""
        return len({self.host(work) for work in works}) == 1

    def overloads_within(self, node: Node) -> int:
        """Return how many attempts at and below `node` were rejected for overload (429 or 529)."""
        return sum(
            each.kind == "attempt" and each.attributes.get(semconv.HTTP_STATUS) in _OVERLOADED for each in node.walk()
        )
